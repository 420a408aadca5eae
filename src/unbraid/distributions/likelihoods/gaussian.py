"""The likelihood of gray or color images with a fixed standard deviation."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unbraid.distributions.precision import at_least_float32
from unbraid.distributions.protocols import Images, PerImage
from unbraid.distributions.registry import likelihoods
from unbraid.errors import UsageError
from unbraid.options import Option

Output = Float[Tensor, "batch out height width"]

Squash = Annotated[Literal["sigmoid", "none"], Option("what maps the decoder's output to the image's range [0, 1]")]

CONVENTIONS = {"half_squared_error": 1.0, "squared_error": 0.5, "dubois": 1 / 510}
"""Variances under which the loss, without its constant, is what a source minimizes: half the sum of squared errors; the sum
itself (1Konny/Beta-VAE, Locatello et al., 2019); 255 times the sum (Dubois et al., 2019)."""


def squashed(output: Output, squash: str) -> Output:
    """The decoder's output on the scale of images, in float32 at least."""
    output = at_least_float32(output)
    return torch.sigmoid(output) if squash == "sigmoid" else output


def squared_error(output: Output, images: Images, squash: str) -> PerImage:
    """Sum of squared differences between images and the decoder's, over channels and pixels."""
    return (images - squashed(output, squash)).square().flatten(1).sum(1)


def normal_normalizer(n_values: int, log_sigma: Float[Tensor, ""]) -> Float[Tensor, ""]:
    """n (log sigma + 1/2 log 2 pi), the part of a normal negative log-density that no value changes."""
    return n_values * (log_sigma + 0.5 * math.log(2 * math.pi))


@likelihoods.register("gaussian", source="Kingma and Welling (2014), Appendix C.2, with a fixed scale")
class Gaussian(nn.Module):
    r"""Independent normal pixels around the decoder's image, one given standard deviation for all.

    .. math:: -\log p(x|z) = \sum_i \Bigl[\frac{(x_i - \hat x_i)^2}{2\sigma^2} + \log\sigma + \tfrac12\log 2\pi\Bigr]

    Summed over channels and pixels, in nats per image, constants included (so it can be negative for a small sigma).
    Multiplying beta and sigma^2 together changes nothing but the scale of the loss: beta at sigma equals
    beta * sigma^2 at sigma = 1. A beta from a publication therefore means something only with the publication's sigma; the
    option `convention` names those of the known codes: `half_squared_error` (sigma 1), `squared_error` (0.7071, 1Konny/Beta-VAE
    and Locatello et al., 2019), `dubois` (0.04428, Dubois et al., 2019).

    Raises `UsageError` where both sigma and convention are given.

    >>> likelihood = Gaussian(convention="squared_error")
    >>> gray, white = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    >>> likelihood.energy(gray, white)  # 4 pixels that are 0.5 off: 4 times 0.25
    tensor([1.])
    """

    outputs_per_channel = 1
    scale: Tensor | None = None

    def __init__(
        self,
        sigma: Annotated[
            float | None, Option("standard deviation of a pixel, on the scale where white is 1; 1 unless given", gt=0)
        ] = None,
        convention: Annotated[
            Literal["half_squared_error", "squared_error", "dubois"] | None,
            Option("sigma by the source whose loss it reproduces, instead of --sigma"),
        ] = None,
        squash: Squash = "sigmoid",
    ) -> None:
        super().__init__()
        if sigma is not None and convention is not None:
            raise UsageError(f"Give --sigma ({sigma:g}) or --convention ({convention}), not both.")
        self.sigma = math.sqrt(CONVENTIONS[convention]) if convention else 1.0 if sigma is None else sigma
        self.squash = squash

    def energy(self, output: Output, images: Images) -> PerImage:
        """Squared error over 2 sigma^2, never negative."""
        return squared_error(output, images, self.squash) / (2 * self.sigma**2)

    def normalizer(self, n_values: int) -> Float[Tensor, ""]:
        """The normalizing constant, nll - energy, in nats per image."""
        return normal_normalizer(n_values, torch.tensor(math.log(self.sigma), dtype=torch.float64))

    def nll(self, output: Output, images: Images) -> PerImage:
        """Negative log-density in nats per image."""
        return self.energy(output, images) + self.normalizer(images[0].numel())

    def mean(self, output: Output) -> Images:
        """The decoder's image."""
        return squashed(output, self.squash)
