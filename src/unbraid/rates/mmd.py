"""The maximum mean discrepancy (MMD) between aggregate posterior and prior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from unbraid.distributions.protocols import Latents
from unbraid.options import Option
from unbraid.rates.registry import rates
from unbraid.terms import Context, Pass, Term

Kernel = Literal["rbf", "imq", "imq_scales"]

KernelOption = Annotated[Kernel, Option("kernel: Gaussian, inverse multiquadratic, or a sum of seven of the latter")]
KernelWidth = Annotated[float, Option("width of the kernel for one latent, times the number of latents", gt=0)]

_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Scales over which `imq_scales` adds inverse multiquadratic kernels."""


def _kernel(kind: Kernel, distance: Float[Tensor, "n m"], width: float) -> Float[Tensor, "n m"]:
    if kind == "rbf":
        return torch.exp(-distance / width)
    scales = (1.0,) if kind == "imq" else _SCALES
    return torch.stack([width * scale / (width * scale + distance) for scale in scales]).sum(0)


def _distances(x: Float[Tensor, "n latent"], y: Float[Tensor, "m latent"]) -> Float[Tensor, "n m"]:
    return (x[:, None] - y[None]).square().sum(2)


def squared_mmd(
    x: Float[Tensor, "n latent"], y: Float[Tensor, "m latent"], *, kernel: Kernel, width: float, unbiased: bool
) -> Float[Tensor, ""]:
    r"""MMD^2 of two samples.

    .. math:: \overline{k(x, x')} + \overline{k(y, y')} - 2\, \overline{k(x, y)}

    Unbiased (Gretton et al., 2012): the first two means leave out pairs of a point with itself; may be negative. Biased: they
    do not; never negative.

    Args:
        kernel: `rbf` exp(-d^2/h), `imq` h/(h + d^2), `imq_scales` a sum of `imq` over multiples of h from 0.1 to 10.
        width: h.
    """

    def within(points: Float[Tensor, "p latent"]) -> Float[Tensor, ""]:
        values = _kernel(kernel, _distances(points, points), width)
        if not unbiased:
            return values.mean()
        n = len(points)
        return (values.sum() - values.diagonal().sum()) / (n * (n - 1))

    return within(x) + within(y) - 2 * _kernel(kernel, _distances(x, y), width).mean()


@rates.register(
    "mmd",
    formula="weight * MMD^2(q(z), p(z))",
    source="Zhao, Song and Ermon (2019), InfoVAE; Tolstikhin et al. (2018), Wasserstein Auto-Encoders",
    least_batch=2,
)
@dataclass(frozen=True)
class MMD:
    """weight * MMD^2 between the batch's latents and as many draws from the prior; not in nats.

    A penalty: it does not contain the KL.

    Args:
        weight: of the penalty.
        kernel: `rbf`, `imq` or `imq_scales`, see `squared_mmd`.
        width: h of the kernel for one latent; it is multiplied by the number of latents. 2 is twice the prior's variance.
        unbiased: leave out the pairs of a point with itself.

    >>> term = MMD(weight=1000.0)(made, context)["mmd"]
    >>> term.weight, term.unit
    (1000.0, 'number')
    """

    weight: Annotated[float, Option("weight of the squared discrepancy, which is small beside nats", ge=0)] = 1000.0
    kernel: KernelOption = "imq_scales"
    width: KernelWidth = 2.0
    unbiased: Annotated[bool, Option("leave out the pairs of a point with itself")] = True
    per_sample = False

    def __call__(self, made: Pass, context: Context) -> Mapping[str, Term]:
        """The term `mmd`, one value per batch."""
        z: Latents = made.z
        prior = made.prior.sample(len(z), context.generator).to(z)
        width = self.width * z.shape[1]
        unbiased = self.unbiased and len(z) > 1  # a single image has no pair
        discrepancy = squared_mmd(z, prior, kernel=self.kernel, width=width, unbiased=unbiased)
        return {"mmd": Term(discrepancy, self.weight, "number")}
