"""The registry of metrics: functions of codes and factors that return named scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from unbraid.options import checked
from unbraid.registry import Registry


class Metrics(Registry):
    """The registry of metrics, which check numbers that they are given at each call."""

    def register(self, name: str, *, source: str, **details: Any) -> Callable[[Callable[..., Any]], Any]:
        """As `Registry.register`; what is registered and returned checks its numbers."""
        registered = super().register(name, source=source, **details)
        return lambda function: registered(checked(function))


metrics = Metrics("metric", "metrics", "unbraid.metrics")
"""A metric is registered with `formula` (what it computes, in plain text), `range` (least and largest score), `chance`,
`perfect` (what a code that is the factors scores), `blind` and `variants`; with `continuous`, how it reads continuous factors,
if they have a meaning for it; with `sampled` if it trains a model or votes, which
`--evaluate-every` leaves out, with `downstream` if it measures what codes are good for by training many models, which takes
long and is no part of the core, with `no_interval` if it has no interval, and why, `no_interval_by`, reasons by an option
and its value, or `no_interval_continuous`, why there is none where factors are continuous, with `learns_from`, the most samples
that a model of it takes, if its score changes with their number, and with
`rests_on` if its score depends on what latents are judged to know (`unbraid.metrics.doubts`)."""


def range_in_words(bounds: tuple[float, float]) -> str:
    """The range of a score: "0 to 1", "0 or more"."""
    low, high = bounds
    if math.isfinite(high):
        return f"{low:g} to {high:g}" if math.isfinite(low) else f"{high:g} or less"
    return f"{low:g} or more" if math.isfinite(low) else "any number"


@dataclass(frozen=True)
class Variant:
    """One definition of a metric.

    Args:
        comparable: whose numbers it can be compared with.
        options: what chooses it; none for the default.
        needs_variance: whether it needs posterior variances.
        needs_discrete: whether it is of latents with few values each.
        slow: whether it takes minutes on 10,000 samples.
        continuous: whether it reads continuous factors; the default does where the metric does.
    """

    comparable: str
    options: Mapping[str, Any] = field(default_factory=dict)
    needs_variance: bool = False
    needs_discrete: bool = False
    slow: bool = False
    continuous: bool = False

    @property
    def name(self) -> str:
        """The definition in short, as in "locatello2019"; options that are no names are spelt out."""
        return ", ".join(str(v) if isinstance(v, str) else f"{k}={v:g}" for k, v in self.options.items()) or "default"


UNTRIED = "no simulation has shown that an interval of it would hold"
"""Why a definition has no interval; `benchmarks/intervals.py` simulates those that have."""
EQUAL_WIDTHS = "its bins span the range of a latent, which grows with the number of samples"
"""Why definitions by bins of equal width have no interval."""
OWN = "unbraid by its defaults"
LOCATELLO = "disentanglement_lib and the tables of Locatello et al. (2019)"
