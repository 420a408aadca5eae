"""CHyVAE: a VAE with a prior on the prior's covariance."""

from __future__ import annotations

from typing import Annotated, Literal

from unbraid.objectives.elbo import ELBO
from unbraid.options import Option
from unbraid.rates.inverse_wishart import InverseWishart
from unbraid.rates.kl import KL
from unbraid.zoo.recipe import Optimizer, Recipe
from unbraid.zoo.registry import Published, models

_ANSARI = "Ansari and Soh (2019), code"


@models.register(
    "chyvae",
    formula="E_q[-log p(x|z)] + (nu + 1)/2 (log|Phi| + tr[(S_q + mu mu' + kappa I) Phi^-1]) - log|S_q|/2 + c, "
    "Phi = kappa I + z~ z~', kappa = max(nu - D - 1, 1), c a constant",
    source="Ansari and Soh (2019), Hyperprior Induced Unsupervised Disentanglement of Latent Representations, AAAI",
    published=(
        Published(_ANSARI, "all", {"nu": 33, "latent_dim": 10, "lr": 1e-4, "batch_size": 50, "steps": 25_000}, "its defaults"),
        Published(
            _ANSARI,
            "correlated_ellipses",
            {"nu": 200, "latent_dim": 10, "lr": 1e-4, "batch_size": 50, "steps": 150_000},
            "an example",
        ),
    ),
)
def chyvae(
    nu: Annotated[
        float,
        Option("degrees of freedom of the hyperprior, above latents - 1: the larger, the less correlated the latents", gt=0),
    ] = 33.0,
    kl: Annotated[Literal["bound", "exact"], Option("the published bound on the KL to the prior, or that KL itself")] = "bound",
) -> Recipe:
    """CHyVAE (Ansari): the prior's covariance is random, S ~ IW(kappa I, nu), with mean I.

    Each image has a normal posterior with a full covariance S_q, and for S an inverse-Wishart one, with Phi and nu + 1. A large
    nu holds S at I, which leaves the VAE with a full posterior; a small one lets latents be correlated at less cost. nu must be
    above latents - 1; below latents + 2 the mean of S is not I.

    With S integrated out, p(z) is Student's t, from which images are drawn. The published loss is a bound on the KL to it, and
    a loose one: z~, which stands for what is known of S, is a draw of its own and not the decoder's z. `--kl exact` takes that
    KL itself, by quadrature; this is ours. Logged are the bound with its constant c, `kl_bound`, and an estimate of the KL,
    `kl`. Latents that depend on each other given an image have no KL each.

    The networks are the published ones but for initial weights and for biases of the decoder's second layer, which are one a
    channel; for ellipses and other shapes the code has 128 hidden units: `--encoder-hidden 128 --decoder-hidden 128`. The code
    leaves out c, so its losses are no nats; its samples come from 10 covariances in all, or do not depend on nu.

    >>> recipe = chyvae(nu=200.0)
    >>> recipe.posterior, recipe.prior, recipe.prior_options
    ('full_normal', 'student_t', {'nu': 200.0})
    """
    return Recipe(
        ELBO((InverseWishart(nu) if kl == "bound" else KL(),)),
        encoder="higgins",
        decoder="higgins",
        posterior="full_normal",
        prior="student_t",
        prior_options={"nu": nu},
        batch_size=50,
        optimizer=Optimizer(lr=1e-4),
    )
