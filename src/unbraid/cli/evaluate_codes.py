"""unbraid evaluate --codes FILE, and unbraid evaluate --encoder FILE --data DATA"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unbraid.cli.parse import Argument, HelpShown, parse, peek
from unbraid.cli.scored_files import (
    COLUMNS,
    METRICS,
    OVERWRITE,
    SEED,
    about,
    chosen_metrics,
    destination,
    in_words,
    out_argument,
    read,
    samples_of,
)
from unbraid.errors import UsageError
from unbraid.options import Option, OptionSpec

if TYPE_CHECKING:
    from unbraid.metrics.samples import Samples

FLAGS = ("--codes", "--encoder")
"""Options that choose these forms of the command."""
ENDING = ".scores.json"
_INTERVALS = Argument(
    OptionSpec("intervals", int, 10, Option("halves of the samples that 95 % intervals are made from; 0 for none", ge=0)),
    "intervals",
    "Options",
)
_SHARED = (METRICS, _INTERVALS, SEED, out_argument(ENDING), OVERWRITE)
_CODES = (
    Argument(
        OptionSpec("codes", str, None, Option(".npz, .csv, .tsv or .parquet file of codes and factors")), "codes", "Codes"
    ),
    *COLUMNS,
    *_SHARED,
)
_ENCODER = (
    Argument(OptionSpec("encoder", str, None, Option(".onnx file of an encoder")), "encoder", "Encoder"),
    Argument(OptionSpec("data", str, None, Option("data set that it encodes, like dsprites or npz:PATH")), "data", "Encoder"),
    Argument(
        OptionSpec("evaluate_images", int, None, Option("score a fixed part of this many images; default: all", ge=2)),
        "evaluate_images",
        "Encoder",
    ),
    *_SHARED,
)
_ABOUT_CODES = (
    "Score codes of any encoder by every metric, beside chance, an untrained encoder's where the file has them, and the best "
    "score that there can be. Writes the scores beside the file."
)
_ABOUT_ENCODER = (
    "Encode a data set by any encoder in an ONNX file, score its codes by every metric, and write the scores beside it."
)


def run(tokens: list[str]) -> int:
    """Run the command; returns the exit code."""
    chosen = {token.partition("=")[0] for token in tokens}.intersection(FLAGS)
    if len(chosen) > 1:
        raise UsageError("--codes are scored as they are, --encoder encodes --data; give one of them.")
    try:
        return _score_codes(tokens) if chosen == {"--codes"} else _score_encoder(tokens)
    except HelpShown:
        return 0


def _score_codes(tokens: list[str]) -> int:
    given = parse("evaluate --codes FILE", _ABOUT_CODES, _CODES, tokens)
    from unbraid.cli.console import out

    _check(given, _CODES)
    path = Path(given["codes"]).expanduser()
    target = destination(given, path, ENDING)
    arrays = read(path, given)
    for line in in_words(arrays):
        out.print(line)
    samples = samples_of(arrays)
    return _finish(given, samples, target, about(path.name, samples, arrays.factor_sizes), untrained=arrays.untrained)


def _score_encoder(tokens: list[str]) -> int:
    from unbraid.data.dataset import addressed, load_dataset
    from unbraid.data.registry import datasets

    data = peek(tokens, "--data")
    name, place = addressed(data, {}) if data else ("", {})
    own = (
        {flag: spec for flag, spec in datasets[name].options.items() if flag not in {a.flag for a in _ENCODER}} if name else {}
    )
    arguments = [*_ENCODER, *(Argument(spec, flag, f"Data set {name}") for flag, spec in own.items())]
    given = parse("evaluate --encoder FILE --data DATA", _ABOUT_ENCODER, arguments, tokens)
    if not name:
        raise UsageError("--encoder needs images to encode: --data dsprites, or npz:PATH. See: unbraid list datasets")
    from unbraid.cli.console import counting, out, stages
    from unbraid.data.progress import listening
    from unbraid.evaluation.encoding import choose_images
    from unbraid.evaluation.onnx_encoder import OnnxEncoder
    from unbraid.evaluation.scores import reference_arguments
    from unbraid.metrics.evaluate import choose
    from unbraid.metrics.samples import gather

    _check(given, _ENCODER)
    choose(chosen_metrics(given))
    path = Path(given["encoder"]).expanduser()
    target = destination(given, path, ENDING)
    encoder = OnnxEncoder(path)
    with listening(counting):
        dataset = load_dataset(name, **{key: value for key, value in given.items() if key in own}, **place)
    if dataset.space is None or dataset.factors is None:
        raise UsageError(f"{data} has no factors, and scores compare codes with factors. Give a data set that has some.")
    index = choose_images(dataset, given.get("evaluate_images"))
    mean, variance = encoder.encode(dataset, index, stages()("encoding"))
    width = f"variances from {encoder.spread}" if encoder.spread else "without variances"
    out.print(f"{len(index):,} images of {data}. Latents: {mean.shape[1]} from the output {encoder.mean}, {width}.")
    if encoder.left_out:
        out.print(f"Outputs left out: {', '.join(encoder.left_out)}. The width of posteriors is called var, logvar or std.")
    factors = dataset.factors[index]
    samples = gather(mean, factors, variance=variance, factor_names=dataset.space.names)
    facts = about(path.name, samples, dataset.space.sizes) | {"data": data}
    return _finish(given, samples, target, facts, **reference_arguments(dataset, index))


def _check(given: Mapping[str, Any], arguments: tuple[Argument, ...]) -> None:
    for argument in arguments:
        if argument.flag in given:
            argument.spec.check(given[argument.flag], "unbraid evaluate")


def _finish(
    given: Mapping[str, Any],
    samples: Samples,
    target: Path,
    facts: Mapping[str, Any],
    **references: Any,
) -> int:
    """Score beside `references`, write, print."""
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
        **references,
        progress=stages()("scoring"),
    )
    write_json(target, {**facts, "seed": seed, "intervals": intervals, "metrics": table.scores})
    print_metrics(
        table.scores, interval="95 %: where other samples would have put the score", untrained="untrained: as the file has it"
    )
    out.print(f"Scores: {target}")
    return 0
