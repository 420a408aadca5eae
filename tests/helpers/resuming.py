"""Runs that are stopped, damaged and compared."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import msgspec

from unbraid.log_entry import Entry
from unbraid.training.checkpoint import list_checkpoints
from unbraid.training.fit import Silent
from unbraid.training.log import read_log


def final(folder: Path) -> dict[str, bytes]:
    """Bytes of the last checkpoint's weights and training state."""
    newest = list_checkpoints(folder / "checkpoints")[-1]
    return {name: (newest / name).read_bytes() for name in ("model.safetensors", "training.safetensors")}


def log_without_clocks(folder: Path) -> list[Entry]:
    return [msgspec.structs.replace(entry, time=0.0, images_per_second=0.0) for entry in read_log(folder / "log.jsonl")]


def board(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Scalars as TensorBoard reads them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    tags = events.Tags()["scalars"]
    assert tags
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in tags if "per_second" not in tag}


def assert_same_run(one: Path, other: Path) -> None:
    assert final(one) == final(other)
    assert log_without_clocks(one) == log_without_clocks(other)
    assert board(one) == board(other)


class StopAt(Silent):
    """Sends the process a signal once a step is reached."""

    def __init__(self, step: int, number: int = signal.SIGINT) -> None:
        self.step, self.number = step, number

    def advance(self, step, values, images_per_second):
        if step == self.step:
            os.kill(os.getpid(), self.number)


def damage(path: Path, how: str) -> None:
    raw = path.read_bytes()
    if how == "truncated":
        path.write_bytes(raw[: len(raw) // 2])
    elif how == "flipped":
        path.write_bytes(raw[:-9] + bytes([raw[-9] ^ 1]) + raw[-8:])
    elif how == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
