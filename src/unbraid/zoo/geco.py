"""Models that learn the weight between reconstruction and KL: GECO and constrained beta-VAE."""

from __future__ import annotations

from typing import Annotated

from unbraid.objectives.constrained import Constrained
from unbraid.options import Option
from unbraid.zoo.recipe import Recipe
from unbraid.zoo.registry import models

MultiplierRate = Annotated[
    float, Option("change of the multiplier's logarithm per step while what is bounded is twice its bound", gt=0, le=1)
]


@models.register(
    "geco",
    formula="KL(q(z|x) || p(z)) + lambda * (E_q[-log p(x|z)] - tolerance), lambda growing while that is above 0",
    remedies={
        "posterior_collapse": "Lower --tolerance.",
        "bound_missed": "Raise --tolerance or --multiplier-rate, or train longer.",
    },
    source="Rezende and Viola (2018), Taming VAEs, arXiv:1810.00597",
)
def geco(
    tolerance: Annotated[
        float, Option("what a reconstruction may cost, in nats per image without the likelihood's constant", gt=0)
    ] = 40.0,
    multiplier_rate: MultiplierRate = 5e-3,
    lambda_start: Annotated[float, Option("multiplier at the beginning; 1 is the VAE", ge=1e-6, le=1e6)] = 1.0,
) -> Recipe:
    """GECO (Rezende): the least KL with which reconstructions are as good as asked.

    At a fixed lambda the gradients are lambda times those of beta-VAE with beta = 1 / lambda. Choose the tolerance from the
    reconstruction of a VAE on the same data, at or above it. One that cannot be reached drives the multiplier to 1e6, where
    the model is an autoencoder and `violation` stays above 0; one that no latent is needed for drives it to 1e-6, where the
    KL is 0.

    The tolerance is in nats of the likelihood: with a normal one of standard deviation s, a squared error of 2 s^2 per nat. The
    reported reconstruction is that plus the constant, which is 0 for `bernoulli`. Likelihoods that learn their scale are
    refused.

    Deviations from the source: the multiplier follows violations as shares of the tolerance, cut off at 1, so that no rate
    depends on the number of pixels or the likelihood; and the running mean of violations, which decides how it moves, is not
    put into the loss, where it changes no gradient.

    >>> geco(tolerance=40.0).objective
    Constrained(held='reconstruction', bound=40.0, rate=0.005, start=1.0, memory=0.99, draws=Batches(count=1))
    """
    return Recipe(Constrained("reconstruction", tolerance, multiplier_rate, lambda_start))


@models.register(
    "constrained_beta_vae",
    formula="E_q[-log p(x|z)] + beta * (KL(q(z|x) || p(z)) - epsilon), beta growing while that is above 0",
    remedies={
        "posterior_collapse": "Raise --epsilon, or lower --beta-start.",
        "bound_missed": "Raise --epsilon or --multiplier-rate, or train longer.",
    },
    source="Higgins et al. (2017), beta-VAE, whose constraint it is; ascent as in Rezende and Viola (2018), Taming VAEs",
)
def constrained_beta_vae(
    epsilon: Annotated[float, Option("what the KL may be at most, in nats per image", gt=0)] = 6.0,
    multiplier_rate: MultiplierRate = 5e-3,
    beta_start: Annotated[float, Option("beta at the beginning; 1 is the VAE", ge=1e-6, le=1e6)] = 1.0,
) -> Recipe:
    """beta-VAE with a constraint: the best reconstruction with KL <= epsilon, and the beta this takes.

    beta-VAE is derived from this problem, and then fixes beta where the problem fixes epsilon. Here beta is what dual ascent
    makes it, logged as `multiplier`. beta-VAE with capacity holds the KL at a number of nats too, by a penalty that pulls
    from both sides. An epsilon above the KL of an autoencoder drives beta to 1e-6.

    >>> constrained_beta_vae(epsilon=6.0).objective
    Constrained(held='kl', bound=6.0, rate=0.005, start=1.0, memory=0.99, draws=Batches(count=1))
    """
    return Recipe(Constrained("kl", epsilon, multiplier_rate, beta_start))
