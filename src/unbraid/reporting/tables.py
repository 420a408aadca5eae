"""The tables of a report: losses, scores, parts and settings, as text ready to be shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unbraid.config.experiment import Experiment
from unbraid.config.parts import PARTS
from unbraid.config.settings import Settings
from unbraid.distributions.registry import posteriors, priors
from unbraid.evaluation.loss_rows import KLParts, kl_rows, term_label
from unbraid.evaluation.stored import Scores
from unbraid.figures.series import number
from unbraid.metrics.registry import metrics, range_in_words
from unbraid.metrics.score_table import COLUMNS
from unbraid.options import options_of
from unbraid.phrases import in_words
from unbraid.registry import Entry
from unbraid.reporting.numbers import MISSING, count, decimal, duration, metric_name, plain, score_name

TITLES = {
    "loss": "Loss as trained: weighted sum of the terms",
    "nll": "Reconstruction, −log p(x|z): nats per image",
    "kl": "KL to the prior: nats per image",
    "sigma": "Standard deviation of a pixel, as learned",
}
"""Of charts of the terms that most objectives have; others go by their label."""
SPLIT_NAMES = {"train": "training", "test": "test"}


MOST_COLUMNS = 6


@dataclass(frozen=True)
class Table:
    """Column headings and rows of cells, the first cell of each row its heading."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def narrow(self) -> Table:
        """The same, turned on its side where it has more columns than a page takes and than it has rows."""
        if len(self.columns) <= max(MOST_COLUMNS, len(self.rows) + 1):
            return self
        head, *rows = zip(self.columns, *self.rows, strict=True)
        return Table(head, tuple(rows))


def term_title(name: str, unit: str = "nats", label: str = "") -> str:
    """The title of a chart of a term; arguments as of `term_label`."""
    return TITLES.get(name) or term_label(name, unit, label)


def loss_table(scores: Scores) -> Table:
    """Unweighted terms by splits, in nats per image."""
    columns = [f"{SPLIT_NAMES[name]} ({count(found.images)})" for name, found in scores.splits.items()]
    return Table(("nats per image", *columns), tuple((row.label.strip(), *row.cells(decimal)) for row in scores.loss_rows()))


def kl_part_table(parts: KLParts | None) -> Table | None:
    """The KL and its three parts, where the model has them."""
    if parts is None:
        return None
    rows = ((row.label.strip(), *row.cells(decimal), row.about) for row in kl_rows(parts))
    return Table(("", "nats per image", "what it is"), tuple(rows))


