"""Parts into a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from unbraid.distributions.protocols import FollowingPrior, Likelihood, PosteriorHead
from unbraid.distributions.registry import likelihoods, posteriors, priors
from unbraid.errors import IncompatibleParts, UnbraidError
from unbraid.nn.layout import keep_layout
from unbraid.nn.registry import Shape, decoders, encoders
from unbraid.nn.vae import VAE
from unbraid.randomness import seeded_construction
from unbraid.registry import Entry, Registry
from unbraid.trust import is_own
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
        resolved = entry.resolve(options or {})
        made = _own(entry, *arguments, **resolved) if is_own(name) else entry.factory(*arguments, **resolved)
        return cast(nn.Module, made)

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


def _own(entry: Entry, *arguments: object, **options: Any) -> nn.Module:
    """A network whose code is not unbraid's.

    Whatever that code raises is told as a part that does not fit.
    """
    given = ", ".join([*map(repr, arguments), *(f"{name}={value!r}" for name, value in options.items())])
    try:
        module = entry.factory(*arguments, **options)
    except UnbraidError:
        raise
    except Exception as error:
        raise IncompatibleParts(f"{entry.name}({given}) raised {type(error).__name__}: {error}") from error
    if not isinstance(module, nn.Module):
        raise IncompatibleParts(f"{entry.name}({given}) returned a {type(module).__name__}, which is no torch.nn.Module.")
    return keep_layout(module)


def try_networks(vae: VAE, image_shape: Shape, latent_dim: int, names: Mapping[str, str]) -> None:
    """Pass two blank images through networks whose code is not unbraid's.

    Args:
        names: of the encoder and the decoder.

    Raises `IncompatibleParts` for one that fails or gives another shape than it was asked for.
    """
    head, likelihood = cast(PosteriorHead, vae.networks["posterior"]), vae.likelihood
    channels, height, width = image_shape
    wanted = {
        "encoder": (torch.zeros(2, *image_shape), (head.n_params,)),
        "decoder": (torch.zeros(2, latent_dim), (channels * likelihood.outputs_per_channel, height, width)),
    }
    for part, (blank, shape) in wanted.items():
        if not is_own(names[part]):
            continue
        before = f"The {part} {names[part]!r}, given a batch of shape {tuple(blank.shape)},"
        try:
            with torch.no_grad():
                given = vae.networks[part].eval()(blank)
        except Exception as error:
            raise IncompatibleParts(f"{before} raised {type(error).__name__}: {error}") from error
        if not isinstance(given, Tensor) or tuple(given.shape) != (2, *shape):
            made = tuple(given.shape) if isinstance(given, Tensor) else type(given).__name__
            raise IncompatibleParts(f"{before} gives {made}; it must give a tensor of shape {(2, *shape)}.")
