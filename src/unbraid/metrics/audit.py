"""Every definition of every metric on one set of codes, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np

from unbraid.metrics.evaluate import choose, evaluate
from unbraid.metrics.infomec import is_discrete
from unbraid.metrics.information.definitions import information
from unbraid.metrics.information.nearest_neighbors import NEIGHBORS, Kind, neighbor_information
from unbraid.metrics.registry import OWN, Variant
from unbraid.metrics.registry import metrics as registry
from unbraid.metrics.samples import Array, Codes, Factors, Samples, gather
from unbraid.metrics.score_table import html_table, in_columns, nodes
from unbraid.options import Option, checked
from unbraid.progress import Stages

NO_VARIANCE, NOT_DISCRETE, SLOW = "needs posterior variances", "needs discrete latents", "takes minutes, left out"
OF_CLASSES = "compares samples that share a value, and all factors are continuous"

BY_NEIGHBORS = (
    "Information of the best latent, in nats, by {neighbors} nearest neighbors (Kraskov et al., 2004) of {samples:,} samples. "
    "Shuffled codes would have 0 without bias and noise. Where half of the samples gives less, more samples would give more. "
    "An estimate near that of a copy of the factor may be too low: so many samples cannot show more."
)
BY_POSTERIORS = (
    "Information of the best latent, in nats, from posteriors, with the factor cut into {parts} parts of equally many samples: "
    "a lower bound, within the error of quadrature. The upper bound is what the latent tells of the sample."
)
INFORMATION_COLUMNS = {
    "latent": "latent",
    "information": "information",
    "shuffled": "shuffled codes",
    "half": "half of the samples",
    "copy": "a copy",
    "error": "error",
    "at_most": "at most",
}
"""What of `estimates` is shown, and the heads of its columns."""


@dataclass(frozen=True, eq=False)
class AuditTable(Mapping[str, dict[str, dict[str, Any]]]):
    """Scores by metric and definition; printed, a table.

    `table["mig"]["locatello2019"]` holds what the metric returns with `chance`, `ceiling` and `comparable`, whose numbers it
    can be compared with; a definition that was not computed holds `left_out`, the reason, in their place.

    Args:
        scores: of every definition.
        samples: how many samples were scored.
        factor_names: names of the factors.
        information: how information about each continuous factor is estimated, and how far that is off (`estimates`).
    """

    scores: dict[str, dict[str, dict[str, Any]]]
    samples: int
    factor_names: tuple[str, ...]
    information: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> dict[str, dict[str, Any]]:
        return self.scores[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.scores)

    def __len__(self) -> int:
        return len(self.scores)

    def rows(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Name, definition and result of every score.

        A metric's parts follow it, indented, without definition.
        """
        found = []
        for name, definitions in self.scores.items():
            for definition, result in definitions.items():
                found.append((name, definition, result))
                found += [(f"  {part}", "", node) for part, node in nodes(result) if part]
        return found

    def _table(self) -> list[list[str]]:
        """Rows of text, the first of them the head."""
        table = [["metric", "definition", "score", "chance", "ceiling", "comparable to numbers by"]]
        for name, definition, node in self.rows():
            values = [_number(node.get(key)) for key in ("score", "chance", "ceiling")]
            table.append([name, definition, *values, node.get("left_out", node.get("comparable", ""))])
        return table

    def information_rows(self) -> list[list[str]]:
        """Rows of text on the information about continuous factors, the first of them the head."""
        if not self.information:
            return []
        columns = [key for key in next(iter(self.information.values())) if key in INFORMATION_COLUMNS]
        rows = [[name, *(_cell(own[key]) for key in columns)] for name, own in self.information.items()]
        return [["continuous factor", *(INFORMATION_COLUMNS[key] for key in columns)], *rows]

    @property
    def information_title(self) -> str:
        """How that information is estimated, and what its columns say; empty where there is none."""
        return next((own["estimator"] for own in self.information.values()), "")

    def _repr_html_(self) -> str:
        more = self.information_rows()
        below = f"<p>{self.information_title}</p>{html_table(more)}" if more else ""
        return f"<p>{self.samples:,} samples</p>{html_table(self._table())}{below}"

    def __str__(self) -> str:
        lines = [f"{self.samples:,} samples", *in_columns(self._table(), right=(2, 3, 4))]
        more = self.information_rows()
        if more:
            lines += ["", self.information_title, *in_columns(more, right=range(1, len(more[0])))]
        return "\n".join(lines)


