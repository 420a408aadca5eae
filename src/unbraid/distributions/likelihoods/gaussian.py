"""The likelihood of grey or colour images, with a standard deviation that is given."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unbraid.distributions.interfaces import likelihoods
from unbraid.distributions.precision import at_least_float32
from unbraid.options import Option


@likelihoods.register("gaussian", source="Kingma and Welling (2014), Appendix C.2, with a fixed scale")
class Gaussian(nn.Module):
    r"""Independent normal pixels around the decoder's image, one standard deviation for all.

    .. math:: -\log p(x|z) = \sum_i \Bigl[\frac{(x_i - \hat x_i)^2}{2\sigma^2} + \log\sigma + \tfrac12\log 2\pi\Bigr]

    Summed over channels and pixels, in nats per image, constants included (so it can be negative for a small sigma).
    Multiplying beta and sigma^2 together changes nothing but the scale of the loss: beta at sigma equals
    beta * sigma^2 at sigma = 1. A sum of squared errors without the half, as some code bases use, is sigma = 0.7071;
    255 times that sum (Dubois et al., 2019) is sigma = 0.04428.
    """

    outputs_per_channel = 1

    def __init__(
        self,
        sigma: Annotated[float, Option("standard deviation of a pixel, on the scale where white is 1", gt=0)] = 1.0,
        squash: Annotated[
            Literal["sigmoid", "none"], Option("what maps the decoder's output to the image's range [0, 1]")
        ] = "sigmoid",
    ) -> None:
        super().__init__()
        self.sigma, self.squash = sigma, squash

    def nll(
        self, output: Float[Tensor, "batch out height width"], images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch"]:
        """Negative log-density in nats per image."""
        squares = (images - self.mean(output)).square().flatten(1)
        constant = math.log(self.sigma) + 0.5 * math.log(2 * math.pi)
        return squares.sum(1) / (2 * self.sigma**2) + squares.shape[1] * constant

    def mean(self, output: Float[Tensor, "batch out height width"]) -> Float[Tensor, "batch channel height width"]:
        """The decoder's image."""
        output = at_least_float32(output)
        return torch.sigmoid(output) if self.squash == "sigmoid" else output
