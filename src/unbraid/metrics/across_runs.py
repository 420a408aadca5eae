"""Scores of several runs as one: means, and intervals over runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unbraid.errors import UsageError
from unbraid.metrics.intervals import mean_interval
from unbraid.metrics.registry import metrics as registry


def across_runs(runs: Sequence[Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Mean of every score over runs, such as seeds, with the 95 % interval of that mean (`mean_interval`).

    The interval says what the mean over other runs would be; one run has none. Few runs have wide intervals, and honest ones:
    of three runs it is 2.5 standard deviations to each side. `sd` is the standard deviation between runs, `runs` their number.

    Args:
        runs: tables of `unbraid.metrics.evaluate`, or what "metrics" holds in a run's `metrics.json`.

    Raises `UsageError` for no runs, and for runs that were not scored by the same metrics.
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


def _mean_of(nodes: Sequence[Mapping[str, Any]], low: float, high: float) -> dict[str, Any]:
    scores = [float(node["score"]) for node in nodes]
    found: dict[str, Any] = {"score": float(np.mean(scores)), "runs": len(nodes)}
    if len(nodes) > 1:
        ends = mean_interval(scores)
        found |= {"sd": float(np.std(scores, ddof=1)), "interval": [max(low, ends[0]), min(high, ends[1])]}
    for key in ("chance", "untrained", "ceiling"):
        if all(node.get(key) is not None for node in nodes):
            found[key] = float(np.mean([node[key] for node in nodes]))
    for key in ("per_factor", "per_factor_ceiling"):
        if all(key in node for node in nodes):
            found[key] = {factor: float(np.mean([node[key][factor] for node in nodes])) for factor in nodes[0][key]}
    for key, value in nodes[0].items():
        if isinstance(value, Mapping) and "score" in value:
            found[key] = _mean_of([node[key] for node in nodes], low, high)
    return found
