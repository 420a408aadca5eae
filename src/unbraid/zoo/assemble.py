"""Parts into a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from torch import nn

from unbraid.distributions.protocols import FollowingPrior, Likelihood, PosteriorHead
from unbraid.distributions.registry import likelihoods, posteriors, priors
from unbraid.nn.registry import Shape, decoders, encoders
from unbraid.nn.vae import VAE
from unbraid.randomness import seeded_construction
from unbraid.registry import Registry
from unbraid.zoo.recipe import Recipe


def assemble(
    recipe: Recipe,
    image_shape: Shape,
    latent_dim: int,
    *,
    seed: int,
    encoder_options: Mapping[str, Any] | None = None,
    decoder_options: Mapping[str, Any] | None = None,
    likelihood_options: Mapping[str, Any] | None = None,
) -> VAE:
    """Build every network of a recipe for images of one shape, with initial weights from a seed.

    Raises `UnknownName` for a part that does not exist and `IncompatibleParts` for parts that do not fit.
    """

    def make(registry: Registry, name: str, options: Mapping[str, Any] | None, *arguments: object) -> nn.Module:
        entry = registry[name]
        module: nn.Module = entry.factory(*arguments, **entry.resolve(options or {}))
        return module

    channels, height, width = image_shape
    with seeded_construction(seed):
        likelihood = make(likelihoods, recipe.likelihood, likelihood_options)
        posterior = make(posteriors, recipe.posterior, recipe.posterior_options, latent_dim)
        n_params = cast(PosteriorHead, posterior).n_params
        prior = make(priors, recipe.prior, recipe.prior_options, latent_dim)
        if isinstance(prior, FollowingPrior):
            prior.follow(cast(PosteriorHead, posterior))
        outputs = channels * cast(Likelihood, likelihood).outputs_per_channel
        own = {
            "encoder": make(encoders, recipe.encoder, encoder_options, image_shape, n_params),
            "posterior": posterior,
            "decoder": make(decoders, recipe.decoder, decoder_options, latent_dim, (outputs, height, width)),
            "likelihood": likelihood,
            "prior": prior,
        }
        extra = recipe.objective.networks(own, image_shape, latent_dim)
        return VAE(**own, extra=extra, players=recipe.objective.players)
