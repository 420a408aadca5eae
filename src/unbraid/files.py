"""Writing files whole or not at all, and reading JSON with errors in words."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from unbraid.errors import CorruptFile, UnbraidError, UsageError

PAGE = ("html", "htm")
"""Endings of a page, which is one HTML file."""

OLDEST_TEMPORARY = 24 * 3600.0
"""Seconds since the last write to a temporary file of another machine after which its writer is taken to be gone."""
_TEMPORARY = re.compile(r"\.unbraid-(?P<place>[0-9a-f]{8})-(?P<process>\d{1,9})-[0-9a-f]{8}")
LARGEST_JSON = 64 << 20
"""Bytes; what we write is far smaller."""


@contextmanager
def os_errors(doing: str, remedy: str) -> Iterator[None]:
    """Turn errors of the system (full disk, no permission) into errors that say what to do."""
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


@cache
def place() -> str:
    """Eight hexadecimal digits for where process numbers mean what they mean here.

    Host, start of the system, container.
    """
    parts = [platform.node()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        parts.append(str(Path("/proc/self/ns/pid").stat().st_ino))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


def is_running(process: int) -> bool:
    """Whether there is a process with this number here; True where the system does not tell."""
    if os.name == "nt":  # there, signal 0 would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def temporary_beside(path: Path) -> Path:
    """A name in the same folder that no other process takes, on any machine or in any container."""
    return path.with_name(f".unbraid-{place()}-{os.getpid()}-{secrets.token_hex(4)}")


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files and folders that no process needs.

    Their processes are gone, or may be on other machines and the files are a day old.
    """
    with suppress(OSError):
        for entry in os.scandir(folder):
            named = _TEMPORARY.fullmatch(entry.name)
            if not named:
                continue
            gone = named["place"] == place() and not is_running(int(named["process"]))
            if gone or time.time() - entry.stat(follow_symlinks=False).st_mtime > OLDEST_TEMPORARY:
                remove(Path(entry.path))


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it, as far as it can be."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def require_regular(path: Path, what: str) -> None:
    """Raise `CorruptFile` for a path that is there and not a file: reading a pipe would wait for ever."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # a folder is refused by the system, in words
        raise CorruptFile(f"{what} {path} is not a file.")


def require_writable(path: Path) -> None:
    """Raise `UsageError` where no file can be made at a path, before work whose result would be lost."""
    above = path.absolute().parents
    place = next((folder for folder in above if os.path.lexists(folder)), path)  # a root has no folder above it
    if not place.is_dir():
        what = "a file, not a folder" if place.exists() else "a link to nothing"
        raise UsageError(f"{path} cannot be written: {place} is {what}. Give another name.")
    if not os.access(place, os.W_OK | os.X_OK):
        raise UsageError(f"{path} cannot be written: you may not write in the folder {place}. Give another name.")


def require_absent(path: Path, overwrite: bool) -> None:
    """Raise `UsageError` for a file that is there and is not to be replaced, or cannot be made."""
    require_writable(path)
    if path.is_dir():
        raise UsageError(f"{path} is a folder; give the name of a file.")
    if path.exists() and not overwrite:
        raise UsageError(f"{path} exists; give another name, or --overwrite to replace it.")


def kind_of_file(path: str | Path, allowed: Sequence[str]) -> str:
    """The ending of a file's name, one of those allowed. Raises `UsageError` for others."""
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in allowed:
        given = f"ends in .{kind}" if kind else "has no ending"
        raise UsageError(f"{path} {given}; allowed: {', '.join(f'.{one}' for one in allowed)}.")
    return kind


def kind_of_new_file(path: Path, allowed: Sequence[str], overwrite: bool) -> str:
    """The ending of a file that is to be written; see `kind_of_file` and `require_absent`."""
    kind = kind_of_file(path, allowed)
    require_absent(path, overwrite)
    return kind


_swept: set[Path] = set()


@contextmanager
def whole_file(path: Path, remedy: str = "Free some space there or choose another folder.") -> Iterator[Path]:
    """A temporary name to write to.

    On success the file is synced and takes its name, else nothing remains.
    """
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is not a regular file, and nothing else is replaced; give the name of a file.")
    temporary = temporary_beside(path)
    with os_errors(f"write {path}", remedy):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.parent not in _swept:
                _swept.add(path.parent)
                remove_leftovers(path.parent)
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
        require_regular(path, what)
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
