"""Models with the spatial broadcast decoder and its published settings."""

from __future__ import annotations

from typing import Annotated

from unbraid.objectives.elbo import ELBO
from unbraid.options import Option
from unbraid.rates.kl import KL, Warmup, WarmupStart
from unbraid.terms import Rate
from unbraid.zoo.recipe import Optimizer, Recipe
from unbraid.zoo.registry import Published, models

_SOURCE = (
    "Watters et al. (2019), Spatial Broadcast Decoder: A Simple Architecture for Learning Disentangled Representations "
    "in VAEs, arXiv:1901.07017"
)
_WATTERS = {"lr": 3e-4, "batch_size": 16, "latent_dim": 10, "steps": 1_500_000}
_GOLLA = Published(
    "Golla, Caspari and Oezkan (2021)",
    "ellipses",
    {"latent_dim": 10, "epochs": 20},
    "--decoder-kernel 3 --encoder-hidden 0",
)


def _broadcast(rate: Rate) -> Recipe:
    return Recipe(
        ELBO((rate,)),
        encoder="watters",
        decoder="spatial_broadcast",
        likelihood="gaussian",
        part_options={"sigma": 0.3},
        batch_size=16,
        optimizer=Optimizer(lr=3e-4),
    )


@models.register(
    "sbd_vae",
    formula="E_q[-log p(x|z)] + KL(q(z|x) || p(z)), with the spatial broadcast decoder",
    any_rates=True,
    remedies={"posterior_collapse": "Lower --sigma, raise --lr, or train longer."},
    source=_SOURCE,
    published=(
        Published("Watters et al. (2019)", "colored sprites", _WATTERS, "64 px, kernel 4, Gaussian of scale 0.3"),
        Published("borea17, code", "colored sprites", {"latent_dim": 10}, "--decoder-kernel 3 --sigma 0.5477"),
        _GOLLA,
    ),
)
def sbd_vae() -> Recipe:
    """A VAE with the spatial broadcast decoder (Watters): convolutions of tiled latents and coordinates.

    The decoder can be used with any other model (--decoder spatial_broadcast), and takes any size. Position need not be learned
    from the latents by layers of upsampling, which suits objects that move; every convolution runs at full resolution, so it is
    slow.

    The scale 0.3 of the likelihood is read as its standard deviation; borea17 reads a variance, sigma 0.5477. The repository
    lukaszbinden/spatial-broadcast-decoder, which others built on, has another architecture (seven convolutions, spectral
    normalization).

    >>> recipe = sbd_vae()
    >>> recipe.decoder, recipe.likelihood, recipe.part_options
    ('spatial_broadcast', 'gaussian', {'sigma': 0.3})
    """
    return _broadcast(KL())


@models.register(
    "sbd_beta_vae",
    formula="E_q[-log p(x|z)] + beta * KL(q(z|x) || p(z)), with the spatial broadcast decoder",
    remedies={"posterior_collapse": "Lower --beta or --sigma, or raise --lr."},
    source=f"{_SOURCE}; with the KL weighted as in Higgins et al. (2017)",
    published=(_GOLLA,),
)
def sbd_beta_vae(
    beta: Annotated[float, Option("weight of the KL; 1 is sbd_vae", ge=0)] = 4.0,
    beta_warmup: Warmup = 0.0,
    beta_start: WarmupStart = 0.0,
) -> Recipe:
    """beta-VAE with the spatial broadcast decoder (Watters), in all else `sbd_vae`.

    beta means something only with the likelihood's sigma: beta at sigma 0.3 is 0.09 beta at sigma 1. Golla, Caspari and Oezkan
    (2021) do not say their beta for this pair; their beta-VAE has 4.

    >>> recipe = sbd_beta_vae(beta=4.0)
    >>> recipe.decoder, recipe.objective.rates[0].beta
    ('spatial_broadcast', 4.0)
    """
    return _broadcast(KL(beta, beta_warmup, beta_start))