@checked
def audit(
    codes: Codes = None,
    factors: Factors = None,
    *,
    mean: Array | None = None,
    variance: Array | None = None,
    metrics: str | Sequence[str] = "core",
    quick: bool = False,
    seed: Annotated[int, Option("of all that is drawn", ge=0)] = 0,
    perfect: Array | None = None,
    factor_names: Sequence[str] | None = None,
    continuous: Sequence[str] = (),
    cyclic: Mapping[str, float] | None = None,
    progress: Stages | None = None,
) -> AuditTable:
    """Score codes by every registered definition of every metric, each beside its own chance and ceiling.

    Args:
        codes, factors, mean, variance: as for every metric, or `Samples`.
        metrics: "core", "all" (also those that train many models), or names.
        quick: leave out definitions that take minutes.
        seed, perfect, continuous, cyclic: as for `unbraid.metrics.evaluate`.
        progress: called with the title of each part of the work, returns what counts its scores.

    Raises `UsageError` for arrays that no score can be computed from and unknown metrics.

    >>> rng = np.random.default_rng(0)
    >>> factors = rng.integers(0, 4, (500, 2))
    >>> table = unbraid.metrics.audit(factors + 0.1 * rng.normal(size=(500, 2)), factors, metrics=["mig"])
    >>> sorted(table["mig"])
    ['adjusted', 'carbonneau2022', 'chen2018', 'default', 'do2020', 'locatello2019']
    """
    samples = gather(
        codes, factors, mean=mean, variance=variance, factor_names=factor_names, continuous=continuous, cyclic=cyclic
    )
    scores: dict[str, dict[str, dict[str, Any]]] = {}
    groups: dict[str, list[tuple[str, Variant]]] = {}
    for name in choose(metrics):
        for variant in variants(name):
            reason = left_out(name, variant, samples, quick)
            scores.setdefault(name, {})[variant.name] = {"comparable": variant.comparable} | (
                {"left_out": reason} if reason else {}
            )
            if not reason:
                groups.setdefault(variant.name, []).append((name, variant))
    # a definition at a time, so that metrics share what they compute; slow ones last
    for definition, group in sorted(groups.items(), key=lambda item: any(variant.slow for _, variant in item[1])):
        names = [name for name, _ in group]
        title = f"{definition} of {', '.join(names) if len(names) < 4 else f'{len(names)} metrics'}"
        found = evaluate(
            samples,
            metrics={name: variant.options for name, variant in group},
            seed=seed,
            intervals=0,
            perfect=perfect,
            progress=progress(title) if progress else None,
        )
        for name, result in found.items():
            scores[name][definition] = {**scores[name][definition], **result}
    return AuditTable(scores, len(samples), samples.factor_names, estimates(samples, seed))


def estimates(samples: Samples, seed: int) -> dict[str, dict[str, Any]]:
    """What the best latent tells of each continuous factor, in nats, and how far that is off.

    Without posterior variances it is by nearest neighbors, `neighbor_information`: that of shuffled codes, of half of the
    samples, and of a copy of the factor. With them it is a lower bound with the error of its quadrature, and the upper bound
    I(z_j; x).
    """
    if not samples.quantity_names:
        return {}
    count = len(samples.quantity_names)
    found: dict[str, dict[str, Any]] = {}
    if samples.variance is not None:
        read = information(samples, "posterior")
        assert read.of_images is not None
        parts = len(np.unique(samples.cut().factors[:, -1]))
        title = BY_POSTERIORS.format(parts=parts)
        for name, own in zip(samples.quantity_names, read.estimate[:, -count:].T, strict=True):
            best = int(own.argmax())
            bounds = {"error": float(read.error), "at_most": float(read.of_images[best])}
            found[name] = {"estimator": title, "latent": best, "information": float(own[best]), **bounds}
        return found
    if len(samples) <= NEIGHBORS:
        return {}
    assert samples.quantities is not None
    kinds: list[Kind] = [period or "quantity" for period in samples.periods]
    near = neighbor_information(samples.codes, samples.quantities, kinds, seed=seed)
    title = BY_NEIGHBORS.format(neighbors=near.neighbors, samples=near.samples)
    for k, name in enumerate(samples.quantity_names):
        best = int(near.estimate[:, k].argmax())
        of_best = {"information": near.estimate, "shuffled": near.chance, "half": near.half}
        numbers = {key: float(table[best, k]) for key, table in of_best.items()}
        found[name] = {"estimator": title, "latent": best, **numbers, "copy": float(near.largest[k])}
    return found


def left_out(metric: str, variant: Variant, samples: Samples, quick: bool) -> str:
    """Why a definition is not computed; empty if it is."""
    reads = bool(registry[metric].details.get("continuous")) and (variant.continuous or not variant.options)
    if not samples.factor_names and not reads:
        return OF_CLASSES
    if variant.needs_variance and samples.variance is None:
        return NO_VARIANCE
    if variant.needs_discrete and not is_discrete(samples):
        return NOT_DISCRETE
    return SLOW if quick and variant.slow else ""


def variants(name: str) -> tuple[Variant, ...]:
    """The definitions of a metric; one that names none has its default."""
    found: tuple[Variant, ...] = registry[name].details.get("variants") or (Variant(OWN),)
    return found


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _cell(value: float | int) -> str:
    return f"z{value}" if isinstance(value, int) else f"{value:.3f}"
