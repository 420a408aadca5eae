"""How the images and weights of a network lie in memory."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

KEPT = "unbraid_keeps_layout"


def keep_layout(network: nn.Module) -> nn.Module:
    """Give a network its images in PyTorch's usual layout, and leave its weights in theirs.

    Code that was not written for unbraid may rely on it: `view` fails on images whose channels lie last in memory.
    """
    network.register_forward_pre_hook(_contiguous)
    setattr(network, KEPT, True)
    return network


def keeps_layout(network: nn.Module) -> bool:
    """Whether `keep_layout` was asked of a network."""
    return getattr(network, KEPT, False) is True


def _contiguous(network: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(one.contiguous() if isinstance(one, Tensor) else one for one in given)
