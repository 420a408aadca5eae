"""The likelihood of gray or color images with a learned standard deviation."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from unbraid.distributions.likelihoods.gaussian import Output, Squash, normal_normalizer, squared_error, squashed
from unbraid.distributions.protocols import Images, PerImage
from unbraid.distributions.registry import likelihoods
from unbraid.options import Option

SOURCE = "Rybkin, Daniilidis and Levine (2021), Simple and Effective VAE Training with Calibrated Decoders, ICML"

LEAST_LOG_SIGMA = -6.0
"""log sigma approaches this from above: images without noise would let sigma shrink, and the likelihood grow, without end."""


@likelihoods.register("gaussian_learned", source=SOURCE)
class GaussianLearned(nn.Module):
    r"""Independent normal pixels around the decoder's image, with one learned standard deviation.

    .. math:: -\log p(x|z) = \sum_i \Bigl[\frac{(x_i - \hat x_i)^2}{2\sigma^2} + \log\sigma + \tfrac12\log 2\pi\Bigr],
        \quad \log\sigma = -6 + \mathrm{softplus}(s + 6)

    Summed over channels and pixels, in nats per image, constants included. Learning sigma is choosing beta: at a fixed sigma
    the loss is that of a beta-VAE with beta = sigma^2 and half the squared error. The soft bound on log sigma is the source's.

    >>> likelihood = GaussianLearned(sigma_start=0.5)
    >>> round(likelihood.scale.item(), 4), likelihood.scale.requires_grad
    (0.5, True)
    """

    outputs_per_channel = 1

    def __init__(
        self,
        sigma_start: Annotated[float, Option("standard deviation of a pixel at the beginning", gt=0.0025)] = 1.0,
        squash: Squash = "sigmoid",
    ) -> None:
        super().__init__()
        free = math.log(math.expm1(math.log(sigma_start) - LEAST_LOG_SIGMA)) + LEAST_LOG_SIGMA  # softplus undone
        self.free_log_sigma = nn.Parameter(torch.tensor(free))
        self.squash = squash

    @property
    def log_sigma(self) -> Float[Tensor, ""]:
        """Logarithm of the standard deviation of a pixel."""
        return LEAST_LOG_SIGMA + softplus(self.free_log_sigma - LEAST_LOG_SIGMA)

    @property
    def scale(self) -> Float[Tensor, ""]:
        """Standard deviation of a pixel."""
        return self.log_sigma.exp()

    def energy(self, output: Output, images: Images) -> PerImage:
        """Squared error over 2 sigma^2, never negative."""
        return squared_error(output, images, self.squash) * (0.5 * (-2 * self.log_sigma).exp())

    def normalizer(self, n_values: int) -> Float[Tensor, ""]:
        """The normalizing constant, nll - energy, in nats per image; changes as sigma is learned."""
        return normal_normalizer(n_values, self.log_sigma)

    def nll(self, output: Output, images: Images) -> PerImage:
        """Negative log-density in nats per image."""
        return self.energy(output, images) + self.normalizer(images[0].numel())

    def mean(self, output: Output) -> Images:
        """The decoder's image."""
        return squashed(output, self.squash)
