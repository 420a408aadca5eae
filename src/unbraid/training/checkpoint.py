"""Checkpoints: a folder that appears whole or not at all, and is checked byte for byte before it is believed.

`step_000001000/` holds `model.safetensors` (weights), `training.safetensors` (optimizers, generators, running means) and
`state.json` (position in the run, checksums of the other two). It is written under a temporary name, synced, renamed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from unbraid.errors import CorruptFile
from unbraid.files import os_errors, read_json, sync_folder
from unbraid.former_names import TERMS, renamed, renamed_tensors

WEIGHTS, TRAINING, STATE = "model.safetensors", "training.safetensors", "state.json"


@dataclass(frozen=True)
class Checkpoint:
    """What is saved: weights, the tensors of training, and a few numbers (`step` among them)."""

    weights: Mapping[str, Tensor]
    training: Mapping[str, Tensor]
    state: Mapping[str, Any]


def checkpoint_path(folder: Path, step: int) -> Path:
    """Where the checkpoint of a step lies."""
    return folder / f"step_{step:09d}"


def list_checkpoints(folder: Path) -> list[Path]:
    """Checkpoints in a folder, oldest first."""
    return sorted(path for path in folder.glob("step_*") if path.is_dir())


def pack(tensors: Mapping[str, Tensor]) -> bytes:
    """Tensors as safetensors, on the CPU and in plain layout."""
    return to_bytes({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})


def unpack(raw: bytes, path: Path) -> dict[str, Tensor]:
    """Tensors from safetensors, or `CorruptFile`."""
    try:
        return from_bytes(raw)
    except SafetensorError as error:
        raise CorruptFile(f"{path} is not a valid safetensors file ({error}). It is truncated or was altered.") from None
    except (ValueError, RuntimeError, TypeError, KeyError) as error:  # kinds of numbers that torch does not have
        raise CorruptFile(f"{path} holds tensors that cannot be read ({error!r}). It was altered.") from None


def require_fit(module: nn.Module, weights: Mapping[str, Tensor], where: Path) -> None:
    """Check weights that were read against the module they are for, of which the shapes are enough.

    Raises `CorruptFile` for tensors that are missing, unknown, of another kind or shape, or not finite.
    """
    wanted = module.state_dict()
    for name in sorted(wanted.keys() | weights.keys()):
        if name not in weights or name not in wanted:
            problem = f"{name} is {'missing' if name in wanted else 'not one of this model'}"
        elif (weights[name].shape, weights[name].dtype) != (wanted[name].shape, wanted[name].dtype):
            given, allowed = ([tensor.dtype, *tensor.shape] for tensor in (weights[name], wanted[name]))
            problem = f"{name} is {given}, not {allowed}"
        elif not torch.isfinite(weights[name]).all():
            problem = f"{name} holds values that are not finite"
        else:
            continue
        raise CorruptFile(
            f"The weights in {where} do not fit its config.json: {problem}. One of the two was altered; put back what was "
            "there, or train the model anew."
        )


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


def write_checkpoint(folder: Path, checkpoint: Checkpoint, keep: int = 0) -> Path:
    """Write a checkpoint and drop all but the newest `keep` (0 keeps all). Raises `UnbraidError` on a full disk."""
    path = checkpoint_path(folder, checkpoint.state["step"])
    temporary = folder / f".{path.name}.{os.getpid()}"
    with os_errors(
        f"write checkpoint {path}", "The earlier checkpoints are intact; free some space and give the same command to resume."
    ):
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            files = {WEIGHTS: pack(checkpoint.weights), TRAINING: pack(checkpoint.training)}
            sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
            state = json.dumps({**checkpoint.state, "sha256": sums}, indent=2)
            for name, content in {**files, STATE: state.encode()}.items():
                _write_synced(temporary / name, content)
            sync_folder(temporary)
            shutil.rmtree(path, ignore_errors=True)  # the same step, reached again because that one was damaged
            temporary.rename(path)
            sync_folder(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        for old in list_checkpoints(folder)[: -keep or None] if keep else []:
            shutil.rmtree(old, ignore_errors=True)
    return path


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint after checking it against its checksums. Raises `CorruptFile` and says what is wrong."""
    state = read_json(path / STATE, "checkpoint state")
    sums = state.get("sha256")
    step = state.get("step")
    if not isinstance(sums, dict) or type(step) is not int or checkpoint_path(path.parent, step).name != path.name:
        raise CorruptFile(
            f"{path / STATE} is not the state of this checkpoint: step is {step!r} and the checksums are a "
            f"{type(sums).__name__}. It was altered."
        )
    weights, training = (read_weights(path / name, sums.get(name)) for name in (WEIGHTS, TRAINING))
    if isinstance(state.get("interval"), dict):
        state["interval"] = renamed(state["interval"], TERMS)
    return Checkpoint(weights, training, state)


def read_weights(path: Path, sha256: object) -> dict[str, Tensor]:
    """The tensors of a safetensors file whose SHA-256 is known, by today's names. Raises `CorruptFile` for any other."""
    with os_errors(f"read {path}", "Put it back, or train the model anew."):
        raw = path.read_bytes()
    if hashlib.sha256(raw).hexdigest() != sha256:
        raise CorruptFile(f"{path} does not match its checksum. It is truncated or was altered.")
    return renamed_tensors(unpack(raw, path))
