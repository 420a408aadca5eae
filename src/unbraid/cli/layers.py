"""Tables of a network's layers and parameters, for `unbraid show`."""

from __future__ import annotations

from typing import Any

import torch
from rich import box
from rich.table import Table
from torch import Tensor, nn

from unbraid.nn.registry import Shape


def table(title: str, *columns: str) -> Table:
    """An empty table in the style of the page."""
    return Table(*columns, box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)


def shape_in_words(shape: Shape | torch.Size) -> str:
    """Like 1 x 64 x 64."""
    return " x ".join(map(str, shape))


def parameters_in(network: nn.Module) -> int:
    """How many numbers a network learns."""
    return sum(parameter.numel() for parameter in network.parameters())


def _side(value: int | tuple[int, ...] | Any) -> str:
    return " x ".join(map(str, value)) if isinstance(value, tuple) else f"{value} x {value}"


def _in_words(layer: nn.Module) -> str:
    """A layer with what makes it differ from others of its kind."""
    kind = type(layer).__name__
    match layer:
        case nn.Conv2d() | nn.ConvTranspose2d():
            stride = f", stride {layer.stride[0]}" if layer.stride[0] > 1 else ""
            return f"{kind} {layer.in_channels} -> {layer.out_channels}, {_side(layer.kernel_size)}{stride}"
        case nn.Linear():
            return f"{kind} {layer.in_features} -> {layer.out_features}"
        case nn.MaxPool2d():
            return f"{kind} {_side(layer.kernel_size)}"
        case nn.ZeroPad2d():
            left, right, top, bottom = layer.padding
            return f"{kind} left {left}, right {right}, top {top}, bottom {bottom}"
        case nn.Upsample():
            return f"{kind} by {layer.scale_factor:g}, {layer.mode}"
        case nn.Dropout():
            return f"{kind} {layer.p:g}"
        case _:
            return kind


def layer_table(title: str, network: nn.Module, example: Tensor) -> Table:
    """The layers in the order in which an image passes them: output shape and parameters of each.

    Layers that neither learn nor change the shape (rectifiers, dropout) stand beside the one before them.
    """
    rows: list[list[str]] = []

    def note(layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        count = parameters_in(layer)
        if rows and not count and inputs[0].shape == output.shape:
            rows[-1][0] += f", {_in_words(layer)}"
        else:
            rows.append([_in_words(layer), shape_in_words(output.shape[1:]), f"{count:,}" if count else ""])

    hooks = [layer.register_forward_hook(note) for layer in network.modules() if not list(layer.children())]
    with torch.no_grad():
        network.eval()(example)
    for hook in hooks:
        hook.remove()
    made = table(title, "layer", "output")
    made.add_column("parameters", justify="right")
    for row in rows:
        made.add_row(*row)
    made.add_section()
    made.add_row("all", "", f"{parameters_in(network):,}")
    return made
