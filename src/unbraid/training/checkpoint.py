"""Checkpoints: a folder that appears whole or not at all, and whose every byte is checked.

The check comes before anything is read from it.

`step_000001000/` holds `model.safetensors` (weights), `training.safetensors` (optimizers, running means) and `state.json`
(position in the run, which run, checksums of all three). It is written under a temporary name, synced, renamed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from unbraid.errors import CorruptFile
from unbraid.files import os_errors, read_json, remove, require_regular, sync_folder, temporary_beside
from unbraid.former_names import TERMS, renamed, renamed_tensors
from unbraid.log_entry import Unit
from unbraid.records import as_record, content_digest, to_json

WEIGHTS, TRAINING, STATE = "model.safetensors", "training.safetensors", "state.json"


MOST_STEPS = 10**9 - 1
"""Checkpoints are in order by their names, which have nine digits."""
_NAME = re.compile(r"step_([0-9]{9})")


class State(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What `state.json` holds.

    Args:
        step, seconds: steps done, and how long they took.
        log_size, log_sha256: bytes of the log at that moment, and their digest.
        interval: how many values each running mean in `training.safetensors` is of.
        units, labels: of these means, as in a line of the log.
        configuration: of the run, as in `config.json`.
        version: of unbraid. Version 0.1 wrote none, nor what follows from it: log_sha256, configuration, own_sha256.
        sha256: of the two other files.
        own_sha256: of all the rest of this.
    """

    step: Annotated[int, msgspec.Meta(ge=0, le=MOST_STEPS)]
    seconds: Annotated[float, msgspec.Meta(ge=0, le=1e300)]
    log_size: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    log_sha256: str = ""
    interval: dict[str, Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]]
    units: dict[str, Unit] = {}
    labels: dict[str, str] = {}
    configuration: dict[str, Any] = {}
    version: str = ""
    sha256: dict[str, str] = {}
    own_sha256: str = ""


@dataclass(frozen=True)
class Checkpoint:
    """What is saved: weights, the tensors of training, and the rest."""

    weights: Mapping[str, Tensor]
    training: Mapping[str, Tensor]
    state: State


def checkpoint_path(folder: Path, step: int) -> Path:
    """Where the checkpoint of a step lies."""
    return folder / f"step_{step:09d}"


def step_of(path: Path) -> int:
    """The step of a checkpoint, by its name."""
    return int(path.name.removeprefix("step_"))


def list_checkpoints(folder: Path) -> list[Path]:
    """Checkpoints in a folder, oldest first."""
    return sorted(path for path in folder.glob("step_*") if _NAME.fullmatch(path.name) and path.is_dir())


def remove_checkpoint(path: Path) -> None:
    """Remove a checkpoint; no listing ever shows half of it.

    Other files in its folder are kept, in `left_of_step_...`.
    """
    temporary = temporary_beside(path)
    path.rename(temporary)
    for name in (WEIGHTS, TRAINING, STATE):
        (temporary / name).unlink(missing_ok=True)
    if any(temporary.iterdir()):
        temporary.rename(path.with_name(f"left_of_{path.name}"))
    else:
        temporary.rmdir()


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


def write_checkpoint(folder: Path, checkpoint: Checkpoint, keep: int = 0, check: Callable[[], None] | None = None) -> Path:
    """Write a checkpoint and drop all but the newest `keep` (0 keeps all).

    Args:
        folder: of checkpoints, which is there.
        check: called just before the checkpoint takes its name; raises where another process owns the folder.

    Raises `UnbraidError` on a full disk.
    """
    path = checkpoint_path(folder, checkpoint.state.step)
    temporary = temporary_beside(path)
    with os_errors(
        f"write checkpoint {path}", "The earlier checkpoints are intact; free some space and give the same command to resume."
    ):
        try:
            temporary.mkdir()
            files = {WEIGHTS: pack(checkpoint.weights), TRAINING: pack(checkpoint.training)}
            sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
            state = to_json(msgspec.structs.replace(checkpoint.state, version=version("unbraid"), sha256=sums))
            signed = json.dumps({**state, "own_sha256": content_digest(state)}, indent=2)
            for name, content in {**files, STATE: signed.encode()}.items():
                _write_synced(temporary / name, content)
            sync_folder(temporary)
            if check:
                check()
            if path.exists():  # the same step, reached again because that one was damaged
                remove_checkpoint(path)
            temporary.rename(path)
            sync_folder(folder)
        finally:
            remove(temporary)
        for old in list_checkpoints(folder)[: -keep or None] if keep else []:
            with suppress(OSError):
                remove_checkpoint(old)
    return path


def read_state(path: Path) -> State:
    """The state of a checkpoint, checked by itself. Raises `CorruptFile` and says what is wrong."""
    content = read_json(path / STATE, "checkpoint state")
    state = as_record(content, State, f"{path / STATE} is not the state of a checkpoint", "It was altered.")
    if state.step != step_of(path):
        raise CorruptFile(f"{path / STATE} is not the state of this checkpoint: step is {state.step}. It was altered.")
    if (state.version or state.own_sha256) and state.own_sha256 != content_digest(content):
        raise CorruptFile(f"{path / STATE} does not match its checksum. It was altered.")
    return state


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint after checking it against its checksums.

    Raises `CorruptFile` and says what is wrong.
    """
    state = read_state(path)
    weights, training = (read_weights(path / name, state.sha256.get(name)) for name in (WEIGHTS, TRAINING))
    state = msgspec.structs.replace(state, interval=renamed(state.interval, TERMS))
    return Checkpoint(weights, training, state)


def read_weights(path: Path, sha256: object) -> dict[str, Tensor]:
    """The tensors of a safetensors file whose SHA-256 is known, by today's names.

    Raises `CorruptFile` for any other.
    """
    with os_errors(f"read {path}", "Put it back, or train the model anew."):
        require_regular(path, "weights")
        raw = path.read_bytes()
    if hashlib.sha256(raw).hexdigest() != sha256:
        raise CorruptFile(f"{path} does not match its checksum. It is truncated or was altered.")
    return renamed_tensors(unpack(raw, path))
