"""The game of FactorVAE: encoder and decoder, and a critic that tells them the total correlation of the codes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from unbraid.data.draws import Batches
from unbraid.distributions.precision import at_least_float32
from unbraid.nn.critic import Seen, critic
from unbraid.nn.registry import Shape
from unbraid.nn.vae import VAE
from unbraid.objectives.elbo import reconstruction_and_rates, watched
from unbraid.objectives.moves import Move
from unbraid.rates.kl import KL
from unbraid.terms import AUTOENCODER, Context, Draw, Latents, Rate, Term, join_terms


def permute_latents(z: Latents, generator: torch.Generator) -> Latents:
    """Each latent shuffled over the batch by a permutation of its own: draws from the product of the marginals.

    Nearly: a code keeps a pair of its latents together with probability 1 / batch.
    """
    orders = [torch.randperm(len(z), generator=generator, device=z.device) for _ in range(z.shape[1])]
    return z.gather(0, torch.stack(orders, 1))


def log_density_ratio(judge: nn.Module, z: Latents, *seen: Seen) -> Float[Tensor, "rows"]:
    """The critic's log q(z) - sum_j log q(z_j) of each code, in nats: the difference of its two logits.

    `seen`, as `Critic` takes it, puts the codes that it has seen before these.
    """
    drawn, permuted = at_least_float32(judge(z, *seen)).unbind(1)
    return drawn - permuted


def accuracy(of_drawn: Float[Tensor, "drawn"], of_permuted: Float[Tensor, "permuted"]) -> Float[Tensor, ""]:
    """Share of codes that the sign of the ratio tells right, both kinds weighing the same; a ratio of 0 is half right."""
    return 0.5 + 0.25 * (of_drawn.sign().mean() - of_permuted.sign().mean())


def gaussian_total_correlation(z: Latents) -> Float[Tensor, ""]:
    r"""Total correlation, in nats, of the normal distribution with the correlations of a batch, free of bias for normal codes.

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


def _linear(z: Latents) -> dict[str, Float[Tensor, ""]]:
    return {"tc_gaussian": gaussian_total_correlation(z)} if len(z) > z.shape[1] + 1 else {}


@dataclass(frozen=True)
class FactorVAE:
    r"""-E_q[log p(x|z)] + the sum of the rates + gamma * TC, in nats per image, the total correlation as a critic sees it.

    .. math:: \mathrm{TC} = \mathrm{KL}\Bigl(q(z) \,\Big\|\, \prod_j q(z_j)\Bigr) = E_{q(z)}[d(z)], \qquad
        d(z) = \log q(z) - \sum_j \log q(z_j)

    A step has two moves. Encoder and decoder minimize the above, d being the difference of the critic's two logits. Then the
    critic learns d: with cross-entropy it tells the codes of that batch from those of a second, independent batch, each latent
    of which is shuffled over the batch. Its minimum, over all functions, is at the d above. Codes are constants to it; what it
    made of those of the first batch is not computed again.

    The term `tc_critic` is what the critic sees. It is no bound: an untrained critic sees a constant, a weak one too
    little, and the estimate may be negative. `critic/drawn` and `critic/permuted` are the critic's cross-entropies in nats
    per code, log 2 = 0.69 at chance, and `critic/accuracy` is 0.5 there. `tc_gaussian` is what the linear dependence
    between latents makes, from the batch and without a critic: one that sees less is too weak.

    Args:
        gamma: weight of the total correlation.
        rates: what stands beside it; the KL, or a capacity in its place.
        critic_layers, critic_width: hidden layers of the critic and their width.
        draws: two independent batches.
    """

    gamma: float = 6.4
    rates: tuple[Rate, ...] = (KL(),)
    critic_layers: int = 6
    critic_width: int = 1000
    draws: Batches = field(default=Batches(2))

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        """The critic, which owns its network."""
        return {"critic": ("critic",)}

    def networks(self, own: Mapping[str, nn.Module], image_shape: Shape, latent_dim: int) -> Mapping[str, nn.Module]:
        """The critic's."""
        return {"critic": critic(latent_dim, self.critic_layers, self.critic_width)}

    def moves(self, vae: VAE, draw: Draw, context: Context) -> Iterator[Move]:
        """First encoder and decoder, then the critic."""
        judge = vae.networks["critic"]
        images, others = draw.batches
        made, seen = vae(images, context.generator), Seen()
        correlation = {"tc_critic": Term(log_density_ratio(judge, made.z, seen), self.gamma)}
        terms = join_terms([reconstruction_and_rates(made, self.rates, context), correlation])
        yield Move(AUTOENCODER, terms, watch=watched(made) | _linear(made.z.detach()))

        with torch.no_grad():
            permuted_codes = permute_latents(vae.encode(others).sample(context.generator), context.generator)
        drawn, permuted = log_density_ratio(judge, permuted_codes, seen).tensor_split([len(images)])
        entropies = {"drawn": Term(softplus(-drawn), 0.5), "permuted": Term(softplus(permuted), 0.5)}
        yield Move(("critic",), entropies, watch={"accuracy": accuracy(drawn, permuted)})
