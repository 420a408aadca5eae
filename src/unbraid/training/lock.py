"""Who may write to a run folder: one process at a time, and only to the folder that it began with."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from unbraid.errors import UnbraidError, warn
from unbraid.files import is_running, os_errors, place

LOCK = ".lock"
_REMEDY = "Wait for it, or give another --out."


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Lock the run folder; a second process that wants it is refused.

    The system releases the lock when the process dies.

    Who holds it is written into the lock. On file systems that have no locks that is all there is: a process on the same
    machine is refused, one on another machine takes the folder over, and the first notices before it writes (`Claim`).

    Raises `UnbraidError` where another process holds it.
    """
    with os_errors(f"make run folder {folder}", "Give another --out."):
        folder.mkdir(parents=True, exist_ok=True)
    while True:
        with os_errors(f"make run folder {folder}", "Give another --out."):
            handle = (folder / LOCK).open("a+", encoding="utf-8")
        with handle:
            _lock(handle, folder)
            if not _is(handle, folder / LOCK):  # the folder was removed, or made anew, while this waited
                if not folder.is_dir():
                    raise UnbraidError(f"{folder} was removed while it was opened; give the command again.")
                continue
            owner = {"place": place(), "process": os.getpid(), "token": secrets.token_hex(16)}
            with os_errors(f"write {folder / LOCK}", "Free some space there or give another --out."):
                _write(handle, json.dumps(owner))
            try:
                yield
            finally:
                with suppress(OSError):  # the disk may be full
                    if _is(handle, folder / LOCK) and _read(handle) == json.dumps(owner):
                        _write(handle, "")
        return


def _lock(handle: IO[str], folder: Path) -> None:
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UnbraidError(f"{folder} is in use by another unbraid process{_who(handle)}. {_REMEDY}") from None
    except (ImportError, OSError) as error:  # neither on this system nor on this file system
        process = _owner(handle)
        if process is not None and process != os.getpid() and is_running(process):
            raise UnbraidError(f"{folder} is in use by another unbraid process{_who(handle)}. {_REMEDY}") from None
        warn(
            f"There are no locks where {folder} lies ({getattr(error, 'strerror', None) or error}). Let no process on another "
            "machine write to it meanwhile: it would take the folder over, and this one would stop at its next checkpoint."
        )


def _owner(handle: IO[str]) -> int | None:
    """The process that the lock names, if it is, or was, one of this machine."""
    with suppress(OSError, ValueError):
        owner = json.loads(_read(handle))
        if isinstance(owner, dict) and owner.get("place") == place() and type(owner.get("process")) is int:
            return int(owner["process"])
    return None


def _who(handle: IO[str]) -> str:
    process = _owner(handle)
    return "" if process is None else f" (process {process})"


def _read(handle: IO[str]) -> str:
    handle.seek(0)
    return handle.read(10_000)


def _write(handle: IO[str], text: str) -> None:
    handle.seek(0)
    handle.truncate()
    handle.write(text)
    handle.flush()


def _is(handle: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except OSError:
        return False


@dataclass(frozen=True)
class Claim:
    """A run folder as it was when writing to it began: the same folder, held by the same process."""

    folder: Path
    owner: str

    @classmethod
    def of(cls, folder: Path) -> Claim:
        """The folder as it is now."""
        return cls(folder, _content(folder))

    def require(self) -> None:
        """Raise `UnbraidError` where the folder was removed, made anew or taken over."""
        if _content(self.folder) != self.owner:
            raise UnbraidError(
                f"{self.folder} is not the folder that this run began in: it was removed, replaced, or taken over by another "
                "process. Nothing more is written there. Start the run again with another --out."
            )


def _content(folder: Path) -> str:
    try:
        return (folder / LOCK).read_text(encoding="utf-8")
    except OSError:
        return "no lock" if folder.is_dir() else "no folder"
