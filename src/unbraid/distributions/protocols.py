"""Protocols of posteriors, priors and likelihoods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor


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
    """A prior made of what the posterior's head learns; the parameters stay the head's."""

    def follow(self, head: PosteriorHead) -> None:
        """Take what it needs from the head, now and after every step; raises `IncompatibleParts` for a head without it."""
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
    """What turns an encoder's numbers into a posterior; a module, so that a codebook is a parameter of the encoder's player."""

    n_params: int

    def __call__(self, params: Float[Tensor, "batch params"]) -> Posterior:
        """The posterior that the numbers describe."""
        ...


@runtime_checkable
class MarginalHead(PosteriorHead, Protocol):
    """A head whose means and variances take less than the whole posterior does, and no factors of matrices: for export."""

    def marginals(self, params: Float[Tensor, "batch params"]) -> tuple[Float[Tensor, "batch latent"], ...]:
        """Means and variances of each latent, those of the posterior."""
        ...


@runtime_checkable
class Quantizer(PosteriorHead, Protocol):
    """A head that gives each latent one of the values in a codebook of its own."""

    @property
    def codebooks(self) -> Float[Tensor, "latent value"]:
        """The values that each latent can take, without gradient."""
        ...

    def nearest(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch latent"]:
        """Latents moved to the nearest of their values, without gradient."""
        ...


@runtime_checkable
class Likelihood(Protocol):
    """p(x|z) given the decoder's output; a module, so that a learned scale is a parameter of the decoder's player."""

    outputs_per_channel: int

    @property
    def scale(self) -> Float[Tensor, ""] | None:
        """Scale of a pixel where it is learned, to be logged; else None."""
        ...

    def energy(
        self, output: Float[Tensor, "batch out height width"], images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch"]:
        """-log p(x|z) without what no reconstruction changes, in nats per image: never negative."""
        ...

    def normalizer(self, n_values: int) -> Float[Tensor, ""]:
        """What it is without: nll = energy + normalizer for images of so many values (channels times pixels)."""
        ...

    def nll(
        self, output: Float[Tensor, "batch out height width"], images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch"]:
        """-log p(x|z) in nats per image: summed over channels and pixels."""
        ...

    def mean(self, output: Float[Tensor, "batch out height width"]) -> Float[Tensor, "batch channel height width"]:
        """Mean of p(x|z), the image to show."""
        ...
