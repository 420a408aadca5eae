"""Numbers of a run that are compared: scores of metrics and their parts, losses, counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unbraid.evaluation.loss_rows import LABEL_FREE
from unbraid.metrics.registry import metrics as registry
from unbraid.sweep.records import Result

_NAN = math.nan


@dataclass(frozen=True)
class Quantity:
    """One number of every run.

    Args:
        key: "mig", "dci.completeness", "nll".
        name: as readers see it.
        of: the number of a run, NaN where it has none.
        higher_is_better: None where neither is.
        limits: the least and the largest value there can be.
        unit: for losses.
    """

    key: str
    name: str
    of: Callable[[Result], float]
    higher_is_better: bool | None = True
    limits: tuple[float, float] = (-math.inf, math.inf)
    unit: str = ""


def scores(results: Sequence[Result]) -> list[Quantity]:
    """The scores that any run has: each metric, its parts where it has several, and corrected ones."""
    keys = dict.fromkeys(key for result in results for key in _keys(result.metrics))
    in_order = sorted(keys, key=lambda key: (_order(key.partition(".")[0]), list(keys).index(key)))
    return [_score(key) for key in _with_corrected(in_order, results)]


_FIRST = ("mig", "dci", "sap", "factor_vae_score", "beta_vae_score", "modularity")


def _order(metric: str) -> int:
    return _FIRST.index(metric) if metric in _FIRST else len(_FIRST)


def _keys(metrics: Mapping[str, Any]) -> Iterator[str]:
    for metric, found in metrics.items():
        parts = [name for name, value in found.items() if isinstance(value, Mapping) and "score" in value]
        if not parts or found[parts[0]]["score"] != found.get("score"):
            yield metric
        yield from (f"{metric}.{part}" for part in parts)


CORRECTED = ".corrected"
"""What ends the key of a score that is corrected for null encoders (`unbraid.metrics.nulls`)."""


def _with_corrected(keys: Iterable[str], results: Sequence[Result]) -> Iterator[str]:
    """Keys of scores, each before that of the corrected score where a run has one."""
    for key in keys:
        yield key
        if any("corrected" in node_of(result.metrics, key) for result in results):
            yield f"{key}{CORRECTED}"


def node_of(metrics: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """What a run has of a score: the value, per-factor values, chance, untrained; empty where it has none."""
    metric, _, part = key.partition(".")
    found = metrics.get(metric, {})
    inner = found.get(part, {}) if part else found
    return inner if isinstance(inner, Mapping) else {}


def limits_of(key: str) -> tuple[float, float]:
    """The least and the largest value of a score."""
    metric = key.partition(".")[0]
    low, high = registry[metric].details["range"] if metric in registry else (-math.inf, math.inf)
    return low, high


def _score(key: str) -> Quantity:
    if key.endswith(CORRECTED):
        of = key.removesuffix(CORRECTED)
        name = f"{of.replace('_', ' ')}, corrected"
        limits = (-math.inf, limits_of(of)[1])
        return Quantity(key, name, lambda result: number(node_of(result.metrics, of).get("corrected")), True, limits)
    name = key.replace("_", " ")
    return Quantity(key, name, lambda result: number(node_of(result.metrics, key).get("score")), True, limits_of(key))


def number(value: Any) -> float:
    """A stored number; NaN for null, which stands for what is not finite."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else _NAN


def _held_out(result: Result) -> Mapping[str, Any]:
    found: Mapping[str, Any] = result.losses.get("test") or result.losses.get("train") or {}
    return found


def _kl(result: Result) -> float:
    if result.kl_per_dim:
        return sum(number(value) for value in result.kl_per_dim)
    return number(_held_out(result).get("terms", {}).get("kl"))


def _bound(result: Result) -> float:
    return -number((_held_out(result).get("log_p_bound") or {}).get("value"))


LOSSES = (
    Quantity("nll", "reconstruction", lambda r: number(_held_out(r).get("nll")), False, unit="nats"),
    Quantity("kl", "KL", _kl, None, (0.0, math.inf), unit="nats"),
    Quantity("bound", "−log p(x), at most", _bound, False, unit="nats"),
    Quantity("loss", "loss as trained", lambda r: number(_held_out(r).get("loss")), False, unit="nats"),
    Quantity("active", "active latents", lambda r: float(sum(r.active)), None, (0.0, math.inf)),
)
"""Losses of held-out images, KL of all that are scored, in nats per image, and how many latents tell something."""


def _label_free(key: str, higher_is_better: bool, limits: tuple[float, float]) -> Quantity:
    name = LABEL_FREE[key][0]
    return Quantity(key, name, lambda result: number(result.without_labels.get(key)), higher_is_better, limits)


WITHOUT_LABELS = (
    _label_free("column_overlap", False, (0.0, 1.0)),
    _label_free("ima_contrast", False, (0.0, math.inf)),
    _label_free("pipe", True, (0.0, 1.0)),
)
"""Scores that need no factors."""
