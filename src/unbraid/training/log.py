"""The log of a run: one JSON object per line in `log.jsonl`, and the same scalars for TensorBoard.

`log.jsonl` is the truth. When a run resumes, it is cut to what its checkpoint had seen and the TensorBoard events are
written anew from it, so that neither has gaps or duplicates however the run stopped.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from unbraid.errors import CorruptFile, warn
from unbraid.files import os_errors, require_regular
from unbraid.former_names import TERMS, renamed
from unbraid.log_entry import Entry, Unit
from unbraid.records import as_record, to_json
from unbraid.trackers.tracking import Tracking
from unbraid.training.events import Events

LONGEST_LINE = 16 << 20
"""Bytes; a line of ten thousand latents has a fiftieth of that."""
MOST_ENTRIES = 200_000
"""Of longer logs `read_log` gives an even part: a page has no room for more, and memory would grow with the log."""
IN_WORDS: Mapping[Unit, str] = {"nats": "nats per image", "number": "a plain number", "share": "a share from 0 to 1"}
_ALTERED = "The log was altered; put it back as it was, or remove it to go on without its entries."
_REMEDY = "Free some space; the same command resumes the run from its last checkpoint."
_decode = msgspec.json.Decoder(Entry).decode


def stream_log(path: Path) -> Iterator[Entry]:
    """The whole lines of a log, one after the other; a last line that a crash cut short is left out.

    Raises `CorruptFile` for another line that is not an entry, and for what is not a file.
    """
    if not path.exists():
        return
    with os_errors(f"read {path}", "Check the file, or remove it to go on without its entries."):
        require_regular(path, "log")
        with path.open("rb") as handle:
            for number in count(1):
                line = handle.readline(LONGEST_LINE)
                if not line:
                    return
                if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                    raise CorruptFile(f"Line {number} of {path} is longer than {LONGEST_LINE:,} bytes. {_ALTERED}")
                if not line.endswith(b"\n") and not _is_json(line):
                    return
                yield _entry(line, number, path)


def _entry(line: bytes, number: int, path: Path) -> Entry:
    try:
        return _today(_decode(line))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        pass
    where = f"Line {number} of {path} is not an entry of a log"
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        raise CorruptFile(f"Line {number} of {path} is not JSON. {_ALTERED}") from None
    return as_record(content, Entry, where, _ALTERED)


def _today(entry: Entry) -> Entry:
    """An entry with today's names of values."""
    if entry.units is not None:
        return entry
    return msgspec.structs.replace(entry, values=renamed(entry.values, TERMS))


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    return True


def read_log(path: Path, most: int = MOST_ENTRIES) -> list[Entry]:
    """The entries of a log in order.

    Of more than `most` entries, every second, fourth, ... is kept, with all warnings and the last entry.

    Raises as `stream_log`.
    """
    kept: list[tuple[int, Entry]] = []
    every, number, last = 1, 0, None
    for number, last in enumerate(stream_log(path)):
        if number % every == 0 or last.kind == "warning":
            kept.append((number, last))
        if len(kept) > most:
            every *= 2
            kept = [(n, entry) for n, entry in kept if n % every == 0 or entry.kind == "warning"]
    if last is not None and kept[-1][0] != number:
        kept.append((number, last))
    return [entry for _, entry in kept]


