"""Residual blocks with batch normalization, and the widths of networks made of them."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

SLOPE = 0.2
"""Slope of the leaky rectifiers below zero."""


class Residual(nn.Module):
    """leaky(x + norm(conv(leaky(norm(conv(x)))))) with 3 x 3 convolutions without biases.

    A 1 x 1 convolution of x changes its number of channels where needed.

    As in Soft-IntroVAE's code: the second normalization comes before the sum, not after it as in IntroVAE's.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.widen = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, kernel_size=1, bias=False)
        self.change = nn.Sequential(
            nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.rectify = nn.LeakyReLU(SLOPE)

    def forward(self, x: Float[Tensor, "batch inputs height width"]) -> Float[Tensor, "batch outputs height width"]:
        """The same grid with `outputs` channels."""
        rectified: Tensor = self.rectify(self.widen(x) + self.change(x))
        return rectified
