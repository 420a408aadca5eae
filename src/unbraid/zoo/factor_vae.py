"""FactorVAE and CFactorVAE: a critic tells encoder and decoder the total correlation of the codes."""

from __future__ import annotations

from typing import Annotated, Literal

from unbraid.objectives.factor import FactorVAE
from unbraid.options import Option
from unbraid.rates.capacity import Capacity
from unbraid.rates.kl import KL
from unbraid.zoo.recipe import Optimizer, Recipe
from unbraid.zoo.registry import Published, models

_KONNY = "1Konny/FactorVAE, code"
_DUBOIS = "Dubois et al. (2019), code"
_LOCATELLO = "Locatello et al. (2019), code"
_WANG = "Wang, report on CFactorVAE, and its code"

CriticRate = Annotated[float, Option("learning rate of the critic, whose optimizer is Adam with betas 0.5 and 0.9", gt=0)]
CriticLayers = Annotated[int, Option("number of hidden layers of the critic", ge=1, le=20)]
CriticWidth = Annotated[int, Option("width of the critic's hidden layers", ge=1, le=20_000)]


def _konny(data: str, gamma: float, critic_lr: float, steps: int, note: str = "") -> Published:
    values = {"gamma": gamma, "lr": 1e-4, "critic_lr": critic_lr, "critic_layers": 5, "batch_size": 64, "steps": steps}
    return Published(_KONNY, data, values, note)


def _dubois(data: str, gamma: float, critic_lr: float, epochs: int) -> Published:
    values = {"gamma": gamma, "lr": 1e-4, "critic_lr": critic_lr, "critic_layers": 5, "batch_size": 64, "epochs": epochs}
    return Published(_DUBOIS, data, values, "halves of one batch of 128; the critic's loss also reaches the encoder")


def _recipe(objective: FactorVAE, lr: float, critic_lr: float) -> Recipe:
    critic = Optimizer(lr=critic_lr, betas=(0.5, 0.9))
    return Recipe(objective, least_batch=2, optimizer=Optimizer(lr=lr), player_optimizers={"critic": critic})


@models.register(
    "factor_vae",
    any_rates=True,
    formula="E_q[-log p(x|z)] + KL(q(z|x) || p(z)) + gamma * E_q[d(z)], d the critic's log q(z) - sum_j log q(z_j)",
    source="Kim and Mnih (2018), Disentangling by Factorising, ICML",
    published=(
        _konny("dsprites", 6.4, 1e-4, 700_000, "also gamma 10"),
        _konny("celeba", 6.4, 1e-5, 1_000_000),
        _konny("chairs", 3.2, 1e-5, 1_000_000),
        _dubois("dsprites", 6.4, 1e-4, 30),
        _dubois("celeba", 6.4, 1e-5, 200),
        _dubois("chairs", 3.2, 1e-5, 300),
        _dubois("others", 6, 5e-5, 400),
        Published(
            _LOCATELLO,
            "all",
            {"gamma": "10, 20, 30, 40, 50, 100", "lr": 1e-4, "critic_lr": 1e-4, "batch_size": 64, "steps": 300_000},
            "permutes the batch itself instead of a second one",
        ),
    ),
)
def factor_vae(
    gamma: Annotated[float, Option("weight of the total correlation; 0 is the VAE", ge=0)] = 6.4,
    critic_lr: CriticRate = 1e-4,
    critic_layers: CriticLayers = 6,
    critic_width: CriticWidth = 1000,
) -> Recipe:
    """FactorVAE (Kim): a VAE that also pays for the dependence between latents, as a critic sees it.

    Each step has two independent batches. Encoder and decoder learn from the first. Then the critic, a player of its own,
    learns to tell its codes from those of the second, each latent of which is shuffled over the batch; --steps, --epochs and
    speeds count the first batch. gamma 0 is the VAE; gamma corresponds to beta - 1 of beta-TCVAE.

    What the critic sees (`tc_critic`) is too little until it has learned, is no bound and may be negative. A critic whose
    accuracy stays at 0.5 while the total correlation measured by `unbraid evaluate` is large is too weak: raise --critic-lr.
    Shuffling a small batch leaves pairs together; give at least 32 images.

    Here the critic sees detached codes. In the code of Dubois et al. (2019) its loss is also back-propagated into the encoder,
    which then helps the critic; 1Konny's stops with an error under PyTorch 1.5 or newer. Both critics have one layer less than
    the paper's. Dubois et al. give one number to this gamma and to the beta of beta-TCVAE, which are one apart.
    """
    return _recipe(FactorVAE(gamma, (KL(),), critic_layers, critic_width), 1e-4, critic_lr)


@models.register(
    "cfactor_vae",
    formula="E_q[-log p(x|z)] + beta * |KL(q(z|x) || p(z)) - C(t)| + gamma * E_q[d(z)], C growing linearly",
    remedies={"capacity_missed": "Raise --beta, choose a --capacity nearer to that KL, or lengthen --capacity-ramp."},
    source="Wang, Disentangling Latent Representations with CFactorized Variational Autoencoder (report)",
    published=(
        Published(
            _WANG,
            "mnist, chairs",
            {
                "gamma": 3.5,
                "beta": 1,
                "capacity": 24.5,
                "capacity_reduction": "sample",
                "lr": 1e-3,
                "critic_lr": 1e-3,
                "batch_size": 128,
                "latent_dim": 20,
                "epochs": 50,
            },
            "encoder and decoder wang, 32 and 64 px; C grows by half a nat an epoch",
        ),
    ),
)
def cfactor_vae(
    gamma: Annotated[float, Option("weight of the total correlation; 0 is beta-VAE with capacity", ge=0)] = 3.5,
    beta: Annotated[float, Option("weight of the distance between KL and capacity", ge=0)] = 1.0,
    capacity: Annotated[float, Option("capacity at the end of the ramp, in nats per image", ge=0)] = 24.5,
    capacity_ramp: Annotated[
        float,
        Option("duration of the ramp from 0: a fraction of the run up to 1, a number of steps above it, 0 for none", ge=0),
    ] = 1.0,
    capacity_reduction: Annotated[
        Literal["sample", "batch"], Option("mean distance of each image's KL, as published, or distance of the batch's mean KL")
    ] = "sample",
    critic_lr: CriticRate = 1e-3,
    critic_layers: CriticLayers = 6,
    critic_width: CriticWidth = 1000,
) -> Recipe:
    """CFactorVAE (Wang): FactorVAE whose KL is held at a capacity that grows.

    gamma 0 is beta-VAE with capacity, capacity 0 with beta 1 is FactorVAE. The critic is FactorVAE's. That of the published
    code is linear (its leak is 1) and rectifies the logit: shuffling leaves the means of the latents, which are all that
    a linear critic compares, so that it has nothing to see and the penalty nothing to do. The formula is the report's, not that
    code.

    In the report, equation 2 should have log p(x) on its left and the posterior p(z|x) in its KL; equation 11 holds for the
    best critic alone; the test columns of table 1 are sums over 10,000 images divided by 60,000, six times too small; and the
    losses there hold different terms, so that they do not rank the models.
    """
    rate = Capacity(beta, 0.0, capacity, capacity_ramp, capacity_reduction)
    return _recipe(FactorVAE(gamma, (rate,), critic_layers, critic_width), 1e-3, critic_lr)