class RunLog:
    """Appends to `log.jsonl` and to TensorBoard.

    Args:
        path: of `log.jsonl`.
        events: folder of TensorBoard events.
        tracking: is told the same numbers.
        size, sha256: how many bytes of the log the checkpoint had seen that training resumes from, and their digest, which
            checkpoints of version 0.1 do not hold.

    Raises `CorruptFile` where the log is not the one that the checkpoint had seen.
    """

    def __init__(self, path: Path, events: Path, size: int = 0, sha256: str = "", *, tracking: Tracking | None = None) -> None:
        self.path, self._tracking = path, tracking
        with os_errors(f"write {path}", _REMEDY):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._digest = _resumed(path, size, sha256)
            self._handle = path.open("ab")
        self.events = Events(events)
        for entry in stream_log(path):
            self._show(entry)

    def write(self, entry: Entry) -> None:
        """Append one entry."""
        line = json.dumps(to_json(entry), allow_nan=False).encode() + b"\n"
        with os_errors(f"write {self.path}", _REMEDY):
            self._handle.write(line)
            self._handle.flush()
        self._digest.update(line)
        self._show(entry)

    def _show(self, entry: Entry) -> None:
        self.events.scalars(entry.step, _scalars(entry), entry.time)
        if self._tracking:
            _tell(self._tracking, entry)

    def show(self, step: int, summaries: Iterable[Any]) -> None:
        """Let TensorBoard show more than numbers, such as images and the configuration.

        These are not in the log, so a resumed run writes them anew.
        """
        self.events.add(step, summaries)

    def sync(self) -> tuple[int, str]:
        """Bring everything to the disk; the size of the log and its digest, for the checkpoint to remember."""
        with os_errors(f"write {self.path}", _REMEDY):
            self._handle.flush()
            os.fsync(self._handle.fileno())
            size = self._handle.tell()
        self.events.flush()
        return size, self._digest.hexdigest()

    def close(self) -> None:
        """Close both files; what matters was synced before.

        Errors are ignored: a full disk must not hide the error that led here.
        """
        with suppress(OSError):
            self._handle.close()
        self.events.close()


def tell(tracking: Tracking, path: Path) -> None:
    """Send a log to a tracker, but for what was sent before. Raises as `stream_log`."""
    for entry in stream_log(path):
        _tell(tracking, entry)


def _tell(tracking: Tracking, entry: Entry) -> None:
    tracking.send(entry.kind, entry.step, ((tag, value) for tag, value, _ in _scalars(entry)))


def _resumed(path: Path, size: int, sha256: str) -> Any:
    """Cut a log to what the checkpoint had seen; the running digest of what is left."""
    digest = hashlib.sha256()
    if not size:
        if path.exists():
            os.truncate(path, 0)
        return digest
    if not path.exists() or path.stat().st_size == 0:
        warn(f"{path} is {'empty' if path.exists() else 'missing'}; training continues without the earlier entries of its log.")
        return digest
    require_regular(path, "log")
    if path.stat().st_size < size:
        raise CorruptFile(
            f"{path} is shorter than its checkpoint remembers ({path.stat().st_size:,} bytes of {size:,}). "
            "Remove it to go on without its earlier entries."
        )
    kept = 0
    with path.open("rb") as handle:
        while kept < size and (block := handle.read(min(1 << 20, size - kept))):
            digest.update(block)
            kept += len(block)
    if sha256 and digest.hexdigest() != sha256:
        raise CorruptFile(f"{path} is not the log that its checkpoint remembers. {_ALTERED}")
    if block[-1:] != b"\n":
        raise CorruptFile(f"{path} has no end of a line where its checkpoint remembers one, at byte {size:,}. {_ALTERED}")
    os.truncate(path, size)
    return digest


def _scalars(entry: Entry) -> Iterator[tuple[str, float, str]]:
    """The numbers of an entry with their tags and descriptions."""
    for name, value in entry.values.items():
        description = f"{entry.labels.get(name, name)}, {IN_WORDS[entry.unit(name)]}"
        if isinstance(value, list):
            for j, one in enumerate(value):
                yield f"{entry.kind}_{name}/{j}", one, f"{description}, latent {j}"
        else:
            yield f"{entry.kind}/{name}", value, description
    for name, value in entry.schedule.items():
        what = "weight of the term in the loss" if name.startswith("weight/") else "learning rate"
        yield f"schedule/{name}", value, f"{what} at this step"
    if entry.images_per_second:
        yield "speed/images_per_second", entry.images_per_second, "images per second since training began or resumed"
