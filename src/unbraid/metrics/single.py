"""One number of one metric, for front ends that select or monitor by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from unbraid.errors import UnknownName
from unbraid.metrics.evaluate import evaluate
from unbraid.metrics.registry import metrics
from unbraid.metrics.samples import Codes, Factors


def score_by(metric: str, codes: Codes, factors: Factors, options: Mapping[str, Any] | None = None) -> float:
    """The score of codes by one metric, without interval, chance or ceiling.

    Args:
        metric: a registered name, "mig", or a part of one, "dci.completeness".
        codes: (n, latents).
        factors: whole numbers, (n, factors), or (n,) for a single factor.
        options: of the metric.

    Raises `UnknownName` for a metric or part that does not exist, and `UsageError` for arrays without a score.
    """
    name, _, part = metric.partition(".")
    rows = np.asarray(factors)
    found = evaluate(
        codes,
        rows[:, None] if rows.ndim == 1 else rows,
        metrics={name: dict(options or {})},
        intervals=0,
        references=False,
    )[name]
    if part and part not in dict(_parts(found)):
        raise UnknownName("part", part, [known for known, _ in _parts(found)], of=f"metric {name!r}")
    return float((found[part] if part else found)["score"])


def require_metric(metric: str) -> None:
    """Raise `UnknownName` for a metric that does not exist; parts are known once it is computed."""
    _ = metrics[metric.partition(".")[0]]


def _parts(found: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    return ((name, part["score"]) for name, part in found.items() if isinstance(part, Mapping) and "score" in part)
