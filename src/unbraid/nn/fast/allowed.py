"""Where networks may run through fast kernels.

Fast kernels equal the plain layers within float32 rounding and have first derivatives only. So they run in the training loop
and in passes without gradients. Everything else (exporters, compilers, `torch.func`, second derivatives) gets PyTorch's layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    allowed = _allowed.get()
    if not (not torch.is_grad_enabled() if allowed is None else allowed) or torch.is_autocast_enabled("cpu"):
        return False
    tensors = (x, *network.parameters())
    if not _ordinary(tensors):
        return False
    return all(t.dtype == torch.float32 for t in tensors) and not any(has_hooks(layer) for layer in network.modules())


def in_training_on_cpu(*tensors: Tensor) -> bool:
    """Whether a function of these tensors may take a form that `torch.func` cannot transform.

    That is so in the training loop alone, with ordinary tensors on the CPU.
    """
    return bool(_allowed.get()) and _ordinary(tensors)


def _ordinary(tensors: Sequence[Tensor]) -> bool:
    if torch.compiler.is_compiling():
        return False
    return all(type(t) in (Tensor, nn.Parameter) and t.device.type == "cpu" for t in tensors)
