"""unbraid evaluate --codes FILE, and unbraid evaluate --encoder FILE --data DATA"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unbraid.cli.arguments import (
    EVALUATE_IMAGES,
    METRICS,
    NULLS,
    data_options,
    intervals_option,
    options_of_any,
    out_option,
    overwrite_option,
)
from unbraid.cli.parse import Argument, Words, checked, option
from unbraid.cli.scored_files import (
    COLUMNS,
    SEED,
    about,
    chosen_metrics,
    destination,
    in_words,
    out_about,
    read,
    samples_of,
)
from unbraid.errors import UsageError

if TYPE_CHECKING:
    from unbraid.metrics.samples import Samples

ENDING = ".scores.json"
CODE_ENDINGS = (".npz", ".csv", ".tsv", ".txt", ".parquet", ".pq", ".h5ad", ".zarr")
_SHARED = (
    METRICS,
    intervals_option("samples"),
    NULLS,
    SEED,
    out_option(out_about(ENDING), "Options"),
    overwrite_option("replace the file of scores", "Options"),
)
_CODES = (
    option("codes", str, None, ".npz, .csv, .tsv, .parquet, .h5ad or .zarr file of codes and factors", "Codes"),
    *COLUMNS,
    *_SHARED,
)
_ENCODER = (
    option("encoder", str, None, ".onnx file of an encoder", "Encoder"),
    option("data", str, None, "data set that it encodes, like dsprites or npz:PATH", "Encoder"),
    replace(EVALUATE_IMAGES, group="Encoder"),
    *_SHARED,
)
_ABOUT_CODES = (
    "Score codes of any encoder by every metric, beside chance, an untrained encoder's where the file has them, and the best "
    "score that there can be. Writes the scores beside the file."
)
_ABOUT_ENCODER = (
    "Encode a data set by any encoder in an ONNX file, score its codes by every metric, and write the scores beside it."
)


def every_argument() -> list[Argument]:
    """All arguments of these forms of the command, whatever the data set."""
    from unbraid.data.registry import datasets

    return [*_CODES, *_ENCODER, *options_of_any(datasets)]


def with_codes(words: Words) -> Words:
    """The same with --codes FILE where the only run is a file of codes: `unbraid evaluate codes.npz`."""
    named = words.given.get("run") or []
    files = [name for name in named if Path(name).suffix.lower() in CODE_ENDINGS and not Path(name, "config.json").is_file()]
    if named and is_meant(words) and not words.help:
        form = "--codes" if "codes" in words.given else "--encoder"
        raise UsageError(f"{form} {words.given[form[2:]]} and {', '.join(named)} are not scored together; give one of them.")
    if len(named) > 1 and files and not words.help:
        raise UsageError(f"Runs are given together, files of codes are scored one at a time: unbraid evaluate {files[0]}")
    if not files or is_meant(words):
        return words
    return replace(words, given={**{name: value for name, value in words.given.items() if name != "run"}, "codes": named[0]})


def is_meant(words: Words) -> bool:
    """Whether one of these forms is meant, and not runs."""
    return bool({"codes", "encoder"} & words.given.keys())


def run(words: Words) -> int:
    """Run the command; returns the exit code."""
    if {"codes", "encoder"} <= words.given.keys():
        raise UsageError("--codes are scored as they are, --encoder encodes --data; give one of them.")
    return _score_codes(words) if "codes" in words.given else _score_encoder(words)


def _score_codes(words: Words) -> int:
    given = checked(replace(words, command="evaluate --codes FILE"), _ABOUT_CODES, _CODES)
    from unbraid.cli.console import out
    from unbraid.metrics.evaluate import choose

    choose(chosen_metrics(given))  # before a large file is read
    path = Path(given["codes"]).expanduser()
    target = destination(given, path, ENDING)
    arrays = read(path, given)
    for line in in_words(arrays):
        out.print(line)
    samples = samples_of(arrays)
    facts, notes = about(path.name, samples, arrays.values_of_factors), {"ceiling": "ceiling: the factors themselves as codes"}
    return _finish(given, samples, target, facts, notes, untrained=arrays.untrained)


def _score_encoder(words: Words) -> int:
    from unbraid.data.dataset import addressed, load_dataset

    data = words.given.get("data")
    name, place = addressed(data, {}) if data else ("", {})
    own = data_options(name, _ENCODER)
    given = checked(replace(words, command="evaluate --encoder FILE --data DATA"), _ABOUT_ENCODER, [*_ENCODER, *own])
    if not name:
        raise UsageError("--encoder needs images to encode: --data dsprites, or npz:PATH. See: unbraid list datasets")
    from unbraid.cli.console import counting, out, stages
    from unbraid.evaluation.encoding import choose_images
    from unbraid.evaluation.onnx_encoder import OnnxEncoder
    from unbraid.evaluation.scores import periods, reference_arguments
    from unbraid.metrics.evaluate import choose
    from unbraid.metrics.samples import gather
    from unbraid.progress import listening

    choose(chosen_metrics(given))
    path = Path(given["encoder"]).expanduser()
    target = destination(given, path, ENDING)
    encoder = OnnxEncoder(path)
    with listening(counting):
        dataset = load_dataset(name, **{a.flag: given[a.flag] for a in own if a.flag in given}, **place)
    if dataset.space is None or dataset.factors is None:
        raise UsageError(f"{data} has no factors, and scores compare codes with factors. Give a data set that has some.")
    index = choose_images(dataset, given.get("evaluate_images"))
    mean, variance = encoder.encode(dataset, index, stages()("encoding"))
    width = f"variances from {encoder.spread}" if encoder.spread else "without variances"
    out.print(f"{len(index):,} images of {data}. Latents: {mean.shape[1]} from the output {encoder.mean}, {width}.")
    if encoder.left_out:
        out.print(f"Outputs left out: {', '.join(encoder.left_out)}. The width of posteriors is called var, logvar or std.")
    factors = dataset.factors[index]
    space = dataset.space
    samples = gather(
        mean, factors, variance=variance, factor_names=space.names, continuous=space.continuous, cyclic=periods(space)
    )
    facts = about(path.name, samples, dict(zip(space.names, space.sizes, strict=True))) | {"data": data}
    return _finish(given, samples, target, facts, {}, **reference_arguments(dataset, index))


def _finish(
    given: Mapping[str, Any],
    samples: Samples,
    target: Path,
    facts: Mapping[str, Any],
    notes: Mapping[str, str],
    **references: Any,
) -> int:
    """Score beside `references`, print with `notes` on columns, write."""
    from unbraid.cli.console import out, stages
    from unbraid.cli.tables import print_metrics
    from unbraid.files import write_json
    from unbraid.metrics.evaluate import evaluate

    seed, intervals = given.get("seed", 0), given.get("intervals", 10)
    table = evaluate(
        samples,
        metrics=chosen_metrics(given),
        seed=seed,
        intervals=intervals,
        nulls=given.get("nulls", 0),
        **references,
        progress=stages()("scoring"),
    )
    written = {**facts, "seed": seed, "intervals": intervals, "cautions": list(table.cautions), "metrics": table.scores}
    print_metrics(
        table.scores,
        cautions=table.cautions,
        interval="95 %: holds the score that any number of such samples would give",
        untrained="untrained: as the file has it",
        **notes,
    )
    write_json(target, written)  # after they were shown, should that fail
    out.print(f"Scores: {target}")
    return 0
