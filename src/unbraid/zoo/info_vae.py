"""InfoVAE: the maximum mean discrepancy (MMD) pulls the aggregate posterior towards the prior."""

from __future__ import annotations

from typing import Annotated

from unbraid.errors import UsageError
from unbraid.objectives.elbo import ELBO
from unbraid.options import Option
from unbraid.rates.kl import KL
from unbraid.rates.mmd import MMD, KernelOption, KernelWidth
from unbraid.zoo.recipe import Recipe
from unbraid.zoo.registry import models


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
    kernel: KernelOption = "rbf",
    width: KernelWidth = 2.0,
) -> Recipe:
    """InfoVAE (Zhao): the MMD pulls the aggregate posterior towards the prior.

    alpha 0 and lambda_mmd 1 is the VAE; alpha 1 leaves only the discrepancy, and the posterior's spread free. The discrepancy
    is small beside nats: its weight is large.

    Raises `UsageError` where alpha + lambda_mmd is below 1.

    >>> info_vae(alpha=0.0, lambda_mmd=1000.0).objective.rates
    (KL(beta=1.0, warmup=0.0, start=0.0, normalized=False), MMD(weight=999.0, kernel='rbf', width=2.0, unbiased=True))
    """
    weight = alpha + lambda_mmd - 1
    if weight < 0:
        raise UsageError(
            f"--alpha {alpha:g} and --lambda-mmd {lambda_mmd:g} give the discrepancy a weight of {weight:g}, which would "
            "reward it; their sum must be at least 1."
        )
    return Recipe(ELBO((KL(1 - alpha), MMD(weight, kernel, width))), least_batch=2)
