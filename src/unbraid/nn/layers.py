"""Groups of layers that several networks share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from torch import nn

from unbraid.nn.registry import Shape

Size = tuple[int, int]


def halvings(size: int) -> int:
    """How many halvings bring a size to 4: three for 32, four for 64, five for 128."""
    return size.bit_length() - 3


def pyramid(shape: Shape, widths: Iterable[int]) -> list[int]:
    """Channels of the image and after each halving down to 4 x 4: as many of the widths as needed."""
    return [shape[0], *list(widths)[: halvings(shape[1])]]


def rectified_linear(*widths: int) -> list[nn.Module]:
    """Linear layers from one width to the next, each rectified."""
    return [layer for inputs, outputs in pairwise(widths) for layer in (nn.Linear(inputs, outputs), nn.ReLU())]


def halving(channels: Sequence[int]) -> list[nn.Module]:
    """Rectified convolutions (4 x 4, stride 2, padding 1) of given channels; each halves the image."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(channels):
        layers += [nn.Conv2d(inputs, outputs, kernel_size=4, stride=2, padding=1), nn.ReLU()]
    return layers


def doubling(channels: Sequence[int]) -> list[nn.Module]:
    """Transposed convolutions (4 x 4, stride 2, padding 1), rectified in between; each doubles the image."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(channels):
        layers += [nn.ConvTranspose2d(inputs, outputs, kernel_size=4, stride=2, padding=1), nn.ReLU()]
    return layers[:-1]


def same_padding(size: int, kernel: int, stride: int = 1) -> tuple[int, int]:
    """Zeros before and after a side, for ceil(size / stride) outputs: TensorFlow's padding "same".

    Where their number is odd, the extra one goes after (right and bottom); so it does in PyTorch's padding "same".
    """
    zeros = max(0, (-(-size // stride) - 1) * stride + kernel - size)
    return zeros // 2, zeros - zeros // 2


def same_convolution(inputs: int, outputs: int, kernel: int, size: Size, stride: int = 1) -> list[nn.Module]:
    """A convolution with `same_padding`; a separate padding layer only where the two sides differ."""
    (top, bottom), (left, right) = (same_padding(side, kernel, stride) for side in size)
    if (top, left) == (bottom, right):
        return [nn.Conv2d(inputs, outputs, kernel, stride, padding=(top, left))]
    return [nn.ZeroPad2d((left, right, top, bottom)), nn.Conv2d(inputs, outputs, kernel, stride)]


def same_halving(channels: Sequence[int], kernels: Sequence[int], size: Size) -> tuple[list[nn.Module], Size]:
    """Rectified convolutions of stride 2 with `same_padding`, and their output size: halves, rounded up."""
    layers: list[nn.Module] = []
    for (inputs, outputs), kernel in zip(pairwise(channels), kernels, strict=True):
        layers += [*same_convolution(inputs, outputs, kernel, size, stride=2), nn.ReLU()]
        size = (-(-size[0] // 2), -(-size[1] // 2))
    return layers, size
