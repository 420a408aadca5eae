"""The KL rate of VAE and beta-VAE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from unbraid.options import Option
from unbraid.rates.registry import rates
from unbraid.terms import Context, Pass, Term

DURATION = "a fraction of the run up to 1, a number of steps above it, 0 for none"
"""How `Context.ramp` reads a duration, in words."""
Warmup = Annotated[float, Option(f"duration of the change of beta from its start to its final value: {DURATION}", ge=0)]
WarmupStart = Annotated[float, Option("beta at the beginning of the warm-up", ge=0)]
NormalizedBeta = Annotated[bool, Option("read beta as beta_norm = beta * M / N, for M latents and N pixels times channels")]


@rates.register(
    "kl", formula="beta * KL(q(z|x) || p(z))", source="Kingma and Welling (2014); weighted as in Higgins et al. (2017)"
)
@dataclass(frozen=True)
class KL:
    r"""beta * KL(q(z|x) || p(z)), in nats per image.

    .. math:: \beta(t)\, \mathrm{KL}(q(z|x) \,\|\, p(z)), \qquad \beta(t) = \beta_0 + (\beta - \beta_0) \min(1, t / T)

    Args:
        beta: weight; with `normalized`, Higgins' beta_norm = beta * M / N for M latents and N pixels times channels.
        start: weight beta_0 at the beginning of the warm-up.
        warmup: duration T of the linear change from `start` to `beta`, as `Context.ramp` reads it.
        normalized: whether `beta` and `start` are beta_norm.

    >>> term = KL(beta=4.0)(made, context)["kl"]
    >>> term.value, term.weight  # 1/2 of the mean's square for each image
    (tensor([0.5000, 0.5000]), 4.0)
    """

    beta: Annotated[float, Option("weight of the KL", ge=0)] = 1.0
    warmup: Warmup = 0.0
    start: WarmupStart = 0.0
    normalized: NormalizedBeta = False
    per_sample = True

    def weight(self, made: Pass, context: Context) -> float:
        """The weight at this step."""
        scale = made.images[0].numel() / made.z.shape[1] if self.normalized else 1.0
        return scale * (self.start + (self.beta - self.start) * context.ramp(self.warmup))

    def __call__(self, made: Pass, context: Context) -> Mapping[str, Term]:
        """The term `kl`."""
        return {"kl": Term(made.kl, self.weight(made, context))}
