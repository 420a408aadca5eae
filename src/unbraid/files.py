"""Writing files whole or not at all, and reading JSON with errors in words."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from unbraid.errors import CorruptFile, UnbraidError, UsageError

LARGEST_JSON = 64 << 20
"""Bytes; what we write is far smaller."""


@contextmanager
def os_errors(doing: str, remedy: str) -> Iterator[None]:
    """Turn what the operating system refuses (full disk, no permission) into an error that says what to do."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnbraidError(f"Could not {doing}: {reason}. {remedy}") from error


def sync_folder(folder: Path) -> None:
    """Make a rename in this folder survive a power cut, where the system can."""
    with suppress(OSError):  # some systems do not open folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def whole_file(path: Path, remedy: str = "Free some space there or choose another folder.") -> Iterator[Path]:
    """A temporary name to write to; on success the file is synced and takes its name, else nothing remains."""
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is not a regular file, and nothing else is replaced; give the name of a file.")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with os_errors(f"write {path}", remedy):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            with temporary.open("rb") as handle:
                os.fsync(handle.fileno())
            temporary.replace(path)
            sync_folder(path.parent)
        finally:
            with suppress(OSError):
                temporary.unlink()


def write_json(path: Path, content: Any) -> None:
    """Write JSON whole; NaN and infinities are refused, since JSON has none."""
    text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False)
    with whole_file(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path, what: str) -> dict[str, Any]:
    """Read a JSON object; as `write_json` writes it, without NaN, infinities and names that stand twice.

    Raises `UnbraidError` where the file cannot be read and `CorruptFile` where it does not hold such an object.
    """
    with os_errors(f"read {what} {path}", "Check the path."):
        size = path.stat().st_size
        if size > LARGEST_JSON:
            raise CorruptFile(f"{what} {path} has {size:,} bytes; allowed: {LARGEST_JSON:,}. It was altered.")
        raw = path.read_bytes()
    try:
        content = json.loads(raw, parse_constant=_no_constant, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise CorruptFile(f"{what} {path} is not valid JSON ({error}). It is truncated or was altered.") from None
    if not isinstance(content, dict):
        raise CorruptFile(f"{what} {path} holds a {type(content).__name__}, not a JSON object.")
    return content


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!r} stands twice")
    return content
