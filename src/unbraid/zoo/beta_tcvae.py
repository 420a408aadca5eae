"""beta-TCVAE: the parts of the KL with weights of their own."""

from __future__ import annotations

from typing import Annotated, Literal

from unbraid.objectives.elbo import ELBO
from unbraid.options import Option
from unbraid.rates.aggregate import Estimator
from unbraid.rates.decomposed import Decomposed
from unbraid.zoo.recipe import Recipe
from unbraid.zoo.registry import Published, models

_CHEN = "Chen et al. (2018), code"
_DUBOIS = "Dubois et al. (2019), code"


@models.register(
    "beta_tcvae",
    formula="E_q[-log p(x|z)] + alpha * MI + beta * TC + gamma * dimension-wise KL",
    source="Chen et al. (2018), Isolating Sources of Disentanglement in Variational Autoencoders, NeurIPS",
    published=(
        Published(
            _CHEN,
            "dsprites",
            {"beta": 6, "lr": 1e-3, "batch_size": 2048, "kl": "sampled"},
            "MLP; beta grown from 0 over 7,000 updates",
        ),
        Published(_DUBOIS, "dsprites, celeba", {"beta": 6.4, "lr": 5e-4, "batch_size": 64}, "anneals gamma only"),
        Published(_DUBOIS, "chairs", {"beta": 3.2, "lr": 5e-4, "batch_size": 64}, "anneals gamma only"),
        Published(_DUBOIS, "dsprites", {"alpha": -5, "beta": 10, "lr": 5e-4, "batch_size": 64}, "its best by search"),
        Published(
            "Locatello et al. (2019), code", "all", {"beta": "1, 2, 4, 6, 8, 10", "lr": 1e-4, "kl": "analytic"}, "300,000 steps"
        ),
    ),
)
def beta_tcvae(
    beta: Annotated[float, Option("weight of the total correlation; 1 is the VAE")] = 6.0,
    alpha: Annotated[float, Option("weight of the mutual information between image and latents; below 0 rewards it")] = 1.0,
    gamma: Annotated[float, Option("weight of the dimension-wise KL", ge=0)] = 1.0,
    estimator: Annotated[
        Estimator, Option("of the aggregate posterior: the batch alone, or weighted (mws) or stratified (mss) sampling")
    ] = "plain",
    kl: Annotated[
        Literal["analytic", "sampled"],
        Option("KL in closed form plus (beta - 1) TC and so on, or the sampled terms alone as first published"),
    ] = "analytic",
    beta_warmup: Annotated[
        float, Option("duration of the way to beta: a fraction of the run up to 1, steps above it, 0 for none", ge=0)
    ] = 0.0,
    beta_start: Annotated[float, Option("weight of the total correlation at the beginning of the warm-up", ge=0)] = 1.0,
) -> Recipe:
    """beta-TCVAE (Chen): of the KL's three parts only the total correlation is weighted more.

    The estimate of the total correlation comes from the batch, so the batch size is part of the model: the larger, the more
    dependence it sees. `plain` has the gradients of `mws`, the estimator of the paper's main text; with `mss` and small batches
    the loss is lowered by estimates below zero. How far estimates are from the truth: docs/estimates.md. FactorVAE's gamma
    corresponds to beta - 1.
    """
    return Recipe(ELBO((Decomposed(alpha, beta, gamma, estimator, kl, beta_warmup, beta_start),)), least_batch=2)
