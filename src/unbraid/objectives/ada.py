"""The game of Ada-GVAE and Ada-ML-VAE: paired images share the latents in which they differ least."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from unbraid.data.pairs import Pairs
from unbraid.distributions.posteriors.diagonal_normal import DiagonalNormal
from unbraid.errors import IncompatibleParts
from unbraid.nn.vae import VAE
from unbraid.objectives.elbo import reconstruction_and_rates, watched
from unbraid.objectives.moves import Move, OfTwo
from unbraid.rates.kl import KL
from unbraid.terms import AUTOENCODER, Context, Draw, Quantity, Rate

Averaging = Literal["gvae", "ml_vae"]


def divergence(first: DiagonalNormal, second: DiagonalNormal) -> Float[Tensor, "pair latent"]:
    """KL(q(z_j|x_1) || q(z_j|x_2)) of each latent in nats."""
    ratio = first.logvar - second.logvar
    # expm1(r) - r keeps its digits where the variances are nearly equal
    return 0.5 * (torch.expm1(ratio) - ratio + (first.mean - second.mean).square() * (-second.logvar).exp())


def shared_latents(divergences: Float[Tensor, "pair latent"]) -> Bool[Tensor, "pair latent"]:
    """The latents that a pair shares: with divergence below the midpoint of its smallest and largest.

    At least one latent is shared and one is not, unless all divergences are equal: then none is, since nothing tells which.
    """
    threshold = (divergences.amin(1, keepdim=True) + divergences.amax(1, keepdim=True)) / 2
    return divergences < threshold


def mean_of_moments(first: DiagonalNormal, second: DiagonalNormal) -> DiagonalNormal:
    """The mean of the means, and that of the variances (GVAE)."""
    return DiagonalNormal((first.mean + second.mean) / 2, torch.logaddexp(first.logvar, second.logvar) - math.log(2))


def mean_of_precisions(first: DiagonalNormal, second: DiagonalNormal) -> DiagonalNormal:
    """The mean of the precisions, and that of the means weighted by precision (ML-VAE).

    It is the product of the two densities, normalized, with twice its variance.
    """
    share = torch.sigmoid(second.logvar - first.logvar)  # of the first in the sum of precisions
    mean = torch.lerp(second.mean, first.mean, share)
    return DiagonalNormal(mean, math.log(2) - torch.logaddexp(-first.logvar, -second.logvar))


AVERAGES: Mapping[Averaging, Callable[[DiagonalNormal, DiagonalNormal], DiagonalNormal]] = {
    "gvae": mean_of_moments,
    "ml_vae": mean_of_precisions,
}


@dataclass(frozen=True)
class AdaVAE(OfTwo):
    r"""-E_q~[log p(x|z)] + the sum of the rates, in nats per image, the mean over both images of a pair.

    .. math:: \tilde q(z_j|x_i) = \begin{cases} a\bigl(q(z_j|x_1), q(z_j|x_2)\bigr) & \delta_j < \tau \\
        q(z_j|x_i) & \text{else} \end{cases}, \qquad
        \delta_j = \mathrm{KL}(q(z_j|x_1) \,\|\, q(z_j|x_2)), \quad \tau = \tfrac12 (\max_j \delta_j + \min_j \delta_j)

    The two images differ in a few unknown factors. Of latents that differ less than half-way, both get the same,
    averaged posterior, so that they can hold only what the pair has in common. Which latents these are is decided for every
    pair anew, and no gradient goes through the decision. Noise is independent for each image, also in shared latents.

    Reconstructions and rates see both images of every pair as one batch of twice the size. `shared` is the number of latents
    that a pair shares, the mean over pairs.

    Source: Locatello et al. (2020). Where all delta are equal, as for twice the same image, no latent is shared; the paper's
    code leaves it open (a histogram of no width). An average of equals is the same, so that two equal images give the
    loss of the rates alone.

    Args:
        averaging: a: `gvae`, of means and of variances, or `ml_vae`, by precision.
        rates: of the averaged posteriors.
        draws: pairs.
    """

    averaging: Averaging = "gvae"
    rates: tuple[Rate, ...] = (KL(),)
    draws: Pairs = field(default=Pairs())

    def moves(self, vae: VAE, draw: Draw, context: Context) -> Iterator[Move]:
        """One move of both players.

        Raises `IncompatibleParts` for a posterior whose latents are not independent normals.
        """
        images = torch.cat(draw.batches)
        posterior = vae.encode(images)
        if not isinstance(posterior, DiagonalNormal):
            raise IncompatibleParts(
                f"Latents of a pair are shared one by one, which takes the posterior diagonal_normal, not "
                f"{type(posterior).__name__}."
            )
        joined, shared = self.share(*_halves(posterior))
        made = vae.complete(images, joined, context.generator)
        watch = {**watched(made), "shared": Quantity(shared.sum(1).to(made.nll.dtype).mean(), "number")}
        yield Move(AUTOENCODER, reconstruction_and_rates(made, self.rates, context), watch=watch)

    def share(self, first: DiagonalNormal, second: DiagonalNormal) -> tuple[DiagonalNormal, Bool[Tensor, "pair latent"]]:
        """Posteriors of all first, then all second images, with shared latents averaged; and which are shared."""
        shared = shared_latents(divergence(first, second).detach())
        average = AVERAGES[self.averaging](first, second)
        own = (
            (torch.where(shared, average.mean, q.mean), torch.where(shared, average.logvar, q.logvar)) for q in (first, second)
        )
        return DiagonalNormal.cat([DiagonalNormal(mean, logvar) for mean, logvar in own]), shared


def _halves(both: DiagonalNormal) -> tuple[DiagonalNormal, DiagonalNormal]:
    (mean, other_mean), (logvar, other_logvar) = both.mean.chunk(2), both.logvar.chunk(2)
    return DiagonalNormal(mean, logvar), DiagonalNormal(other_mean, other_logvar)
