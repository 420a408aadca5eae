"""The likelihood of gray or color images with the standard deviation that is optimal for the batch."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unbraid.distributions.likelihoods.gaussian import Output, Squash, normal_normalizer, squared_error, squashed
from unbraid.distributions.likelihoods.gaussian_learned import LEAST_LOG_SIGMA, SOURCE
from unbraid.distributions.protocols import Images, PerImage
from unbraid.distributions.registry import likelihoods

MEMORY = 0.01
"""Weight of a batch in the running mean of the variance, once a hundred batches have been seen."""


@likelihoods.register("gaussian_optimal", source=SOURCE)
class GaussianOptimal(nn.Module):
    r"""Independent normal pixels around the decoder's image; variance: the batch's mean squared error.

    .. math:: -\log p(x|z) = \sum_i \Bigl[\frac{(x_i - \hat x_i)^2}{2\sigma^2} + \log\sigma + \tfrac12\log 2\pi\Bigr],
        \quad \sigma^2 = \overline{(x - \hat x)^2}

    Summed over channels and pixels, in nats per image, constants included. The mean over the batch is
    N/2 (log sigma^2 + 1 + log 2 pi) for N values per image, its gradient the same whether sigma is held fixed or not, since it
    is at its minimum. The variance is bounded below as in `gaussian_learned`.

    Deviation from the source: out of training sigma is a running mean over training batches, not the optimum of the batch at
    hand, so that the likelihood of an image does not depend on the images beside it.

    >>> gray, white = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    >>> GaussianOptimal().nll(gray, white)  # 4/2 (log sigma^2 + 1 + log 2 pi) where sigma is 0.5
    tensor([2.9032])
    """

    outputs_per_channel = 1
    variance: Tensor
    batches: Tensor

    def __init__(self, squash: Squash = "sigmoid") -> None:
        super().__init__()
        self.squash = squash
        self.register_buffer("variance", torch.tensor(1.0))
        self.register_buffer("batches", torch.tensor(0))

    @property
    def scale(self) -> Float[Tensor, ""]:
        """Standard deviation of a pixel, the running mean of training."""
        return self.variance.sqrt()

    def _remember(self, variance: Float[Tensor, ""]) -> None:
        self.batches += 1
        share = (1 / self.batches).clamp(min=MEMORY)  # the plain mean of the first hundred, then an exponential one
        self.variance.lerp_(variance.to(self.variance), share)

    def _current(self, squares: PerImage, n_values: int) -> Float[Tensor, ""]:
        """Variance to compare with: the batch's in training, else the running mean. Carries no gradient."""
        if not self.training:
            return self.variance
        return (squares.detach().mean() / n_values).clamp(min=math.exp(2 * LEAST_LOG_SIGMA))

    def energy(self, output: Output, images: Images) -> PerImage:
        """Squared error over 2 sigma^2, never negative; does not update the running mean."""
        squares = squared_error(output, images, self.squash)
        return squares / (2 * self._current(squares, images[0].numel()))

    def normalizer(self, n_values: int) -> Float[Tensor, ""]:
        """The normalizing constant in evaluation, nll - energy, in nats per image."""
        return normal_normalizer(n_values, 0.5 * self.variance.log())

    def nll(self, output: Output, images: Images) -> PerImage:
        """Negative log-density in nats per image."""
        squares, n_values = squared_error(output, images, self.squash), images[0].numel()
        variance = self._current(squares, n_values)
        if self.training:
            self._remember(variance)
        return squares / (2 * variance) + normal_normalizer(n_values, 0.5 * variance.log())

    def mean(self, output: Output) -> Images:
        """The decoder's image."""
        return squashed(output, self.squash)
