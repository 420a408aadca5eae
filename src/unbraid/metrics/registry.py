"""The registry of metrics: functions of codes and factors that return named scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from unbraid.registry import Registry

metrics = Registry("metric", "metrics", "unbraid.metrics")
"""A metric is registered with `range` (least and largest score), `chance`, `blind` and `variants`; with `sampled` if it trains
a model or votes, which `--evaluate-every` leaves out."""


@dataclass(frozen=True)
class Variant:
    """One definition of a metric.

    Args:
        comparable: whose numbers it can be compared with.
        options: what chooses it; none for the default.
        needs_variance: whether it needs posterior variances.
    """

    comparable: str
    options: Mapping[str, Any] = field(default_factory=dict)
    needs_variance: bool = False

    @property
    def name(self) -> str:
        """The definition in short, as in "locatello2019"; options that are no names are spelt out."""
        return ", ".join(str(v) if isinstance(v, str) else f"{k}={v:g}" for k, v in self.options.items()) or "default"


OWN = "unbraid, other metrics of this package by their defaults"
LOCATELLO = "disentanglement_lib and the tables of Locatello et al. (2019)"
