r"""The aggregate posterior q(z) = 1/N sum_n q(z|x_n), estimated from a batch.

Total correlation and mutual information need log q(z) and log q(z_j), mixtures over all N training images. A batch of B images
gives an estimate

.. math:: \hat q(z_i) = \sum_j W_{ij}\, q(z_i|x_j), \qquad \hat q(z_{id}) = \sum_j W_{ij}\, q(z_{id}|x_j)

with one matrix of weights for both. The three estimators differ in the weights alone:

- `mss`, minibatch stratified sampling (Chen et al., 2018, Appendix C.2). With M = B - 1: 1/N for the image's own component,
  (N - M)/(N M) for the next image's, 1/M for the others; rows add up to 1. Unbiased for q(z_i) (not for its logarithm) over
  batches drawn without replacement from images drawn all alike (not under `--correlate`). A batch of one image, which
  evaluation may end with, has only its own component. The codes of Chen et al. and of Dubois et al. (2019) misplace these
  weights by one column, which gives the own component, by far the largest, 1/M instead of 1/N.
- `mws`, minibatch weighted sampling (Chen et al., 2018, Appendix C.1): 1/(N B) everywhere. Shifts logged values by constants:
  MI by log N, TC by (D - 1) log N, dimension-wise KL by -D log N; gradients are those of `plain`.
- `plain`: 1/B everywhere, the aggregate posterior of the batch itself; MI is at most log B.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from unbraid.distributions.posteriors.diagonal_normal import DiagonalNormal
from unbraid.distributions.protocols import Latents, PerImage, Posterior
from unbraid.errors import IncompatibleParts, UsageError
from unbraid.nn.fast.allowed import in_training_on_cpu
from unbraid.options import Option
from unbraid.rates.mixtures import log_mixtures

Estimator = Literal["mss", "mws", "plain"]
EstimatorOption = Annotated[
    Estimator,
    Option("estimator of the aggregate posterior: the batch alone, or weighted (mws) or stratified (mss) sampling"),
]


def stratified_weights(batch: int, n_data: int, like: Tensor) -> Float[Tensor, "batch batch"]:
    """Weights W of minibatch stratified sampling: row i for sample i, column j for image j's component.

    Raises `UsageError` unless 2 <= batch <= n_data.
    """
    if not 2 <= batch <= n_data:
        raise UsageError(
            f"Stratified estimates (mss) of the aggregate posterior need batches of 2 images to the {n_data} of the data set, "
            f"not {batch}. Change --batch-size, or choose --estimator plain."
        )
    others = batch - 1
    weights = torch.full((batch, batch), 1 / others, device=like.device, dtype=like.dtype)
    rows = torch.arange(batch, device=like.device)
    weights[rows, rows] = 1 / n_data
    weights[rows, (rows + 1) % batch] = (n_data - others) / (n_data * others)
    return weights


def _log_weights(estimator: Estimator, batch: int, n_data: int, like: Tensor) -> Float[Tensor, "batch batch"]:
    if estimator == "mss" and batch > 1:
        return stratified_weights(batch, n_data, like).log()
    share = n_data * batch if estimator == "mws" else batch
    return torch.full((batch, batch), -math.log(share), device=like.device, dtype=like.dtype)


def log_aggregate(
    z: Latents, posterior: Posterior, n_data: int, estimator: Estimator
) -> tuple[PerImage, Float[Tensor, "batch latent"]]:
    """log q(z_i) and log q(z_id) of each sample of a batch, in nats.

    In training on the CPU it takes memory for a few arrays of B x B numbers, elsewhere for many of B x B x D.

    Raises `IncompatibleParts` for a posterior that does not factorize over latents.
    """
    if not isinstance(posterior, DiagonalNormal):
        raise IncompatibleParts(
            f"Total correlation is estimated from posteriors that factorize over latents (diagonal_normal), "
            f"not from {type(posterior).__name__}."
        )
    weights = _log_weights(estimator, len(z), n_data, z)
    if in_training_on_cpu(z, posterior.mean, posterior.logvar):
        return log_mixtures(z, posterior.mean, posterior.logvar, weights)
    # (sample, component, latent): each sample under each image's posterior; the mixture runs over components, dimension 1
    spread = (z[:, None] - posterior.mean[None]).square() * (-posterior.logvar).exp()[None]
    log_density = -0.5 * (spread + posterior.logvar[None] + math.log(2 * math.pi))
    joint = torch.logsumexp(log_density.sum(2) + weights, dim=1)
    per_latent = torch.logsumexp(log_density + weights[:, :, None], dim=1)
    return joint, per_latent
