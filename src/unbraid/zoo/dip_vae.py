"""DIP-VAE I and II: the covariance of the latents is pulled towards the identity."""

from __future__ import annotations

from unbraid.objectives.elbo import ELBO
from unbraid.rates.dip import Diagonal, DipI, DipII, OffDiagonal
from unbraid.rates.kl import KL
from unbraid.zoo.recipe import Recipe
from unbraid.zoo.registry import Published, models

_KUMAR = "Kumar, Sattigeri and Balakrishnan (2018), Variational Inference of Disentangled Latent Concepts, ICLR"
_LOCATELLO = "Locatello et al. (2019), code"


def _swept(note: str) -> Published:
    return Published(_LOCATELLO, "all", {"lambda_od": "1, 2, 5, 10, 20, 50", "lr": 1e-4, "batch_size": 64}, note)


@models.register(
    "dip_vae_i",
    formula="E_q[-log p(x|z)] + KL + lambda_od * sum_{i != j} C_ij^2 + lambda_d * sum_i (C_ii - 1)^2, C = Cov[mu]",
    source=_KUMAR,
    published=(_swept("lambda_d = 10 lambda_od"),),
)
def dip_vae_i(lambda_od: OffDiagonal = 10.0, lambda_d: Diagonal = 100.0) -> Recipe:
    """DIP-VAE I (Kumar): a VAE whose posterior means are pulled towards uncorrelated, with variance 1.

    >>> dip_vae_i(lambda_od=10.0).objective.rates
    (KL(beta=1.0, warmup=0.0, start=0.0, normalized=False), DipI(lambda_od=10.0, lambda_d=100.0))
    """
    return Recipe(ELBO((KL(), DipI(lambda_od, lambda_d))), least_batch=2)


@models.register(
    "dip_vae_ii",
    formula="E_q[-log p(x|z)] + KL + lambda_od * sum_{i != j} C_ij^2 + lambda_d * sum_i (C_ii - 1)^2, C = Cov[z]",
    source=_KUMAR,
    published=(_swept("lambda_d = lambda_od"),),
)
def dip_vae_ii(lambda_od: OffDiagonal = 10.0, lambda_d: Diagonal = 10.0) -> Recipe:
    """DIP-VAE II (Kumar): a VAE whose latents are pulled towards uncorrelated, with variance 1.

    >>> dip_vae_ii(lambda_od=10.0).objective.rates
    (KL(beta=1.0, warmup=0.0, start=0.0, normalized=False), DipII(lambda_od=10.0, lambda_d=10.0))
    """
    return Recipe(ELBO((KL(), DipII(lambda_od, lambda_d))), least_batch=2)
