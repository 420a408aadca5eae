"""Models of one player: VAE, beta-VAE and beta-VAE with capacity."""

from __future__ import annotations

from typing import Annotated

from unbraid.objectives.elbo import ELBO
from unbraid.options import Option
from unbraid.rates.capacity import Capacity, DistanceWeight, FinalCapacity, Ramp, Reduction, StartCapacity
from unbraid.rates.kl import KL, NormalizedBeta, Warmup, WarmupStart
from unbraid.zoo.recipe import Optimizer, Recipe
from unbraid.zoo.registry import Published, Times, models

_DUBOIS = "Dubois et al. (2019), code"
_KONNY = "1Konny/Beta-VAE, code"
_LOCATELLO = "Locatello et al. (2019), code"

# At a constant beta the positions often settle in latents that mix them; coming down from a larger one, latents open one at a
# time, and each takes one factor.
_DESCENT = {"beta_start": Times(5, "beta"), "beta_warmup": 0.9, "lr": 2e-3}


@models.register(
    "vae",
    formula="E_q[-log p(x|z)] + KL(q(z|x) || p(z))",
    any_rates=True,
    remedies={"posterior_collapse": "Raise --lr, train longer, or give the likelihood a smaller scale."},
    source="Kingma and Welling (2014), Auto-Encoding Variational Bayes, ICLR",
    published=(
        Published(_DUBOIS, "dsprites, mnist, chairs, celeba", {"lr": 5e-4, "batch_size": 64, "latent_dim": 10}),
        Published("Chen et al. (2018), code", "dsprites", {"lr": 1e-3, "batch_size": 2048, "latent_dim": 10}, "MLP"),
    ),
)
def vae() -> Recipe:
    """The variational autoencoder: reconstruction plus KL, the evidence lower bound itself.

    >>> vae().objective.rates
    (KL(beta=1.0, warmup=0.0, start=0.0, normalized=False),)
    """
    return Recipe(ELBO((KL(),)))


@models.register(
    "beta_vae",
    formula="E_q[-log p(x|z)] + beta * KL(q(z|x) || p(z))",
    remedies={"posterior_collapse": "Lower --beta, raise --lr, or let beta grow from --beta-start 0 with --beta-warmup."},
    tuned={"ellipses": {**_DESCENT, "steps": 4_500}},  # at 32 pixels: the study ellipses-defaults
    budgets={data: {"5m": {**_DESCENT, "steps": 7_500}} for data in ("ellipses", "shapes")},  # the study five-minutes
    source="Higgins et al. (2017), beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework, ICLR",
    published=(
        Published(_DUBOIS, "dsprites, chairs", {"beta": 4, "lr": 5e-4, "latent_dim": 10}, "beta grown over 10,000 updates"),
        Published(_DUBOIS, "celeba", {"beta": 10, "lr": 5e-4, "latent_dim": 10}, "beta grown over 10,000 updates"),
        Published(_KONNY, "celeba", {"beta": 10, "lr": 1e-4, "latent_dim": "10 or 32"}, "squared error without the half"),
        Published(_KONNY, "chairs", {"beta": 4, "lr": 1e-4, "latent_dim": "10 or 16"}, "squared error without the half"),
        Published(_LOCATELLO, "all", {"beta": "1, 2, 4, 6, 8, 16", "lr": 1e-4, "latent_dim": 10}, "300,000 steps"),
        Published("Golla, Caspari and Oezkan (2021)", "ellipses, fashion_mnist", {"beta": 4, "batch_size": 32}, "50 epochs"),
        Published("Koller (report)", "shapes, mnist", {"beta": "0.002 to 20, normalized", "latent_dim": "2 to 125"}),
    ),
)
def beta_vae(
    beta: Annotated[float, Option("weight of the KL; 1 is the VAE, 0 an autoencoder", ge=0)] = 4.0,
    beta_warmup: Warmup = 0.0,
    beta_start: WarmupStart = 0.0,
    normalized: NormalizedBeta = False,
) -> Recipe:
    """beta-VAE (Higgins): a KL weighted by beta, which trades reconstruction for independent latents.

    >>> beta_vae(beta=4.0).objective.rates
    (KL(beta=4.0, warmup=0.0, start=0.0, normalized=False),)
    """
    return Recipe(ELBO((KL(beta, beta_warmup, beta_start, normalized),)))


@models.register(
    "beta_vae_capacity",
    formula="E_q[-log p(x|z)] + gamma * |KL(q(z|x) || p(z)) - C(t)|, C growing linearly",
    remedies={"capacity_missed": "Raise --gamma, lower --capacity, or lengthen --capacity-ramp."},
    source="Burgess et al. (2018), Understanding disentangling in beta-VAE, arXiv:1804.03599",
    published=(
        Published(_DUBOIS, "dsprites, chairs", {"gamma": 100, "capacity": 25, "lr": 1e-3}, "over 100,000 updates"),
        Published(_DUBOIS, "celeba", {"gamma": 100, "capacity": 50, "lr": 1e-3}, "over 100,000 updates"),
        Published(_KONNY, "dsprites", {"gamma": 100, "capacity": 20, "lr": 5e-4}, "over 100,000 updates"),
        Published(_LOCATELLO, "all", {"gamma": 1000, "capacity": "5 to 100", "lr": 1e-4}, "over 100,000 updates"),
    ),
)
def beta_vae_capacity(
    gamma: DistanceWeight = 100.0,
    capacity: FinalCapacity = 25.0,
    capacity_start: StartCapacity = 0.0,
    capacity_ramp: Ramp = 0.75,
    capacity_reduction: Reduction = "batch",
) -> Recipe:
    """beta-VAE with controlled capacity (Burgess): the KL is held at a capacity that grows.

    >>> beta_vae_capacity(capacity=25.0).objective.rates
    (Capacity(gamma=100.0, start=0.0, end=25.0, duration=0.75, reduction='batch'),)
    """
    rate = Capacity(gamma, capacity_start, capacity, capacity_ramp, capacity_reduction)
    return Recipe(ELBO((rate,)), optimizer=Optimizer(lr=1e-3))
