"""Where drawn and downloaded data are kept."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from unbraid.errors import CorruptFile, DataUnavailable, UnbraidError
from unbraid.files import os_errors, temporary_beside, whole_file
from unbraid.progress import reporting

REMEDY = "Free some space there, or set UNBRAID_CACHE to a folder that can be written."


@dataclass(frozen=True)
class KeptFile:
    """A file of a data set that is downloaded or drawn once and kept.

    Args:
        find: its path where it is here, else None; does no work.
        get: gets it where it is not here or damaged, and gives its path.
        how: where it comes from when it is not here.
    """

    find: Callable[[], Path | None]
    get: Callable[[], Path]
    how: Literal["download", "draw"]


def cache_folder() -> Path:
    """Folder of cached data: the environment variable UNBRAID_CACHE, or the user's cache folder."""
    chosen = os.environ.get("UNBRAID_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    from pooch.utils import os_cache

    return Path(os_cache("unbraid"))


@contextmanager
def writing_cache(path: Path) -> Iterator[None]:
    """Turn what the operating system refuses into a `DataUnavailable` with the way out."""
    try:
        with os_errors(f"write {path}", REMEDY):
            yield
    except (CorruptFile, DataUnavailable):
        raise
    except UnbraidError as error:
        raise DataUnavailable(str(error)) from error


@contextmanager
def cached_file(path: Path) -> Iterator[Path]:
    """A temporary name for writing a file of the cache, which appears whole or not at all.

    Raises `DataUnavailable`, with the way out, where the file cannot be written.
    """
    with writing_cache(path), whole_file(path, REMEDY) as temporary:
        yield temporary


@contextmanager
def held_part(path: Path, waiting: str = "") -> Iterator[BinaryIO]:
    """The unfinished copy of a file, `.NAME.part` beside it, open for appending and locked.

    Waits while another process holds it; the system lets go when a process dies. What is in it stays for the next time,
    unless it is renamed meanwhile; an empty one is removed. Where the file system has no locks, the copy has a name of its own
    and is removed. Raises `DataUnavailable` for a `.NAME.part` that is a link, or no file.

    Args:
        path: the file.
        waiting: what progress says while another process holds it; by default that it is downloaded.
    """
    part = path.with_name(f".{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with _opened(part) as handle:
            if not _lock(handle, waiting or f"waiting for another process to download {path.name}"):
                break
            if not _is(handle, part):  # its former holder finished, and renamed or removed it
                continue
            try:
                yield handle
            finally:
                with suppress(OSError):
                    handle.flush()
                    if _is(handle, part) and os.fstat(handle.fileno()).st_size == 0:
                        part.unlink()
            return
    part = temporary_beside(path)
    try:
        with _opened(part) as handle:
            yield handle
    finally:
        with suppress(OSError):
            part.unlink()


def _opened(part: Path) -> BinaryIO:
    """Opened for appending, and made where there is none; never through a link."""
    return open(part, "a+b", opener=_open_own)


def _open_own(path: str, _: int) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        handle = os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise DataUnavailable(f"{path} is a link, which is not written through; remove it.") from error
        raise
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        os.close(handle)
        raise DataUnavailable(f"{path} is not a file of its own; remove it.")
    return handle


def _is(handle: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _lock(handle: BinaryIO, waiting: str) -> bool:
    """Hold a file for this process alone; returns whether the system and the file system can."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with reporting(waiting) as report:
            report(0, 1)
            fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:
        return False
    return True
