"""Where networks may run through fast kernels.

Fast kernels equal the plain layers within float32 rounding and have first derivatives only. So they run in the training loop
and in passes without gradients. Everything else (exporters, compilers, `torch.func`, second derivatives) gets PyTorch's layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn

from unbraid.torch_private import has_hooks

_allowed: ContextVar[bool] = ContextVar("fast kernels allowed", default=False)


@contextmanager
def allow_fast_kernels() -> Iterator[None]:
    """Within this context, networks may run through fast kernels: first-order gradients only."""
    token = _allowed.set(True)
    try:
        yield
    finally:
        _allowed.reset(token)


def fast_kernels_allowed(network: nn.Module, x: Tensor) -> bool:
    """Whether a network may run through fast kernels: float32, on the CPU, no hooks on its layers."""
    if torch.is_grad_enabled() and not _allowed.get():
        return False
    if torch.is_autocast_enabled("cpu") or torch.compiler.is_compiling():
        return False
    tensors = (x, *network.parameters())
    if not all(type(t) in (Tensor, nn.Parameter) and t.dtype == torch.float32 and t.device.type == "cpu" for t in tensors):
        return False
    return not any(has_hooks(layer) for layer in network.modules())
