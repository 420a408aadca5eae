"""FactorVAE's game: encoder, decoder, and a discriminator that estimates the total correlation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from unbraid.data.draws import Batches
from unbraid.distributions.precision import at_least_float32
from unbraid.distributions.protocols import Latents
from unbraid.nn.discriminator import ActivationCache, Initialization, discriminator
from unbraid.nn.registry import Shape
from unbraid.nn.vae import VAE
from unbraid.objectives.elbo import reconstruction_and_rates, watched
from unbraid.objectives.moves import Move
from unbraid.rates.kl import KL
from unbraid.terms import AUTOENCODER, Context, Draw, Quantity, Rate, Term, join_terms


def permute_latents(z: Latents, generator: torch.Generator) -> Latents:
    """Each latent permuted independently over the batch: draws from the product of the marginals.

    Nearly: a code keeps a pair of its latents together with probability 1 / batch.
    """
    orders = [torch.randperm(len(z), generator=generator, device=z.device) for _ in range(z.shape[1])]
    return z.gather(0, torch.stack(orders, 1))


def log_density_ratio(network: nn.Module, z: Latents, *cache: ActivationCache) -> Float[Tensor, "rows"]:
    """The discriminator's log q(z) - sum_j log q(z_j) of each code in nats: the difference of its logits.

    With a cache, as `Discriminator` takes it, the ratios of the cached rows come first.
    """
    drawn, permuted = at_least_float32(network(z, *cache)).unbind(1)
    return drawn - permuted


def with_gradient_norm(z: Latents, weight: float) -> tuple[Latents, Float[Tensor, ""]]:
    """The same codes, and the mean norm of the gradient per code of a loss `weight` * mean over codes.

    `backward` writes the norm; it is NaN until then. Gradients that reach `z` by other ways do not count.
    """
    codes, norm = z.view_as(z), torch.full((), math.nan, dtype=z.dtype, device=z.device)

    def measure(gradient: Tensor) -> None:
        norm.copy_(gradient.norm(dim=1).sum() / weight)

    codes.register_hook(measure)  # type: ignore[no-untyped-call]
    return codes, norm


def accuracy(of_drawn: Float[Tensor, "drawn"], of_permuted: Float[Tensor, "permuted"]) -> Float[Tensor, ""]:
    """Share of codes classified correctly, mean of both classes; a log-ratio of 0 counts half."""
    return 0.5 + 0.25 * (of_drawn.sign().mean() - of_permuted.sign().mean())


def gaussian_total_correlation(z: Latents) -> Float[Tensor, ""]:
    r"""Total correlation in nats of a normal distribution with the batch's correlations, bias-corrected.

    .. math:: -\tfrac12 \log\det \hat R - b, \qquad
        b = \tfrac12 \sum_{j=1}^d \left[\psi\left(\tfrac{B - 1}2\right) - \psi\left(\tfrac{B - j}2\right)\right]

    for B codes with sample correlations R, b being the expectation for independent latents. It knows linear dependence alone,
    and needs more codes than latents and one.
    """
    n, d = z.shape
    z = at_least_float32(z - z.mean(0))
    z = z / z.abs().amax(0).clamp_min(torch.finfo(z.dtype).tiny)  # squares must not overflow
    z = z / z.square().sum(0).sqrt().clamp_min(torch.finfo(z.dtype).tiny)
    correlations = z.T @ z + 1e-6 * torch.eye(d, dtype=z.dtype, device=z.device)
    factor, _ = torch.linalg.cholesky_ex(correlations)
    degrees = torch.arange(n - d, n, dtype=z.dtype, device=z.device)
    bias = 0.5 * (torch.digamma(degrees.new_tensor((n - 1) / 2)) - torch.digamma(degrees / 2)).sum()
    return -factor.diagonal().log().sum() - bias


def _linear(z: Latents) -> dict[str, Quantity]:
    return {"tc_gaussian": Quantity(gaussian_total_correlation(z))} if len(z) > z.shape[1] + 1 else {}


@dataclass(frozen=True)
class FactorVAE:
    r"""-E_q[log p(x|z)] + rates + gamma * TC, in nats per image, with TC estimated by a discriminator.

    .. math:: \mathrm{TC} = \mathrm{KL}\Bigl(q(z) \,\Big\|\, \prod_j q(z_j)\Bigr) = E_{q(z)}[d(z)], \qquad
        d(z) = \log q(z) - \sum_j \log q(z_j)

    A step begins with a move of encoder and decoder, which minimize the above, d being the difference of the discriminator's
    two logits. Then the discriminator learns d: by cross-entropy it tells the codes of that batch from those of a second,
    independent batch, each latent of which is permuted over the batch. Over all functions the minimum is at the d above. The
    codes are constants in that move, and activations of the first batch are reused. With more `steps`, the discriminator moves
    again on new codes from the posteriors of the same two batches, permuted anew.

    The term `tc_discriminator` is the discriminator's estimate of TC. It is no bound: an untrained discriminator gives a
    constant, a weak one too little, and the estimate may be negative. `discriminator/drawn` and `discriminator/permuted` are
    its cross-entropies in nats per code, log 2 = 0.69 at chance, and `discriminator/accuracy` is 0.5 there. `tc_gaussian` is
    the total correlation of a normal distribution with the batch's correlations, without a discriminator: an estimate below it
    comes from too weak a one. `tc_gradient`, logged in training, is the mean norm of the gradient of d with respect to a code,
    in nats per unit of z: what encoder and decoder learn from the estimate, before gamma weighs it.

    Args:
        gamma: weight of the total correlation.
        rates: the other regularizers: the KL, or a capacity instead.
        layers, width, initialization: of the discriminator (`unbraid.nn.discriminator`).
        steps: moves of the discriminator per step.
        draws: two independent batches.
    """

    gamma: float = 6.4
    rates: tuple[Rate, ...] = (KL(),)
    layers: int = 6
    width: int = 1000
    initialization: Initialization = "kaiming"
    steps: int = 1
    draws: Batches = field(default=Batches(2))

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        """The discriminator, which owns the network of that name."""
        return {"discriminator": ("discriminator",)}

    def networks(self, own: Mapping[str, nn.Module], image_shape: Shape, latent_dim: int) -> Mapping[str, nn.Module]:
        """The discriminator's."""
        return {"discriminator": discriminator(latent_dim, self.layers, self.width, self.initialization)}

    def moves(self, vae: VAE, draw: Draw, context: Context) -> Iterator[Move]:
        """First encoder and decoder, then the discriminator."""
        network = vae.networks["discriminator"]
        images, others = draw.batches
        made, cache = vae(images, context.generator), ActivationCache()
        codes, watch = made.z, watched(made) | _linear(made.z.detach())
        if self.gamma and codes.requires_grad:
            codes, norm = with_gradient_norm(codes, self.gamma)
            watch["tc_gradient"] = Quantity(norm, "number")
        correlation = {"tc_discriminator": Term(log_density_ratio(network, codes, cache), self.gamma)}
        terms = join_terms([reconstruction_and_rates(made, self.rates, context), correlation])
        yield Move(AUTOENCODER, terms, watch=watch)

        with torch.no_grad():
            posterior = vae.encode(others)
        fresh: tuple[Latents, ...] = ()  # the first move has the codes of the first batch in its cache
        for _ in range(self.steps):
            with torch.no_grad():
                permuted_codes = permute_latents(posterior.sample(context.generator), context.generator)
            drawn, permuted = log_density_ratio(network, torch.cat([*fresh, permuted_codes]), cache).tensor_split([len(images)])
            entropies = {"drawn": Term(softplus(-drawn), 0.5), "permuted": Term(softplus(permuted), 0.5)}
            yield Move(("discriminator",), entropies, watch={"accuracy": Quantity(accuracy(drawn, permuted), "share")})
            with torch.no_grad():
                cache, fresh = ActivationCache(), (made.posterior.sample(context.generator),)
