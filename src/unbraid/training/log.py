"""The log of a run: one JSON object a line in `log.jsonl`, and the same scalars for TensorBoard.

`log.jsonl` is the truth. When a run resumes, it is cut to what its checkpoint had seen and the TensorBoard events are
written anew from it, so that neither has gaps or duplicates however the run stopped.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from unbraid.errors import CorruptFile
from unbraid.files import os_errors

LARGEST = 1 << 30
"""Bytes; a run of a million entries leaves a third of that."""
LARGEST_NUMBER = 1e300
_ALTERED = "The log was altered; put it back as it was, or remove it to go on without its entries."
_REMEDY = "Free some space; the same command resumes the run from its last checkpoint."


UNITLESS = ("sigma", "mmd", "dip_", "accuracy", "exp_elbo", "clamped", "quantization", "multiplier", "shared")
"""What names of logged values that are no nats begin with."""
SCALED = ("encoder/loss", "decoder/loss")
"""Losses of players that move on their own: games scale them (Soft-Intro divides by the number of pixels)."""


def is_nats(name: str) -> bool:
    """Whether a term of a loss, by its name in the log, is in nats per image."""
    return name not in SCALED and not name.rpartition("/")[2].startswith(UNITLESS)


def read_log(path: Path) -> list[dict[str, Any]]:
    """All whole lines of a log; a last line that a crash cut short is left out.

    Raises `CorruptFile` for another line that is none of ours, and for a file of more than `LARGEST` bytes.
    """
    if not path.exists():
        return []
    entries = []
    with os_errors(f"read {path}", "Check the file, or remove it to go on without its entries."):
        size = path.stat().st_size
        if size > LARGEST:
            raise CorruptFile(f"{path} has {size:,} bytes; allowed: {LARGEST:,}. {_ALTERED}")
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            if number == len(lines) and not line.endswith("\n"):
                break
            raise CorruptFile(f"Line {number} of {path} is not JSON. {_ALTERED}") from None
        problem = _problem(entry)
        if problem:
            raise CorruptFile(f"Line {number} of {path} is no entry of a log: {problem}. {_ALTERED}")
        entries.append(entry)
    return entries


def _problem(entry: Any) -> str:
    """What keeps a value from being an entry; empty if nothing does."""
    if not isinstance(entry, dict):
        return f"it is a {type(entry).__name__}, not an object"
    step, values, other = entry.get("step"), entry.get("values"), [entry.get("time"), entry.get("images_per_second", 0)]
    if type(step) is not int or not 0 <= step < 2**63:
        return f"step is {step!r}; allowed: a whole number"
    if not isinstance(entry.get("kind"), str):
        return f"kind is {entry.get('kind')!r}; allowed: text"
    if not isinstance(values, dict):
        return f"values are a {type(values).__name__}; allowed: an object"
    numbers = [one for value in values.values() for one in (value if isinstance(value, list) else [value])]
    wrong = [one for one in (*numbers, *other) if not _is_number(one)]
    return f"it holds {wrong[0]!r}; allowed: finite numbers" if wrong else ""


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < LARGEST_NUMBER


class RunLog:
    """Appends to `log.jsonl` and to TensorBoard.

    Args:
        path: of `log.jsonl`.
        events: folder of TensorBoard events.
        size: bytes of the log to keep, from the checkpoint that training resumes from.
    """

    def __init__(self, path: Path, events: Path, size: int = 0) -> None:
        self.path, self.events = path, events
        with os_errors(f"write {path}", _REMEDY):
            path.parent.mkdir(parents=True, exist_ok=True)
            present = path.stat().st_size if path.exists() else 0
            if 0 < present < size:
                raise CorruptFile(
                    f"{path} is shorter than its checkpoint remembers ({present} bytes of {size}). "
                    "Remove it to go on without its earlier entries."
                )
            if present > size:
                os.truncate(path, size)
            shutil.rmtree(events, ignore_errors=True)

            from tensorboard.summary.writer.event_file_writer import EventFileWriter

            self._board = EventFileWriter(str(events))
            for entry in read_log(path):
                self._show(entry)
            self._handle = path.open("a", encoding="utf-8")

    def write(self, entry: Mapping[str, Any]) -> None:
        """Append one entry, with the time."""
        timed = {**entry, "time": round(time.time(), 3)}
        with os_errors(f"write {self.path}", _REMEDY):
            self._handle.write(json.dumps(timed, allow_nan=False) + "\n")
            self._handle.flush()
        self._show(timed)

    def _show(self, entry: Mapping[str, Any]) -> None:
        from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[attr-defined]
        from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[attr-defined]

        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in _scalars(entry)]
        self._board.add_event(Event(wall_time=entry["time"], step=entry["step"], summary=Summary(value=values)))

    def show(self, step: int, summaries: Iterable[Any]) -> None:
        """Let TensorBoard show more than numbers, such as images; they are no part of the log, so a resumed run begins anew."""
        from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[attr-defined]
        from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[attr-defined]

        self._board.add_event(Event(wall_time=time.time(), step=step, summary=Summary(value=summaries)))

    def sync(self) -> int:
        """Bring everything to the disk; the size of the log, for the checkpoint to remember."""
        with os_errors(f"write {self.path}", _REMEDY):
            self._handle.flush()
            os.fsync(self._handle.fileno())
            self._board.flush()
            return self._handle.tell()

    def close(self) -> None:
        """Close both. What matters was synced before; a disk that is full now must not hide the error that led here."""
        for one in (self._handle, self._board):
            with suppress(OSError):
                one.close()


def _scalars(entry: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    group = entry["kind"]
    for name, value in entry["values"].items():
        if isinstance(value, list):
            for j, one in enumerate(value):
                yield f"{group}_{name}/{j}", one
        else:
            yield f"{group}/{name}", value
    if "images_per_second" in entry:
        yield "speed/images_per_second", entry["images_per_second"]
