"""Convolutions and their gradients in forms that are faster on CPUs, within rounding.

A form has the arguments of its layer. A decoder's last layer has one or three output channels, too few to fill a processor's
vectors of sixteen numbers; its form computes blocks of pixels instead, as the channels of an ordinary convolution. README.md
in this folder draws each form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad

from unbraid.distributions.protocols import Images
from unbraid.torch_private import convolution_gradients

Made = Float[Tensor, "batch output made_height made_width"]
Weights = Float[Tensor, "first second rows columns"]
Gradients = tuple[Tensor | None, Tensor | None, Tensor | None]
Pair = tuple[int, int]
FEW = 4
"""Output channels up to which computing blocks of pixels is faster."""


@runtime_checkable
class Form(Protocol):
    """How one layer is computed."""

    def forward(self, x: Images, weight: Weights, bias: Tensor | None) -> Made:
        """The layer's output, in memory of its own."""
        ...

    def gradients(self, flowing: Made, x: Images, weight: Weights, wanted: tuple[bool, bool, bool]) -> Gradients:
        """Gradients of input, weight and bias, given the output's, as far as they are wanted."""
        ...


def form_of(layer: nn.Module) -> Form | None:
    """The fast form of a layer; None for one that has none."""
    if not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) or layer.groups > 1 or layer.padding_mode != "zeros":
        return None
    if isinstance(layer.padding, str) or layer.dilation != (1, 1):
        return None
    stride, padding = cast(Pair, layer.stride), cast(Pair, layer.padding)
    few = layer.out_channels <= FEW
    if isinstance(layer, nn.ConvTranspose2d):
        more = cast(Pair, layer.output_padding)
        usual = (layer.kernel_size, stride, padding, more) == ((4, 4), (2, 2), (1, 1), (0, 0))
        return _TransposedInBlocks(stride, padding, more) if few and usual else _Transposed(stride, padding, more)
    square = layer.kernel_size[0] == layer.kernel_size[1] > padding[0] == padding[1]
    return _ConvolutionInBlocks(stride, padding) if few and square and stride == (1, 1) else _Convolution(stride, padding)


@dataclass(frozen=True)
class _Convolution:
    """PyTorch's own."""

    stride: Pair
    padding: Pair

    def forward(self, x: Images, weight: Weights, bias: Tensor | None) -> Made:
        return conv2d(x, weight, bias, self.stride, self.padding)

    def gradients(self, flowing: Made, x: Images, weight: Weights, wanted: tuple[bool, bool, bool]) -> Gradients:
        return _plain_gradients(flowing, x, weight, self.stride, self.padding, wanted)


@dataclass(frozen=True)
class _Transposed:
    """PyTorch's own forward pass, with faster gradients.

    A transposed convolution is the gradient of a convolution with the same weights. So the gradient of its input is that
    convolution, and the gradient of its weights is the convolution's with input and output exchanged: several times as fast.
    """

    stride: Pair
    padding: Pair
    more: Pair

    def forward(self, x: Images, weight: Weights, bias: Tensor | None) -> Made:
        return conv_transpose2d(x, weight, bias, self.stride, self.padding, self.more)

    def gradients(self, flowing: Made, x: Images, weight: Weights, wanted: tuple[bool, bool, bool]) -> Gradients:
        return _mirrored_gradients(flowing, x, weight, self.stride, self.padding, wanted)


