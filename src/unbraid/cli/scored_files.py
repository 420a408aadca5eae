"""What commands that score files share: their options, the file of scores, and what was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unbraid.cli.parse import option
from unbraid.errors import UsageError
from unbraid.options import Option
from unbraid.phrases import counted

if TYPE_CHECKING:
    from unbraid.data.codes.arrays import CodeArrays
    from unbraid.metrics.samples import Samples

COLUMNS = (
    option("factors", str, None, "names of factors, joined by commas; default: all columns that are not latents", "Columns"),
    option(
        "continuous",
        str,
        None,
        "factors that are continuous, joined by commas; default: columns of fractions of which hardly any occurs twice",
        "Columns",
    ),
    option(
        "cyclic",
        str,
        None,
        "continuous factors that are angles and the like, each with its period, joined by commas: angle=360,hue=1",
        "Columns",
    ),
    option("classes", str, None, "factors that are not continuous, whatever their values, joined by commas", "Columns"),
    option(
        "latents", str, None, "columns that are latents; default: z0, mean_0, ..., or all numbers beside --factors", "Columns"
    ),
    option(
        "max_memory",
        float,
        4.0,
        Option("gigabytes that codes and factors may take in memory, at 8 bytes per number", gt=0),
        "Columns",
    ),
)
TO_SAY_OTHERWISE = (
    "To say otherwise: --classes NAME for values that are classes, --continuous NAME for others, --cyclic NAME=PERIOD for an "
    "angle."
)
SEED = option("seed", int, 0, Option("seed of votes, models and shuffles", ge=0))


def out_about(ending: str) -> str:
    """What the help of --out says."""
    return f"file of the scores; default: beside FILE, its name ending in {ending}"


def listed(given: Mapping[str, Any], name: str) -> list[str]:
    """Names with commas between; none where the option was not given."""
    return [word.strip() for word in given[name].split(",")] if given.get(name) else []


def chosen_metrics(given: Mapping[str, Any]) -> str | list[str]:
    """What --metrics says, as `unbraid.metrics.evaluate` takes it."""
    chosen = listed(given, "metrics") or ["core"]
    return chosen[0] if chosen[0] in {"core", "all"} and len(chosen) == 1 else chosen


def destination(given: Mapping[str, Any], beside: Path, ending: str) -> Path:
    """Where scores go.

    Raises `UsageError` where something is already and may not be replaced, and where nothing can be written.
    """
    from unbraid.data.codes.annotated import is_annotated
    from unbraid.files import require_writable

    if not (beside.is_file() or (is_annotated(beside) and beside.is_dir())):
        from unbraid.training.run import CODES

        if (beside / CODES).is_file():
            raise UsageError(f"{beside} is a run folder; score the run (unbraid evaluate {beside}), or its {beside / CODES}.")
        folder = ", but a folder" if beside.is_dir() else ""
        raise UsageError(f"There is no file {str(beside)!r}{folder}; give the path of the file to score.")
    path = Path(given["out"]) if given.get("out") else _named_after(beside, ending)
    if path.is_dir() or (path.exists() and path.samefile(beside)):
        raise UsageError(f"--out {path} is {'a folder' if path.is_dir() else 'what is scored'}; give another file.")
    if path.exists() and not given.get("overwrite"):
        raise UsageError(f"There is a file {path} already; give another --out, or --overwrite to replace it.")
    require_writable(path)
    return path


def _named_after(beside: Path, ending: str) -> Path:
    """c.scores.json for c.npz; tables keep their ending, so that c.csv beside it gives c.csv.scores.json."""
    from unbraid.data.codes.annotated import is_annotated
    from unbraid.data.files.table_file import ENDINGS

    keeps = beside.suffix.lower() in ENDINGS or is_annotated(beside)
    return beside.with_name((beside.name if keeps else beside.stem) + ending)


def read(path: Path, given: Mapping[str, Any]) -> CodeArrays:
    """The codes of a file, by the options of `COLUMNS`."""
    from unbraid.data.codes.files import read_codes

    most = int(given.get("max_memory", 4) * 1e9)
    periods, grouped = periods_of(given), listed(given, "classes")
    continuous = list(dict.fromkeys([*listed(given, "continuous"), *periods]))
    factors, latents = listed(given, "factors"), listed(given, "latents")
    return replace(
        read_codes(path, factors, latents, continuous=continuous, grouped=grouped, most=most),
        periods=periods,
    )


def periods_of(given: Mapping[str, Any]) -> dict[str, float]:
    """Cyclic factors with their periods, by --cyclic; raises `UsageError` for a period that is none."""
    found = {}
    for word in listed(given, "cyclic"):
        name, _, period = word.rpartition("=")
        try:
            found[name] = float(period)
        except ValueError:
            found[name] = 0.0
        if not name or not 0 < found[name] < float("inf"):
            raise UsageError(f"--cyclic {word}: give a name and how far it goes once around, as in angle=360.")
    return found


def samples_of(arrays: CodeArrays) -> Samples:
    """The same for metrics."""
    from unbraid.metrics.samples import gather

    return gather(
        arrays.codes,
        arrays.factors,
        variance=arrays.variance,
        factor_names=arrays.factor_names,
        continuous=arrays.continuous,
        cyclic=arrays.periods,
    )


def in_words(arrays: CodeArrays) -> list[str]:
    """What was read, a line each, so that a column taken for something else is noticed."""
    width = "with variances" if arrays.variance is not None else "without variances"
    factors = [f"{name} ({size or _of_numbers(arrays, name)})" for name, size in arrays.values_of_factors.items()]
    n = len(arrays.codes)
    lines = [f"{counted(n, 'sample')}. Latents, {width}: {_few(arrays.latent_names)}."]
    lines.append(f"Factors, with their numbers of values: {_few(factors)}.")
    left_out = [f"Left out: {_few(arrays.left_out)}."] if arrays.left_out else []
    said = [TO_SAY_OTHERWISE] if arrays.continuous else []
    return [*lines, *said, *left_out, *arrays.notes]


def _of_numbers(arrays: CodeArrays, name: str) -> str:
    """What a factor without classes was taken for."""
    return f"cyclic, period {arrays.periods[name]:g}" if name in arrays.periods else "continuous"


def _few(names: Sequence[str]) -> str:
    shown = names if len(names) <= 20 else [*names[:18], "...", names[-1]]
    return ", ".join(shown)


def about(source: str, samples: Samples, factors: Mapping[str, int]) -> dict[str, Any]:
    """What the file of scores says about the codes and their factors.

    Factors are listed by name with their number of values, 0 for a continuous one.
    """
    from unbraid import __version__

    return {
        "unbraid": __version__,
        "of": source,
        "samples": len(samples),
        "latents": samples.codes.shape[1],
        "variances": samples.variance is not None,
        "factors": dict(factors),
    }