def parts_of(metric: str, result: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The scores of a metric by key; without its own where that only repeats its first part.

    So no single number stands for a metric with several parts, like DCI.
    """
    parts = {f"{metric}.{name}": found for name, found in result.items() if isinstance(found, Mapping) and "score" in found}
    first = next(iter(parts.values()), None)
    return parts if first is not None and first["score"] == result.get("score") else {metric: result, **parts}


@dataclass(frozen=True)
class Score:
    """One score: its name, its cells, and what a reader should know where it stands."""

    name: str
    cells: tuple[str, ...]
    remark: str = ""


@dataclass(frozen=True)
class ScoreRows:
    """Scores in rows under their columns; a column that no row has a value for is left out."""

    columns: tuple[str, ...]
    rows: tuple[Score, ...]


def score_rows(scored: Mapping[str, Any], factors: Sequence[str], uncoded: Sequence[str] = ()) -> ScoreRows:
    """All scores of a run with their references, and the score of each factor where there is one.

    Args:
        factors: names of the factors.
        uncoded: those of them that no single latent codes, for remarks on scores that do not show it.
    """
    found = []
    for metric, result in scored.get("metrics", {}).items():
        for place, (key, scores) in enumerate(parts_of(metric, result).items()):
            by_factor = scores.get("per_factor") or {}
            cells = (
                decimal(scores.get("score"), 3),
                *(_compared(scores, what) for what in COLUMNS),
                *(decimal(by_factor.get(factor)) for factor in factors),
            )
            found.append(Score(score_name(key), cells, _remark(metric, scores, uncoded, first=place == 0)))
    heads = ("score", *COLUMNS.values(), *(name.replace("_", " ") for name in factors))
    kept = [i for i in range(len(heads)) if i == 0 or any(one.cells[i] != MISSING for one in found)]
    return ScoreRows(
        tuple(heads[i] for i in kept), tuple(replace(one, cells=tuple(one.cells[i] for i in kept)) for one in found)
    )


def _compared(scores: Mapping[str, Any], what: str) -> str:
    if what == "interval":
        return " to ".join(decimal(end, 3) for end in scores.get(what) or ()) or MISSING
    return decimal(scores.get(what), 3)


def _remark(metric: str, scores: Mapping[str, Any], uncoded: Sequence[str], *, first: bool) -> str:
    """What a score does not see, and factors that it scores high though no single latent codes them."""
    parts = []
    if first and metric in metrics and metrics[metric].details.get("blind"):
        parts.append(f"Blind {metrics[metric].details['blind']}.")
    chance, best = number(scores.get("chance")), number(scores.get("ceiling"))
    middle = (chance + best) / 2
    high = [name for name in uncoded if number((scores.get("per_factor") or {}).get(name)) > middle]
    if high:
        names = in_words([name.replace("_", " ") for name in high])
        verb, them = ("score", "them") if len(high) > 1 else ("scores", "it")
        parts.append(
            f"{names[0].upper()}{names[1:]} {verb} high though no single latent codes {them}: several latents may tell of "
            f"{them} together, or what is no other factor is told by elimination."
        )
    return " ".join(parts)


def readings(names: Iterable[str]) -> list[tuple[str, str]]:
    """What each of some metrics measures and how to read it, by its name in words."""
    return [(metric_name(name), _reading(metrics[name])) for name in names if name in metrics]


def _reading(entry: Entry) -> str:
    details = entry.details
    parts = [entry.summary]
    if details.get("range"):
        parts.append(f"Ranges from {range_in_words(details['range'])}; more is better.")
    if details.get("chance"):
        parts.append(f"A code that knows nothing scores {details['chance']}.")
    if details.get("blind"):
        parts.append(f"Blind {details['blind']}.")
    if entry.source:
        parts.append(f"{entry.source}.")
    return " ".join(parts)


def part_table(experiment: Experiment, n_images: int | None = None) -> Table:
    """The parts of the model, what each is, and where it comes from.

    The number of images is told where it is given.
    """
    recipe = experiment.recipe()
    named = {part: getattr(experiment, part) for part in PARTS}
    chosen = [(part, PARTS[part][name]) for part, name in named.items() if name]
    chosen += [("posterior", posteriors[recipe.posterior]), ("prior", priors[recipe.prior])]
    rows = []
    for part, entry in chosen:
        options = getattr(experiment, f"{part}_options", {})
        given = ", ".join(f"{name} = {plain(value)}" for name, value in options.items())
        about = entry.summary
        if part == "data" and n_images is not None:  # whose summary is of what the default options give
            about += f" With these options: {count(n_images)} images of {plain(experiment.image_shape)}."
        rows.append(("data set" if part == "data" else part, entry.name, given, about, entry.source))
    return Table(("part", "name", "options", "what it is", "source"), tuple(rows))


def setting_table(experiment: Experiment) -> Table:
    """The settings of the run, with what each means."""
    specs = options_of(Settings)
    rows = [
        ("image shape", plain(experiment.image_shape), "channels, height and width in pixels"),
        ("training images", count(experiment.n_train), "all others are held out for testing"),
    ]
    for name, spec in specs.items():
        if name not in PARTS and hasattr(experiment, name):
            meaning = spec.option.help.split("; default")[0]
            rows.append((name.replace("_", " "), plain(getattr(experiment, name)), meaning))
    return Table(("setting", "value", "meaning"), tuple(rows))


TIMED = ("started", "seconds")
"""What the head of a report tells of the environment, in words."""


def environment_table(environments: Sequence[Mapping[str, Any]]) -> Table:
    """Device, platform and versions, as recorded when runs began; where runs differ all values."""
    found: dict[str, dict[str, None]] = {}
    for environment in environments:
        versions = environment.get("versions")
        for name, value in {**environment, **(versions if isinstance(versions, dict) else {})}.items():
            if name not in TIMED and not isinstance(value, (dict, list)):
                found.setdefault(str(name), {})[plain(value)] = None
    return Table(("what", "value"), tuple((name, "; ".join(values)) for name, values in found.items()))


def facts(environment: Mapping[str, Any], folder: str) -> list[str]:
    """When and where a run was made, in words, as far as that was recorded; its folder comes last."""
    told = []
    if isinstance(environment.get("started"), str):
        utc = " UTC" if environment["started"].endswith("+00:00") else ""
        told.append(f"trained {environment['started'][:16].replace('T', ' ')}{utc}")
    if np.isfinite(number(environment.get("seconds"))):
        told.append(f"in {duration(number(environment['seconds']))}")
    if isinstance(environment.get("device"), str):
        threads = environment.get("threads")
        cpu = environment["device"] == "cpu" and isinstance(threads, int)
        told.append(f"on {environment['device']}" + (f" with {threads} thread{'s' if threads != 1 else ''}" if cpu else ""))
    line = [" ".join(told)] if told else []
    if isinstance(environment.get("commit"), str) and environment["commit"]:
        line.append(f"commit {environment['commit'][:10]}")
    return [*line, f"folder {folder}"]
