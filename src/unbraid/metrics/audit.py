"""Every definition of every metric on one set of codes, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unbraid.metrics.evaluate import choose, evaluate
from unbraid.metrics.infomec import is_discrete
from unbraid.metrics.registry import OWN, Variant
from unbraid.metrics.registry import metrics as registry
from unbraid.metrics.samples import Array, Codes, Factors, Samples, gather
from unbraid.metrics.score_table import html_table, nodes
from unbraid.progress import Stages

NO_VARIANCE, NOT_DISCRETE, SLOW = "needs posterior variances", "needs discrete latents", "takes minutes, left out"
OF_CLASSES = "compares samples that share a value, and all factors are continuous"


@dataclass(frozen=True, eq=False)
class AuditTable(Mapping[str, dict[str, dict[str, Any]]]):
    """Scores by metric and definition; printed, a table.

    `table["mig"]["locatello2019"]` holds what the metric returns with `chance`, `ceiling` and `comparable`, whose numbers it
    can be compared with; a definition that was not computed holds `left_out`, the reason, in their place.

    Args:
        scores: of every definition.
        samples: how many samples were scored.
        factor_names: names of the factors.
    """

    scores: dict[str, dict[str, dict[str, Any]]]
    samples: int
    factor_names: tuple[str, ...]

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

    def _repr_html_(self) -> str:
        return f"<p>{self.samples:,} samples</p>{html_table(self._table())}"

    def __str__(self) -> str:
        table = self._table()
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        right = [False, False, True, True, True, False]
        lines = [
            "  ".join(
                cell.rjust(width) if own else cell.ljust(width) for cell, width, own in zip(row, widths, right, strict=True)
            ).rstrip()
            for row in table
        ]
        return "\n".join([f"{self.samples:,} samples", *lines])


def audit(
    codes: Codes = None,
    factors: Factors = None,
    *,
    mean: Array | None = None,
    variance: Array | None = None,
    metrics: str | Sequence[str] = "core",
    quick: bool = False,
    seed: int = 0,
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
    return AuditTable(scores, len(samples), samples.factor_names)


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
