"""Scores of several runs as one: means, and intervals over runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unbraid.errors import UsageError
from unbraid.metrics.intervals import mean_interval
from unbraid.metrics.registry import metrics as registry
from unbraid.metrics.score_table import NULLS, REFERENCES, nodes


def across_runs(runs: Sequence[Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Mean of every score over runs, such as seeds, with the 95 % interval of that mean (`mean_interval`).

    The interval says what the mean over other runs would be; one run has none. Few runs have wide intervals, and honest ones:
    of three runs it is 2.5 standard deviations to each side. `sd` is the standard deviation between runs, `runs` their number.
    The mean of a score that one run does not have (null in `metrics.json`) is None.

    Args:
        runs: tables of `unbraid.metrics.evaluate`, or what "metrics" holds in a run's `metrics.json`.

    Raises `UsageError` for no runs, and for runs that were not scored by the same metrics.

    >>> found = across_runs([{"mig": {"score": 0.2}}, {"mig": {"score": 0.3}}, {"mig": {"score": 0.1}}])
    >>> {name: value if value is None else round(value, 2) for name, value in found["mig"].items() if name in ("score", "sd")}
    {'score': 0.2, 'sd': 0.1}
    """
    if not runs:
        raise UsageError("There are no runs to take the mean of; give the scores of at least one.")
    for number, run in enumerate(runs):
        if set(run) != set(runs[0]):
            raise UsageError(
                f"Run {number} was scored by {', '.join(sorted(run))}, run 0 by {', '.join(sorted(runs[0]))}; "
                "score all by the same metrics."
            )
    return {name: _mean_of([run[name] for run in runs], *_range(name)) for name in runs[0]}


def _range(name: str) -> tuple[float, float]:
    low, high = registry[name].details["range"] if name in registry else (-np.inf, np.inf)
    return float(low), float(high)


def _mean_of(results: Sequence[Mapping[str, Any]], low: float, high: float) -> dict[str, Any]:
    scores = _of_all(results, "score")
    found: dict[str, Any] = {"score": _mean(scores), "runs": len(results)}
    if len(scores) > 1:
        ends = mean_interval(scores)
        found |= {"sd": float(np.std(scores, ddof=1)), "interval": [max(low, ends[0]), min(high, ends[1])]}
    for key in (*REFERENCES, *NULLS):
        if values := _of_all(results, key):
            found[key] = _mean(values)
    for key in ("per_factor", "per_factor_ceiling"):
        if tables := _of_all(results, key):
            found[key] = {factor: _mean(_of_all(tables, factor)) for factor in tables[0]}
    for part, _ in nodes(dict(results[0])):
        if part:
            found[part] = _mean_of([result[part] for result in results], low, high)
    return found


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _of_all(results: Sequence[Mapping[str, Any]], key: str) -> list[Any]:
    """What every run has under a key; nothing if one lacks it or has null, which is not finite."""
    values = [result.get(key) for result in results]
    return [] if any(value is None for value in values) else values
