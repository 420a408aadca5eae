r"""Mixtures of normals in blocks that stay in the processor's cache.

The plain form (`unbraid.rates.aggregate`) writes some thirty arrays of B x B x D numbers per step. With the 2,048 images a
batch of Chen et al. (2018) that takes longer than the networks. Here the same numbers are made block by block and thrown away,
and the backward pass makes them again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from unbraid.distributions.protocols import Latents, PerImage

BLOCK = 2**17
"""Numbers in a block: half a megabyte of float32, of which a core's second cache holds two."""


def log_mixtures(
    z: Latents,
    mean: Float[Tensor, "batch latent"],
    logvar: Float[Tensor, "batch latent"],
    log_weights: Float[Tensor, "batch batch"],
) -> tuple[PerImage, Float[Tensor, "batch latent"]]:
    """log sum_j W_ij q(z_i|x_j) and log sum_j W_ij q(z_id|x_j), in nats. Weights have no gradient."""
    joint, per_latent = _LogMixtures.apply(z, mean, logvar, log_weights)  # type: ignore[no-untyped-call]
    return joint, per_latent


class _LogMixtures(torch.autograd.Function):
    r"""`log_mixtures`, with first derivatives alone.

    With :math:`t_{ijd} = (z_{id} - \mu_{jd}) / \sigma_{jd}`, the share :math:`p_{ijd}` of component j in the mixture of latent
    d and :math:`\pi_{ij}` in the joint one, the gradient of the outputs, weighted by G and g, goes through

    .. math:: a_{ijd} = G_{id} \, p_{ijd} + g_i \, \pi_{ij}

    to :math:`-\sum_j a t / \sigma` (z), :math:`\sum_i a t / \sigma` (means) and
    :math:`\frac12 \sum_i a (t^2 - 1)` (log-variances).
    """

    @staticmethod
    def forward(
        ctx: Any,
        z: Latents,
        mean: Float[Tensor, "batch latent"],
        logvar: Float[Tensor, "batch latent"],
        log_weights: Float[Tensor, "batch batch"],
    ) -> tuple[PerImage, Float[Tensor, "batch latent"]]:
        """Both logarithms; arrays inside are (latent, sample, component)."""
        columns = _columns(z, mean, logvar)
        joint_density = log_weights.clone()
        per_latent = z.new_empty(z.shape[1], len(z))
        for latents, rows in _blocks(*z.shape):
            _, log_density = _standardized(columns, latents, rows)
            joint_density[rows] += log_density.sum(0)
            per_latent[latents, rows] = _log_sum_exp_in_place(log_density.add_(log_weights[rows]))
        joint = torch.logsumexp(joint_density, dim=1)
        ctx.save_for_backward(*columns, log_weights, joint_density, joint, per_latent)
        return joint, per_latent.T.contiguous()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, joint_grad: PerImage, per_latent_grad: Float[Tensor, "batch latent"]) -> tuple[Tensor | None, ...]:
        """Gradients with respect to z, means and log-variances."""
        *sides, log_weights, joint_density, joint, per_latent = ctx.saved_tensors
        columns = tuple(sides)
        inverse_deviation = columns[2]
        by_joint = (joint_density - joint[:, None]).exp_().mul_(joint_grad[:, None])
        by_latent = per_latent_grad.T[:, :, None]
        z_grad, mean_grad, logvar_grad = (torch.zeros_like(per_latent) for _ in range(3))
        for latents, rows in _blocks(*reversed(per_latent.shape)):
            t, share = _standardized(columns, latents, rows)
            share.add_(log_weights[rows]).sub_(per_latent[latents, rows, None]).exp_()
            share.mul_(by_latent[latents, rows]).add_(by_joint[rows])
            logvar_grad[latents] -= share.sum(1)
            share.mul_(t)
            mean_grad[latents] += share.sum(1)
            logvar_grad[latents] += t.mul_(share).sum(1)
            z_grad[latents, rows] = share.mul_(inverse_deviation[latents]).sum(2)
        mean_grad *= inverse_deviation[:, 0]
        return -z_grad.T, mean_grad.T, 0.5 * logvar_grad.T, None


def _columns(z: Tensor, mean: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Samples, means, 1 / deviation and the logarithm of the normalizing factor, by latent."""
    z, mean, logvar = (given.T.contiguous() for given in (z, mean, logvar))
    return z[:, :, None], mean[:, None], (-0.5 * logvar).exp()[:, None], -0.5 * (logvar + math.log(2 * math.pi))[:, None]


def _standardized(columns: tuple[Tensor, ...], latents: slice, rows: slice) -> tuple[Tensor, Tensor]:
    """Samples standardized by each component, and their log-densities."""
    z, mean, inverse_deviation, log_factor = columns
    t = (z[latents, rows] - mean[latents]).mul_(inverse_deviation[latents])
    return t, torch.addcmul(log_factor[latents], t, t, value=-0.5)


def _log_sum_exp_in_place(values: Tensor) -> Tensor:
    """Logarithm of the sum of exponentials along the last dimension; `values` are used up."""
    largest = values.amax(-1, keepdim=True)
    return values.sub_(largest).exp_().sum(-1).log_().add_(largest[..., 0])


def _blocks(batch: int, latents: int) -> Iterator[tuple[slice, slice]]:
    """Latents and samples of each block."""
    rows = max(1, min(batch, BLOCK // batch))
    together = max(1, BLOCK // (rows * batch))
    for row in range(0, batch, rows):
        for latent in range(0, latents, together):
            yield slice(latent, latent + together), slice(row, row + rows)
