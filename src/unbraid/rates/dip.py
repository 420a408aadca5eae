"""DIP-VAE I and II: the covariance of the latents is pulled towards the identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from unbraid.options import Option
from unbraid.rates.registry import rates
from unbraid.terms import Context, Pass, Term

OffDiagonal = Annotated[float, Option("weight of the squared covariances between latents", ge=0)]
Diagonal = Annotated[float, Option("weight of the squared distances of their variances from 1", ge=0)]
_SOURCE = "Kumar, Sattigeri and Balakrishnan (2018), Variational Inference of Disentangled Latent Concepts, ICLR"


def covariance_of_means(mean: Float[Tensor, "batch latent"]) -> Float[Tensor, "latent latent"]:
    """Covariance over the batch, divided by B: its expectation is (B - 1)/B of the population's."""
    centered = mean - mean.mean(0)
    return centered.T @ centered / len(mean)


def _distances(covariance: Float[Tensor, "latent latent"]) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Sum of squares off the diagonal (each pair twice), and of the diagonal's distances from 1."""
    diagonal = covariance.diagonal()
    off_diagonal = (covariance - torch.diag(diagonal)).square().sum()
    return off_diagonal, (diagonal - 1).square().sum()


@rates.register(
    "dip_i",
    formula="lambda_od * sum_{i != j} C_ij^2 + lambda_d * sum_i (C_ii - 1)^2, C = Cov[mu]",
    source=_SOURCE,
    least_batch=2,
)
@dataclass(frozen=True)
class DipI:
    r"""Penalty of DIP-VAE I, on the covariance of the posterior means. Holds no KL.

    .. math:: \lambda_{od} \sum_{i \ne j} C_{ij}^2 + \lambda_d \sum_i (C_{ii} - 1)^2, \qquad C = \mathrm{Cov}_x[\mu(x)]

    C is the covariance over the batch, divided by B; the sum runs over ordered pairs. Squares of it are biased upwards by the
    variance of C over batches. Squared covariances are not in nats: the weights carry the unit.

    Args:
        lambda_od, lambda_d: weights off and on the diagonal.

    >>> terms = DipI(lambda_od=10.0, lambda_d=100.0)(made, context)
    >>> {name: (term.value.item(), term.weight) for name, term in terms.items()}  # the second latent has variance 0, not 1
    {'dip_i_off_diagonal': (0.0, 10.0), 'dip_i_diagonal': (1.0, 100.0)}
    """

    lambda_od: OffDiagonal = 10.0
    lambda_d: Diagonal = 100.0
    per_sample = False

    def __call__(self, made: Pass, context: Context) -> Mapping[str, Term]:
        """The terms `dip_i_off_diagonal` and `dip_i_diagonal`, one value per batch."""
        off_diagonal, diagonal = _distances(covariance_of_means(made.posterior.mean))
        return {
            "dip_i_off_diagonal": Term(off_diagonal, self.lambda_od, "number"),
            "dip_i_diagonal": Term(diagonal, self.lambda_d, "number"),
        }


@rates.register(
    "dip_ii",
    formula="lambda_od * sum_{i != j} C_ij^2 + lambda_d * sum_i (C_ii - 1)^2, C = Cov[z]",
    source=_SOURCE,
    least_batch=2,
)
@dataclass(frozen=True)
class DipII:
    r"""Penalty of DIP-VAE II, on the covariance of the latents themselves. Holds no KL.

    .. math:: \lambda_{od} \sum_{i \ne j} C_{ij}^2 + \lambda_d \sum_i (C_{ii} - 1)^2, \qquad
        C = \mathrm{Cov}_x[\mu(x)] + E_x[\mathrm{diag}\, \sigma^2(x)]

    As for `dip_i`, over the batch. For posteriors whose latents are correlated given an image, only the variances enter.

    Args:
        lambda_od, lambda_d: weights off and on the diagonal.

    >>> terms = DipII(lambda_od=10.0, lambda_d=10.0)(made, context)
    >>> {name: (term.value.item(), term.weight) for name, term in terms.items()}  # variances are 2 and 1
    {'dip_ii_off_diagonal': (0.0, 10.0), 'dip_ii_diagonal': (1.0, 10.0)}
    """

    lambda_od: OffDiagonal = 10.0
    lambda_d: Diagonal = 10.0
    per_sample = False

    def __call__(self, made: Pass, context: Context) -> Mapping[str, Term]:
        """The terms `dip_ii_off_diagonal` and `dip_ii_diagonal`, one value per batch."""
        noise = torch.diag(made.posterior.variance.mean(0))
        off_diagonal, diagonal = _distances(covariance_of_means(made.posterior.mean) + noise)
        return {
            "dip_ii_off_diagonal": Term(off_diagonal, self.lambda_od, "number"),
            "dip_ii_diagonal": Term(diagonal, self.lambda_d, "number"),
        }
