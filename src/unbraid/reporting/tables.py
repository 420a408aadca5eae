"""The tables of a report: losses, scores, parts and settings, as text ready to be shown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unbraid.config.experiment import Experiment
from unbraid.config.parts import PARTS
from unbraid.config.settings import Settings
from unbraid.data.dataset import SPLITS
from unbraid.distributions.registry import posteriors, priors
from unbraid.figures.series import number
from unbraid.metrics.registry import metrics, range_in_words
from unbraid.options import options_of
from unbraid.registry import Entry
from unbraid.reporting.numbers import count, decimal, metric_name, plain
from unbraid.training.log import is_nats

TERMS = {
    "loss": "Loss as trained (weighted sum)",
    "nll": "Reconstruction, z drawn",
    "nll_at_mean": "Reconstruction, at the mean",
    "kl": "KL to the prior",
    "kl_bound": "KL to the prior, at most",
    "mi": "Mutual information",
    "tc": "Total correlation",
    "dimension_wise_kl": "Dimension-wise KL",
    "quantization_codebook": "Codebooks to codes, squared",
    "quantization_commitment": "Codes to codebooks, squared",
    "sigma": "Standard deviation of a pixel",
    "shared": "Latents that a pair of images shares",
    "violation": "Beyond the bound that is asked for",
    "multiplier": "Weight of that bound",
    "discriminator/loss": "Discriminator's loss, 0.69 at chance",
    "discriminator/drawn": "Discriminator's loss on codes as drawn",
    "discriminator/permuted": "Discriminator's loss on permuted codes",
    "discriminator/accuracy": "Discriminator's accuracy, 0.5 at chance",
}
ESTIMATORS = {
    "mss": "from batches (mss)",
    "mws": "from batches (mws)",
    "plain": "within batches",
    "discriminator": "by the discriminator",
    "gaussian": "by linear dependence",
}
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


COMPARED = ("95 %", "chance", "untrained", "ceiling")


@dataclass(frozen=True)
class Score:
    """One metric: its value, what it is compared with (`COMPARED`), the value of each factor, and how to read it."""

    name: str
    summary: str
    value: str
    compared: tuple[str, ...]
    per_factor: tuple[str, ...]
    reading: str
    source: str


def term_label(name: str) -> str:
    """A term as readers want to see it, with how it was estimated where that changes its value."""
    quantity, _, estimator = name.rpartition("_")
    if quantity in TERMS and estimator in ESTIMATORS:
        return f"{TERMS[quantity]}, {ESTIMATORS[estimator]}"
    return TERMS.get(name, name.replace("_", " ")) + ("" if is_nats(name) else " (no nats)")


def loss_table(scored: Mapping[str, Any]) -> Table:
    """Terms by splits, unweighted, in nats per image."""
    splits = {name: scored["splits"][name] for name in SPLITS if name in scored.get("splits", {})}
    names: dict[str, None] = dict.fromkeys(("loss", "nll", "nll_at_mean"))
    for found in splits.values():
        names.update(dict.fromkeys(found.get("terms", {})))
    rows = []
    for name in names:
        values = [found.get("terms", {}).get(name) if name not in found else found[name] for found in splits.values()]
        if any(value is not None for value in values):  # players that never move together have no loss in common
            rows.append((term_label(name), *(decimal(value, 2 if is_nats(name) else 5) for value in values)))
    if any(found.get("nll_constant") for found in splits.values()):
        rows.append(("of a reconstruction, constant", *(decimal(found.get("nll_constant")) for found in splits.values())))
    bounds = [found.get("log_p_bound") or {} for found in splits.values()]
    if any(bounds):
        rows.append(("−log p(x), at most", *(_with_error(bound, -1) for bound in bounds)))
    columns = [f"{SPLIT_NAMES[name]} ({count(found.get('images'))})" for name, found in splits.items()]
    return Table(("nats per image", *columns), tuple(rows))


def _with_error(estimate: Mapping[str, Any], sign: int = 1) -> str:
    return f"{decimal(sign * number(estimate.get('value')))} ± {decimal(estimate.get('error'))}"


def kl_part_table(scored: Mapping[str, Any]) -> Table | None:
    """The KL and its three parts, where the model has them."""
    parts = scored.get("kl_parts")
    if not parts:
        return None
    rows = (
        ("KL to the prior", decimal(parts["kl"]), "what all images together pay"),
        (
            "Mutual information",
            _with_error(parts["mi"]),
            f"between image and latents; {decimal(math.log(parts['images']))} would tell all images apart",
        ),
        ("Total correlation", _with_error(parts["tc"]), "dependence between latents; 0 if they are independent"),
        ("Dimension-wise KL", decimal(parts["dimension_wise_kl"]), "of each latent's distribution to the prior"),
    )
    return Table(("", "nats per image", "what it is"), rows)


def score_rows(scored: Mapping[str, Any], factors: Sequence[str]) -> list[Score]:
    """One row a metric, with what the registry knows of it."""
    rows = []
    for name, result in scored.get("metrics", {}).items():
        entry = metrics[name] if name in metrics else None  # noqa: SIM401 - a registry has no get
        rows.append(
            Score(
                name=metric_name(name),
                summary=entry.summary if entry else "",
                value=decimal(result.get("score"), 3),
                compared=_compared(result),
                per_factor=_by_factor(result, factors),
                reading=_reading(entry.details) if entry else "",
                source=entry.source if entry else "",
            )
        )
        rows += [  # of metrics that are several, like DCI
            Score(
                f"{metric_name(name)}: {part}",
                "",
                decimal(found["score"], 3),
                _compared(found),
                _by_factor(found, factors),
                "",
                "",
            )
            for part, found in result.items()
            if isinstance(found, dict) and "score" in found
        ]
    return rows


def reading(entry: Entry) -> str:
    """What a metric measures and how to read it."""
    source = f" {entry.source}." if entry.source else ""
    return f"{entry.summary} {_reading(entry.details)}{source}"


def _compared(scores: Mapping[str, Any]) -> tuple[str, ...]:
    interval = scores.get("interval") or ()
    between = " to ".join(decimal(end, 3) for end in interval) or decimal(None)
    return (between, *(decimal(scores.get(key), 3) for key in ("chance", "untrained", "ceiling")))


def _by_factor(scores: Mapping[str, Any], factors: Sequence[str]) -> tuple[str, ...]:
    known = scores.get("per_factor") or {}
    return tuple(decimal(known.get(factor)) for factor in factors)


def _reading(details: Mapping[str, Any]) -> str:
    parts = []
    if details.get("range"):
        parts.append(f"Ranges from {range_in_words(details['range'])}; more is better.")
    if details.get("chance"):
        parts.append(f"A code that knows nothing scores {details['chance']}.")
    if details.get("blind"):
        parts.append(f"Blind {details['blind']}.")
    return " ".join(parts)


def part_table(experiment: Experiment, n_images: int) -> Table:
    """The parts of the model, what each is, and where it comes from."""
    recipe = experiment.recipe()
    named = {part: getattr(experiment, part) for part in PARTS}
    chosen = [(part, PARTS[part][name]) for part, name in named.items() if name]
    chosen += [("posterior", posteriors[recipe.posterior]), ("prior", priors[recipe.prior])]
    rows = []
    for part, entry in chosen:
        options = getattr(experiment, f"{part}_options", {})
        given = ", ".join(f"{name} = {plain(value)}" for name, value in options.items())
        about = entry.summary
        if part == "data":  # whose summary is of what the default options give
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


def environment_table(environment: Mapping[str, Any]) -> Table:
    """Device, platform and versions, as recorded when the run began."""
    rows = [(str(name), plain(value)) for name, value in environment.items() if not isinstance(value, (dict, list))]
    versions = environment.get("versions")
    if isinstance(versions, dict):
        rows += [(str(name), str(value)) for name, value in versions.items()]
    return Table(("what", "value"), tuple(rows))
