"""Models that match moments of the latents with the prior's: DIP-VAE and InfoVAE."""

from __future__ import annotations

from typing import Annotated

from unbraid.errors import UsageError
from unbraid.objectives.elbo import ELBO
from unbraid.options import Option
from unbraid.rates.dip import Diagonal, DipI, DipII, OffDiagonal
from unbraid.rates.kl import KL
from unbraid.rates.mmd import MMD, Kernel
from unbraid.zoo.recipe import Published, Recipe, models

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
    """DIP-VAE I (Kumar): a VAE whose posterior means are pulled towards uncorrelated, with variance 1."""
    return Recipe(ELBO((KL(), DipI(lambda_od, lambda_d))), least_batch=2)


@models.register(
    "dip_vae_ii",
    formula="E_q[-log p(x|z)] + KL + lambda_od * sum_{i != j} C_ij^2 + lambda_d * sum_i (C_ii - 1)^2, C = Cov[z]",
    source=_KUMAR,
    published=(_swept("lambda_d = lambda_od"),),
)
def dip_vae_ii(lambda_od: OffDiagonal = 10.0, lambda_d: Diagonal = 10.0) -> Recipe:
    """DIP-VAE II (Kumar): a VAE whose latents are pulled towards uncorrelated, with variance 1."""
    return Recipe(ELBO((KL(), DipII(lambda_od, lambda_d))), least_batch=2)


@models.register(
    "info_vae",
    formula="E_q[-log p(x|z)] + (1 - alpha) * KL + (alpha + lambda_mmd - 1) * MMD^2(q(z), p(z))",
    source="Zhao, Song and Ermon (2019), InfoVAE: Balancing Learning and Inference in Variational Autoencoders, AAAI",
)
def info_vae(
    alpha: Annotated[float, Option("1 leaves the KL out, 0 keeps all of it", le=1)] = 0.0,
    lambda_mmd: Annotated[
        float, Option("weight of the divergence between aggregate posterior and prior, with alpha", ge=0)
    ] = 1000.0,
    kernel: Annotated[Kernel, Option("kernel of the MMD: Gaussian, inverse multiquadratic, or seven of these added")] = "rbf",
    width: Annotated[float, Option("width of the kernel for one latent, times the number of latents", gt=0)] = 2.0,
) -> Recipe:
    """InfoVAE (Zhao): the aggregate posterior is pulled towards the prior by maximum mean discrepancy, not each image's alone.

    alpha 0 and lambda_mmd 1 is the VAE; alpha 1 leaves only the discrepancy, and the posterior's spread free. The discrepancy
    is small beside nats: its weight is large.

    Raises `UsageError` where alpha + lambda_mmd is below 1.
    """
    weight = alpha + lambda_mmd - 1
    if weight < 0:
        raise UsageError(
            f"--alpha {alpha:g} and --lambda-mmd {lambda_mmd:g} give the discrepancy a weight of {weight:g}, which would "
            "reward it; their sum must be at least 1."
        )
    return Recipe(ELBO((KL(1 - alpha), MMD(weight, kernel, width))), least_batch=2)
