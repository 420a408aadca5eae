"""Named tensors in files of others, read without running what such files may hold."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from unbraid.errors import CorruptFile, UsageError
from unbraid.files import os_errors, require_regular
from unbraid.training.checkpoint import unpack

PICKLED = (".pt", ".pth")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The named tensors of a .safetensors file, or of a state dict in a .pt or .pth file.

    Pickles are read by PyTorch's restricted reader, which builds tensors and containers and refuses everything else, so that no
    code of the file runs.

    Raises `UsageError` for other files and for pickles that hold more, and `CorruptFile` for what is damaged.
    """
    with os_errors(f"read {path}", "Check the path."):
        if not path.is_file():
            raise UsageError(f"There is no file {path}.")
        require_regular(path, "weights")
    if path.suffix == ".safetensors":
        with os_errors(f"read {path}", "Check the file."):
            return unpack(path.read_bytes(), path)
    if path.suffix not in PICKLED:
        raise UsageError(f"{path} is not a file of weights by its name; allowed: .safetensors, {', '.join(PICKLED)}.")
    try:
        with warnings.catch_warnings():  # of pickles of unusual protocols; they are read or refused either way
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = str(error).splitlines()[0] if str(error) else "it holds other objects"
        raise UsageError(
            f"{path} is refused: it holds more than tensors, and reading that could run code ({reason[:200]}). Save its state "
            "dict alone: safetensors.torch.save_file(model.state_dict(), FILE)."
        ) from None
    except (RuntimeError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise CorruptFile(
            f"{path} cannot be read ({type(error).__name__}: {str(error)[:200]}). It is truncated or was altered."
        ) from None
    if not isinstance(content, Mapping) or not all(
        isinstance(name, str) and isinstance(t, Tensor) for name, t in content.items()
    ):
        raise UsageError(f"{path} holds a {type(content).__name__} and no state dict: names with a tensor each.")
    return dict(content)


def require_tensors(tensors: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]], where: Path, kind: str) -> None:
    """Check that a file holds tensors of these names and shapes and no others, of finite numbers.

    Args:
        tensors: of the file.
        shapes: the names that there must be, and the shape of each.
        where: the file.
        kind: whose names these are, in words.

    Raises `UsageError` that says which is missing, unknown, or of another kind.
    """
    missing, extra = sorted(shapes.keys() - tensors.keys()), sorted(tensors.keys() - shapes.keys())
    problem = ""
    if missing or extra:
        problem = "; ".join(
            f"{what}: {', '.join(names[:6])}" for what, names in (("missing", missing), ("unknown", extra)) if names
        )
    for name, shape in () if problem else shapes.items():
        tensor = tensors[name]
        if tuple(tensor.shape) != shape:
            problem = f"{name} has shape {tuple(tensor.shape)}, not {shape}"
        elif not tensor.is_floating_point() or not torch.isfinite(tensor).all():
            problem = f"{name} does not hold finite real numbers"
        if problem:
            break
    if problem:
        raise UsageError(f"{where} is not {kind}: {problem}.")
