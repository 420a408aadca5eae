"""Protocols of posteriors, priors and likelihoods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

Images = Float[Tensor, "batch channel height width"]
Latents = Float[Tensor, "batch latent"]
PerImage = Float[Tensor, "batch"]


@runtime_checkable
class Prior(Protocol):
    """p(z); a module, so that a learned prior keeps its parameters where checkpoints find them."""

    def log_prob(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch"]:
        """log p(z) in nats."""
        ...

    def sample(self, n: int, generator: torch.Generator) -> Float[Tensor, "n latent"]:
        """Independent latents."""
        ...


@runtime_checkable
class FollowingPrior(Prior, Protocol):
    """A prior that uses parameters of the posterior's head, which still owns them."""

    def follow(self, head: PosteriorHead) -> None:
        """Read parameters from the head from now on; raises `IncompatibleParts` for a head without them."""
        ...


@runtime_checkable
class Posterior(Protocol):
    """q(z|x) for a batch of images; a frozen dataclass of tensors."""

    @property
    def mean(self) -> Float[Tensor, "batch latent"]:
        """Posterior means."""
        ...

    @property
    def variance(self) -> Float[Tensor, "batch latent"]:
        """Marginal posterior variances."""
        ...

    @classmethod
    def cat(cls, parts: Sequence[Posterior]) -> Posterior:
        """The posteriors of several batches as one."""
        ...

    def sample(self, generator: torch.Generator) -> Float[Tensor, "batch latent"]:
        """One reparameterized draw for each image."""
        ...

    def log_prob(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch"]:
        """log q(z|x) in nats."""
        ...

    def kl(self, prior: Prior) -> Float[Tensor, "batch"]:
        """KL(q(z|x) || p(z)) in nats per image; raises `IncompatibleParts` where it has no closed form."""
        ...

    def kl_per_dim(self, prior: Prior) -> Float[Tensor, "batch latent"] | None:
        """The same for each latent; None where posterior or prior do not factorize or it has no closed form."""
        ...


@runtime_checkable
class NormalPosterior(Posterior, Protocol):
    """A normal q(z|x), by its covariance S."""

    def log_determinant(self) -> Float[Tensor, "batch"]:
        """log |S|."""
        ...

    def quadratic(self, v: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch"]:
        """v' S v."""
        ...


@runtime_checkable
class PosteriorHead(Protocol):
    """Turns the encoder's outputs into a posterior; a module, since codebooks are learned parameters."""

    n_params: int

    def __call__(self, params: Float[Tensor, "batch params"]) -> Posterior:
        """The posterior that the numbers describe."""
        ...


@runtime_checkable
class MarginalHead(PosteriorHead, Protocol):
    """A head that computes means and variances without factorizing matrices, for export."""

    def marginals(self, params: Float[Tensor, "batch params"]) -> tuple[Float[Tensor, "batch latent"], ...]:
        """Means and variances of each latent, those of the posterior."""
        ...


@runtime_checkable
class Quantizer(PosteriorHead, Protocol):
    """A head that quantizes each latent to the values of its own codebook."""

    @property
    def codebooks(self) -> Float[Tensor, "latent value"]:
        """The values that each latent can take, without gradient."""
        ...

    def nearest(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch latent"]:
        """Latents quantized to their nearest values, without gradient."""
        ...


@runtime_checkable
class Likelihood(Protocol):
    """p(x|z) given the decoder's output; a module, so that a learned scale is the decoder's parameter."""

    outputs_per_channel: int

    @property
    def scale(self) -> Float[Tensor, ""] | None:
        """Scale of a pixel where it is learned, to be logged; else None."""
        ...

    def energy(
        self, output: Float[Tensor, "batch out height width"], images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch"]:
        """Data-dependent part of the NLL (normalizing constant excluded), in nats per image; never negative."""
        ...

    def normalizer(self, n_values: int) -> Float[Tensor, ""]:
        """The normalizing constant, nll - energy, for images of so many values (channels * pixels)."""
        ...

    def nll(
        self, output: Float[Tensor, "batch out height width"], images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch"]:
        """-log p(x|z) in nats per image: summed over channels and pixels."""
        ...

    def mean(self, output: Float[Tensor, "batch out height width"]) -> Float[Tensor, "batch channel height width"]:
        """Mean of p(x|z), the image to show."""
        ...
