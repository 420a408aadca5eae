"""The log of a run: one JSON object a line in `log.jsonl`, and the same scalars for TensorBoard.

`log.jsonl` is the truth. When a run resumes, it is cut to what its checkpoint had seen and the TensorBoard events are
written anew from it, so that neither has gaps or duplicates however the run stopped.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from unbraid.errors import CorruptFile
from unbraid.files import os_errors

_REMEDY = "Free some space; the same command resumes the run from its last checkpoint."


def read_log(path: Path) -> list[dict[str, Any]]:
    """All whole lines of a log; a last line that a crash cut short is left out."""
    if not path.exists():
        return []
    entries = []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        try:
            entries.append(json.loads(line))
        except ValueError:
            if number == len(lines):
                break
            raise CorruptFile(f"Line {number} of {path} is not JSON. The log was altered.") from None
    return entries


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
