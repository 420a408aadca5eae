"""The capacity rate of Burgess et al.: the KL is held at a capacity that grows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import torch

from unbraid.options import Option
from unbraid.rates.kl import DURATION
from unbraid.rates.registry import rates
from unbraid.terms import Context, Pass, Term

DistanceWeight = Annotated[float, Option("weight of the distance between KL and capacity", ge=0)]
StartCapacity = Annotated[float, Option("capacity at the beginning, in nats per image", ge=0)]
FinalCapacity = Annotated[float, Option("capacity at the end of the ramp, in nats per image", ge=0)]
Ramp = Annotated[float, Option(f"duration of the growth of the capacity: {DURATION}", ge=0)]
Reduction = Annotated[
    Literal["batch", "sample"], Option("distance of the batch's mean KL, or mean distance of each image's KL")
]


@rates.register("capacity", formula="gamma * |KL(q(z|x) || p(z)) - C(t)|, C growing linearly", source="Burgess et al. (2018)")
@dataclass(frozen=True)
class Capacity:
    r"""gamma * |KL - C(t)|, with a capacity C that grows linearly, in nats per image. Replaces the KL.

    .. math:: \gamma\, |\overline{\mathrm{KL}} - C(t)|, \quad C(t) = C_0 + (C_1 - C_0) \min(1, t / T)

    With reduction `batch` the KL inside is the mean over the batch, as in every published code of the model; with `sample` the
    absolute value is taken for each image and then averaged, which is never less (Jensen) and equal only where all images lie
    on one side of C.

    Args:
        gamma: weight.
        start, end: capacity at the beginning and after the ramp, in nats; equal for a constant capacity.
        duration: T, as `Context.ramp` reads it; 0 for `end` at once.
        reduction: `batch` or `sample`.

    >>> rate = Capacity(gamma=100.0, end=25.0)
    >>> rate.capacity(context)  # in the middle of the run
    12.5
    """

    gamma: DistanceWeight = 100.0
    start: StartCapacity = 0.0
    end: FinalCapacity = 25.0
    duration: Ramp = 1.0
    reduction: Reduction = "batch"

    @property
    def per_sample(self) -> bool:
        """Only the `sample` form has one value per image."""
        return self.reduction == "sample"

    def capacity(self, context: Context) -> float:
        """C(t) in nats."""
        return self.start + (self.end - self.start) * context.ramp(self.duration)

    def __call__(self, made: Pass, context: Context) -> Mapping[str, Term]:
        """The term `capacity_gap` = |KL - C|, and `kl` and `capacity` to watch."""
        capacity = self.capacity(context)
        kl = made.kl if self.reduction == "sample" else made.kl.mean()
        return {
            "kl": Term(made.kl, weight=0.0),
            "capacity": Term(torch.full_like(kl, capacity), weight=0.0),
            "capacity_gap": Term((kl - capacity).abs(), weight=self.gamma),
        }
