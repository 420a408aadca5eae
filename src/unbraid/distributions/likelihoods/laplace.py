"""The Laplace likelihood: absolute errors, heavier tails."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unbraid.distributions.likelihoods.gaussian import Output, Squash, squashed
from unbraid.distributions.protocols import Images, PerImage
from unbraid.distributions.registry import likelihoods
from unbraid.errors import UsageError
from unbraid.options import Option

CONVENTIONS = {"absolute_error": 1.0, "dubois": 1 / 3}
"""Scales under which the loss, without its constant, is what a source minimizes: the sum of absolute errors; 3 times that sum
(Dubois et al., 2019)."""


@likelihoods.register("laplace", source="Dubois et al. (2019), code, with the constants that it drops")
class Laplace(nn.Module):
    r"""Independent Laplace pixels around the decoder's image, one given scale for all.

    .. math:: -\log p(x|z) = \sum_i \Bigl[\frac{|x_i - \hat x_i|}{b} + \log 2b\Bigr]

    Summed over channels and pixels, in nats per image, constants included. The decoder's image is the median and the mean.

    Raises `UsageError` where both scale and convention are given.

    >>> gray, white = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    >>> Laplace(b=0.5).nll(gray, white)  # 4 pixels that are 0.5 off: 4 (0.5 / b + log 2b)
    tensor([4.])
    """

    outputs_per_channel = 1
    scale: Tensor | None = None

    def __init__(
        self,
        b: Annotated[float | None, Option("scale b of a pixel, where white is 1; 1 unless given", gt=0)] = None,
        convention: Annotated[
            Literal["absolute_error", "dubois"] | None, Option("b by the source whose loss it reproduces, instead of --b")
        ] = None,
        squash: Squash = "sigmoid",
    ) -> None:
        super().__init__()
        if b is not None and convention is not None:
            raise UsageError(f"Give --b ({b:g}) or --convention ({convention}), not both.")
        self.b = CONVENTIONS[convention] if convention else 1.0 if b is None else b
        self.squash = squash

    def energy(self, output: Output, images: Images) -> PerImage:
        """Absolute error over b, never negative."""
        return (images - self.mean(output)).abs().flatten(1).sum(1) / self.b

    def normalizer(self, n_values: int) -> Float[Tensor, ""]:
        """The normalizing constant, nll - energy, in nats per image."""
        return torch.tensor(n_values * math.log(2 * self.b), dtype=torch.float64)

    def nll(self, output: Output, images: Images) -> PerImage:
        """Negative log-density in nats per image."""
        return self.energy(output, images) + float(self.normalizer(images[0].numel()))

    def mean(self, output: Output) -> Images:
        """The decoder's image."""
        return squashed(output, self.squash)
