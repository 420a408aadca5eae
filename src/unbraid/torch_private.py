"""The parts of PyTorch without a documented interface that unbraid uses, all of them in one place.

Each function has a public or plain substitute where the installed version of PyTorch lacks what it needs: results are the same
within rounding, and only speed is lost. `tests/test_torch_private.py` takes each part away in turn.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.grad import conv2d_input, conv2d_weight


def _operator(name: str) -> Any:
    return getattr(torch.ops.aten, name, None)


def has_hooks(layer: nn.Module) -> bool:
    """Whether hooks are registered on a layer, so that it has to be called itself.

    True where nothing tells.
    """
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return any(getattr(layer, kind, True) for kind in kinds)


def needed_in_backward(function: Any) -> bool:
    """Whether the running backward pass will execute a node of the graph; True where nothing tells."""
    will_execute = getattr(torch._C, "_will_engine_execute_node", None)
    if will_execute is None:
        return True
    try:
        return bool(will_execute(function))
    except RuntimeError:  # within `torch.autograd.grad`, which does not tell
        return True


def convolution_gradients(
    gradient: Tensor,
    x: Tensor,
    weight: Tensor,
    stride: Sequence[int],
    padding: Sequence[int],
    wanted: tuple[bool, bool, bool],
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Gradients of a convolution's input, weight and bias, given that of its output.

    Only those that are wanted are computed.
    """
    operator = _operator("convolution_backward")
    if operator is not None:
        sizes = [len(weight)] if wanted[2] else None
        found = operator(gradient, x, weight, sizes, stride, padding, [1, 1], False, [0, 0], 1, list(wanted))
        return cast(tuple[Tensor | None, Tensor | None, Tensor | None], found)
    strides, zeros = (cast(tuple[int, int], tuple(pair)) for pair in (stride, padding))
    return (
        conv2d_input(x.shape, weight, gradient, strides, zeros) if wanted[0] else None,  # type: ignore[no-untyped-call]
        conv2d_weight(x, weight.shape, gradient, strides, zeros) if wanted[1] else None,  # type: ignore[no-untyped-call]
        gradient.sum((0, 2, 3)) if wanted[2] else None,
    )


def rectifier_gradient(gradient: Tensor, output: Tensor, *, in_place: bool = False) -> Tensor:
    """The gradient of a rectifier's input, given its output and the gradient of that.

    Written over the latter if in place.
    """
    operator = _operator("threshold_backward")
    if operator is not None:
        if not in_place:
            return cast(Tensor, operator(gradient, output, 0))
        if hasattr(operator, "grad_input"):
            return cast(Tensor, operator.grad_input(gradient, output, 0, grad_input=gradient))
    return gradient.masked_fill_(output <= 0, 0) if in_place else gradient.masked_fill(output <= 0, 0)


@cache
def eager(kind: type[torch.optim.Optimizer]) -> Callable[..., torch.optim.Optimizer]:
    """An optimizer without the decorators that keep the compiler out of it.

    They import the compiler, which takes two seconds.

    The class itself where its methods are not decorated so.
    """
    methods = {name: getattr(kind, name) for name in ("add_param_group", "zero_grad", "step")}
    if not all(hasattr(method, "__wrapped__") for method in methods.values()):
        return kind
    plain = {name: inspect.unwrap(method) for name, method in methods.items()}
    return type(kind.__name__, (kind,), {**plain, "step": torch.no_grad()(plain["step"])})


@cache
def load_forward_mode() -> None:
    """Import what PyTorch's forward-mode products need, as the first of them does: it takes a second.

    Some versions warn on that occasion that they compile it by `torch.jit`, which is none of the caller's doing.
    """
    with warnings.catch_warnings(), suppress(ImportError):
        warnings.simplefilter("ignore", DeprecationWarning)
        import_module("torch._decomp.decompositions_for_jvp")
