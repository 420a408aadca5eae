"""Checkpoints: a folder that appears whole or not at all, and is checked byte for byte before it is believed.

`step_000001000/` holds `model.safetensors` (weights), `training.safetensors` (optimisers, generators, running means) and
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

from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor

from unbraid.errors import CorruptFile
from unbraid.files import os_errors, read_json, sync_folder

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
    if not isinstance(sums, dict) or not isinstance(state.get("step"), int):
        raise CorruptFile(f"{path / STATE} is not the state of a checkpoint.")
    tensors = {}
    for name in (WEIGHTS, TRAINING):
        with os_errors(f"read {path / name}", "The checkpoint is incomplete."):
            raw = (path / name).read_bytes()
        if hashlib.sha256(raw).hexdigest() != sums.get(name):
            raise CorruptFile(f"{path / name} does not match its checksum. It is truncated or was altered.")
        tensors[name] = unpack(raw, path / name)
    return Checkpoint(tensors[WEIGHTS], tensors[TRAINING], state)
