"""Sequences of layers, whose convolutions training runs through fast kernels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from unbraid.distributions.protocols import Images
from unbraid.nn.fast.allowed import fast_kernels_allowed
from unbraid.nn.fast.convolutions import Form, Made, form_of
from unbraid.torch_private import needed_in_backward, rectifier_gradient


class Stack(nn.Sequential):
    """`nn.Sequential` that runs convolutions and their rectifiers through fast kernels where allowed.

    Parameters, their names and the layers themselves are those of `nn.Sequential`.
    """

    def forward(self, x: Tensor) -> Tensor:
        """What `nn.Sequential` gives, within float32 rounding."""
        if not fast_kernels_allowed(self, x):
            return cast(Tensor, super().forward(x))  # type: ignore[no-untyped-call]
        for piece in _pieces(self):
            x = piece(x) if isinstance(piece, nn.Module) else run_through(piece, x)
        return x


class Step(NamedTuple):
    """One of several consecutive convolutions, and whether a rectifier follows it."""

    layer: nn.Module
    form: Form
    rectified: bool


def run_through(steps: list[Step], x: Images) -> Made:
    """Apply consecutive convolutions, in the memory layout that is fastest for them."""
    parameters = [parameter for step in steps for parameter in (step.layer.weight, step.layer.bias)]
    forms = tuple((step.form, step.rectified) for step in steps)
    images = x.contiguous(memory_format=torch.channels_last)
    return cast(Tensor, _Run.apply(images, forms, *parameters))  # type: ignore[no-untyped-call]


def _pieces(layers: nn.Sequential) -> Iterator[nn.Module | list[Step]]:
    """The layers, with consecutive convolutions grouped."""
    row: list[Step] = []
    for layer in layers:
        form = form_of(layer)
        if form is not None:
            row.append(Step(layer, form, rectified=False))
        elif isinstance(layer, nn.ReLU) and row and not row[-1].rectified:
            row[-1] = row[-1]._replace(rectified=True)
        else:
            if row:
                yield row
                row = []
            yield layer
    if row:
        yield row


class _Run(torch.autograd.Function):
    """Consecutive convolutions as one node of the autograd graph.

    Rectifiers overwrite their input, and gradients that no other node sees, so that a third less memory is read and written
    than by separate layers.
    """

    @staticmethod
    def forward(ctx: Any, x: Images, forms: tuple[tuple[Form, bool], ...], *parameters: Tensor | None) -> Made:
        """Apply the layers, whose weights and biases are `parameters` in turn."""
        passed = [x]
        for i, (form, rectified) in enumerate(forms):
            y = form.forward(passed[-1], cast(Tensor, parameters[2 * i]), parameters[2 * i + 1])
            passed.append(y.relu_() if rectified else y)
        ctx.forms = forms
        ctx.save_for_backward(*passed, *parameters)
        return passed[-1]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Made) -> tuple[Tensor | None, ...]:
        """Gradients of the input and of every weight and bias."""
        count = len(ctx.forms)
        passed, parameters = ctx.saved_tensors[: count + 1], ctx.saved_tensors[count + 1 :]
        wanted = _wanted(ctx, (passed[0], *parameters))
        learned: list[Tensor | None] = [None] * len(parameters)
        flowing = gradient.contiguous(memory_format=torch.channels_last)
        for i in reversed(range(count)):
            form, rectified = ctx.forms[i]
            if rectified:  # the first gradient is not ours to overwrite
                flowing = rectifier_gradient(flowing, passed[i + 1], in_place=i < count - 1)
            mask = (any(wanted[: 2 * i + 1]), wanted[2 * i + 1], wanted[2 * i + 2])
            below, learned[2 * i], learned[2 * i + 1] = form.gradients(flowing, passed[i], parameters[2 * i], mask)
            if not mask[0]:
                return None, None, *learned
            flowing = below
        return flowing, None, *learned


def _wanted(node: Any, tensors: tuple[Tensor | None, ...]) -> list[bool]:
    """Which of the tensors given to this node's function need a gradient in the running backward pass.

    Where several players' moves backpropagate through one pass, these are fewer than the tensors that require gradients.
    """
    given = iter(node.next_functions)  # one for each that is a tensor
    below = [None if tensor is None else next(given)[0] for tensor in tensors]
    return [other is not None and needed_in_backward(other) for other in below]
