"""Where networks may run in faster forms of the same mathematics.

Layers written for speed give the numbers of the plain ones within rounding, and first derivatives alone. So they serve where
both are known to be enough: in the training loop, and in passes without gradients. Everyone else has PyTorch's own layers:
exporters, compilers, `torch.func`, second derivatives.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn

_allowed: ContextVar[bool] = ContextVar("first derivatives are enough", default=False)


@contextmanager
def first_derivatives_alone() -> Iterator[None]:
    """Let networks run in their fast forms, which cannot be differentiated twice."""
    token = _allowed.set(True)
    try:
        yield
    finally:
        _allowed.reset(token)


def may_rewrite(network: nn.Module, x: Tensor) -> bool:
    """Whether a network may run in a fast form: float32 on the CPU, where it is faster, and nobody looks at its layers."""
    if torch.is_grad_enabled() and not _allowed.get():
        return False
    if torch.is_autocast_enabled("cpu") or torch.compiler.is_compiling():
        return False
    tensors = (x, *network.parameters())
    if not all(type(t) in (Tensor, nn.Parameter) and t.dtype == torch.float32 and t.device.type == "cpu" for t in tensors):
        return False
    return not any(layer._forward_hooks or layer._forward_pre_hooks for layer in network.modules())
