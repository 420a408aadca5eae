"""The few file operations that claims rest on, as they hold on local disks and on NFS."""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Protocol, runtime_checkable

from unbraid.files import sync_folder

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
"""What file systems without links answer."""


@runtime_checkable
class Handle(Protocol):
    """A file that this process created, for writing over its content."""

    def write(self, content: bytes) -> None:
        """Replace the content by one of the same length, in place. Raises `OSError` where the file is gone."""
        ...

    def close(self) -> None:
        """Let go of the file; it stays."""
        ...


@runtime_checkable
class Files(Protocol):
    """What claims need of a file system. Paths are relative to the sweep's folder, with slashes."""

    def create(self, path: str, content: bytes) -> Handle | None:
        """Make a file with this content, atomically; None where there is one already."""
        ...

    def read(self, path: str) -> bytes | None:
        """The content of a file; None where there is none."""
        ...

    def names(self, folder: str) -> list[str]:
        """Names of the files in a folder; none where there is no folder."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""
        ...


class _Open:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, content: bytes) -> None:
        _write_all(self._descriptor, content)
        os.fsync(self._descriptor)  # NFS sends it to the server only now

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Disk:
    """A folder on a local or shared file system.

    A file is created by linking a finished temporary file to its name: that is atomic on NFS too, and shows no half-written
    content. The reply to a link may be lost on the way, so the count of links decides whether it happened. File systems without
    links get an exclusive open instead.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def create(self, path: str, content: bytes) -> Handle | None:
        """As `Files.create`."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _link_new(target, content)
        if descriptor is None:
            return None
        sync_folder(target.parent)
        return _Open(descriptor)

    def read(self, path: str) -> bytes | None:
        """As `Files.read`."""
        try:
            return (self.root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def names(self, folder: str) -> list[str]:
        """As `Files.names`; temporary files are left out."""
        try:
            return [name for name in os.listdir(self.root / folder) if not name.startswith(".")]  # noqa: PTH208 - names alone
        except (FileNotFoundError, NotADirectoryError):
            return []

    def remove(self, path: str) -> None:
        """As `Files.remove`."""
        with suppress(FileNotFoundError):
            (self.root / path).unlink()


def _link_new(target: Path, content: bytes) -> int | None:
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    descriptor = _write_new(temporary, content)
    assert descriptor is not None, "a random name was taken"
    try:
        os.link(temporary, target)
    except FileExistsError:
        if os.fstat(descriptor).st_nlink < 2:  # else made by us: the server's reply was lost and the request sent again
            os.close(descriptor)
            return None
    except OSError as error:
        os.close(descriptor)
        if error.errno not in _NO_LINKS:
            raise
        return _write_new(target, content)
    finally:
        with suppress(OSError):
            temporary.unlink()
    return descriptor


def _write_all(descriptor: int, content: bytes) -> None:
    """Write all of it: a disk that is nearly full takes a part at first and refuses only the rest."""
    done = 0
    while done < len(content):
        done += os.pwrite(descriptor, content[done:], done)


def _write_new(path: Path, content: bytes) -> int | None:
    """A new file's descriptor; None where there is one already.

    Nothing remains of a file that could not be written.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        return None
    try:
        _write_all(descriptor, content)
        os.fsync(descriptor)
    except OSError:
        os.close(descriptor)
        path.unlink(missing_ok=True)
        raise
    return descriptor
