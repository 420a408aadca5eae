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

_allowed: ContextVar[bool | None] = ContextVar("fast kernels allowed", default=None)
"""Unless it is decided, passes without gradients may."""


@contextmanager
def allow_fast_kernels() -> Iterator[None]:
    """Within this context, networks may run through fast kernels: first-order gradients only."""
    with _decided(True):
        yield


@contextmanager
def plain_layers() -> Iterator[None]:
    """Within this context, networks run PyTorch's layers, which have derivatives of every kind and order."""
    with _decided(False):
        yield


@contextmanager
def _decided(allowed: bool) -> Iterator[None]:
    token = _allowed.set(allowed)
    try:
        yield
    finally:
        _allowed.reset(token)


def fast_kernels_allowed(network: nn.Module, x: Tensor) -> bool:
    """Whether a network may run through fast kernels: float32, on the CPU, no hooks on its layers."""
    tensors = (x, *network.parameters())
    if torch.is_autocast_enabled("cpu") or not fast_kernels_allowed_for(*tensors):
        return False
    return all(t.dtype == torch.float32 for t in tensors) and not any(has_hooks(layer) for layer in network.modules())


def fast_kernels_allowed_for(*tensors: Tensor) -> bool:
    """Whether a function of these tensors may run through a fast kernel: ordinary tensors on the CPU."""
    allowed = _allowed.get()
    if not (not torch.is_grad_enabled() if allowed is None else allowed) or torch.compiler.is_compiling():
        return False
    return all(type(t) in (Tensor, nn.Parameter) and t.device.type == "cpu" for t in tensors)
