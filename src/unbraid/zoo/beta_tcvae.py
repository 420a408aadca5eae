"""beta-TCVAE: a weight for each part of the KL."""

from __future__ import annotations

from unbraid.objectives.elbo import ELBO
from unbraid.rates.aggregate import EstimatorOption
from unbraid.rates.decomposed import CorrelationWeight, Decomposed, DimensionWiseWeight, InformationWeight, KLForm
from unbraid.rates.kl import Warmup, WarmupStart
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
            "MLP; if asked, beta grown from 0 over 7,000 updates",
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
    beta: CorrelationWeight = 6.0,
    alpha: InformationWeight = 1.0,
    gamma: DimensionWiseWeight = 1.0,
    estimator: EstimatorOption = "plain",
    kl: KLForm = "analytic",
    beta_warmup: Warmup = 0.0,
    beta_start: WarmupStart = 1.0,
) -> Recipe:
    """beta-TCVAE (Chen): of the KL's three parts only the total correlation is weighted more.

    The estimate of the total correlation comes from the batch, so the batch size is part of the model: the larger, the more
    dependence it sees. `plain` has the gradients of `mws`, the estimator of the paper's main text; with `mss` and small batches
    the loss is lowered by estimates below zero. How far estimates are from the truth: docs/estimates.md. FactorVAE's gamma
    corresponds to beta - 1.

    >>> rate = beta_tcvae(beta=6.0).objective.rates[0]
    >>> rate.alpha, rate.beta, rate.gamma, rate.estimator
    (1.0, 6.0, 1.0, 'plain')
    """
    return Recipe(ELBO((Decomposed(alpha, beta, gamma, estimator, kl, beta_warmup, beta_start),)), least_batch=2)