class _TransposedInBlocks(_Transposed):
    """4 x 4, stride 2, padding 1: the last layer of most decoders.

    In a transposed convolution, input row i contributes to output row 2i - 1 + k through kernel row k. Block m has the 2s
    output rows from 2s (m - 1) + 1 on, to which the input rows s (m - 1) + t contribute, t from 0 to s. Its row a therefore
    gets input row t through kernel row a + 2 - 2t, if there is one. For s = 1:

        kernel row for     t = 0    t = 1
        block row a = 0      2        0
        block row a = 1      3        1
    """

    def forward(self, x: Images, weight: Weights, bias: Tensor | None) -> Made:
        side = 4 if weight.shape[1] == 1 else 2
        kernel_row_for = torch.arange(side)[:, None] + 2 - 2 * torch.arange(side // 2 + 1)
        whole = _in_blocks(x, weight.transpose(0, 1), bias, kernel_row_for, stride=side // 2, padding=side // 2)
        first = side - 1  # the first rows and columns are before the image
        return whole[:, :, first : first + 2 * x.shape[2], first : first + 2 * x.shape[3]]


class _ConvolutionInBlocks(_Convolution):
    """Square kernels and stride 1: the last layer of a spatial broadcast decoder.

    Input row i contributes to output row i + padding - k through kernel row k. Block m has the output rows from m * side on;
    its row a gets input row m * side + t - padding through kernel row t - a. Gradients are those of the equal transposed
    convolution with the mirrored kernel, whose few channels are inputs.
    """

    def forward(self, x: Images, weight: Weights, bias: Tensor | None) -> Made:
        side, kernel, zeros = 4 if len(weight) == 1 else 2, weight.shape[2], self.padding[0]
        if any((length + 2 * zeros - kernel + 1) % side for length in x.shape[2:]):
            return super().forward(x, weight, bias)
        kernel_row_for = torch.arange(kernel + side - 1) - torch.arange(side)[:, None]
        return _in_blocks(x, weight, bias, kernel_row_for, stride=side, padding=zeros)

    def gradients(self, flowing: Made, x: Images, weight: Weights, wanted: tuple[bool, bool, bool]) -> Gradients:
        around = weight.shape[2] - 1 - self.padding[0]
        mirrored = weight.flip(2, 3).transpose(0, 1).contiguous(memory_format=torch.channels_last)
        of_input, learned, of_bias = _mirrored_gradients(flowing, x, mirrored, self.stride, (around, around), wanted)
        return of_input, None if learned is None else learned.transpose(0, 1).flip(2, 3), of_bias


def _in_blocks(
    x: Images,
    weight: Weights,
    bias: Tensor | None,
    kernel_row_for: Int[Tensor, "side inputs"],
    stride: int,
    padding: int,
) -> Made:
    """A convolution whose channels are the pixels of blocks, each pixel then put in its place.

    Args:
        weight: output channel, input channel, row and column of the kernel.
        kernel_row_for: by row of the block and input row, the kernel row that connects them; none where outside the kernel.
            The same holds for columns.
    """
    side, inputs = kernel_row_for.shape
    channels, _, kernel, _ = weight.shape
    outside = (kernel_row_for < 0) | (kernel_row_for >= kernel)
    row = kernel_row_for.masked_fill(outside, kernel)  # the padding adds this row, of zeros
    spread = pad(weight, (0, 1, 0, 1))[:, :, row][..., row]
    in_blocks = spread.permute(2, 4, 0, 1, 3, 5).reshape(side * side * channels, -1, inputs, inputs)
    biases = None if bias is None else bias.repeat(side * side)
    blocks = conv2d(x, in_blocks.contiguous(memory_format=torch.channels_last), biases, stride, padding)
    count, _, rows, columns = blocks.shape
    apart = blocks.permute(0, 2, 3, 1).reshape(count, rows, columns, side, side, channels).permute(0, 5, 1, 3, 2, 4)
    return apart.reshape(count, channels, rows * side, columns * side)


def _mirrored_gradients(
    flowing: Made, x: Images, weight: Weights, stride: Pair, padding: Pair, wanted: tuple[bool, bool, bool]
) -> Gradients:
    """Gradients of a transposed convolution, by the convolution of which it is the gradient."""
    of_input = conv2d(flowing, weight, None, stride, padding) if wanted[0] else None
    of_weight = _plain_gradients(x, flowing, weight, stride, padding, (False, True, False))[1] if wanted[1] else None
    return of_input, of_weight, flowing.sum((0, 2, 3)) if wanted[2] else None


def _plain_gradients(
    flowing: Made, x: Images, weight: Weights, stride: Pair, padding: Pair, wanted: tuple[bool, bool, bool]
) -> Gradients:
    return convolution_gradients(flowing, x, weight, stride, padding, wanted)
