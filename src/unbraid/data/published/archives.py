"""Members of archives and folders, read one at a time and never unpacked.

Nothing is written to a path that an archive names, so that no name and no link in it leads anywhere.
"""

from __future__ import annotations

import os
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from unbraid.errors import CorruptFile, DataUnavailable, UnbraidError

MOST_MEMBERS = 5_000_000
MOST_BYTES = 64 << 20
"""Of one member; none of the data sets here has a larger one."""
MOST_INFLATION = 1_100
"""Deflate makes no more than 1,032 bytes of one."""
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True)
class Members:
    """Members of an archive or a folder, by their keys, ascending.

    Args:
        where: the archive or folder.
        sizes: bytes of each member.
        opened: the content of a member.
    """

    where: Path
    sizes: Mapping[str, int]
    opened: Callable[[str], bytes]

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[str]:
        return iter(self.sizes)

    def read(self, key: str) -> bytes:
        """The content of a member; raises `CorruptFile` where it is damaged or too large."""
        if self.sizes[key] > MOST_BYTES:
            raise CorruptFile(
                f"{key} in {self.where} announces {self.sizes[key]:,} bytes; allowed: {MOST_BYTES:,}. Get the archive again."
            )
        with damage(self.where):
            content = self.opened(key)
        if len(content) != self.sizes[key]:
            raise CorruptFile(f"{key} in {self.where} has {len(content):,} bytes of {self.sizes[key]:,}. Get it again.")
        return content


@contextmanager
def damage(path: Path) -> Iterator[None]:
    """Turn what readers of archives and of their contents raise into `CorruptFile`.

    What may not be read is `DataUnavailable`.
    """
    try:
        yield
    except _DAMAGE as error:
        if isinstance(error, UnbraidError):
            raise
        if isinstance(error, PermissionError):
            raise DataUnavailable(f"{path} may not be read ({error.strerror}); get the permission to read it.") from error
        reason = str(error).rstrip(".") or "it ends too early"
        raise CorruptFile(f"{path} is truncated or damaged ({reason}). Get it again.") from error


@contextmanager
def members(path: Path, pattern: str) -> Iterator[Members]:
    """The members of a zip archive, a plain tar archive or a folder whose whole name fits a pattern.

    Names have slashes between their parts and begin below the folder or at the top of the archive. The first group of the
    pattern is the key of a member; without a group it is the name. Links and all that is no file are passed over.

    Raises `CorruptFile` for what is damaged, for two members with one key, and where no member fits.
    """
    fits = re.compile(pattern)
    with ExitStack() as stack:
        with damage(path):  # which is not about what is done with the members
            if path.is_dir():
                found = _folder(path, fits)
            elif path.suffix.lower() in (".zip", ".sh3f"):
                found = _zip(path, stack.enter_context(zipfile.ZipFile(path)), fits)
            else:
                found = _tar(path, stack.enter_context(tarfile.open(path, "r:")), fits)
        yield found


def _keyed(path: Path, names: Iterable[str], fits: re.Pattern[str]) -> dict[str, str]:
    """Names by their keys, in the order of the keys."""
    found: dict[str, str] = {}
    for i, name in enumerate(names):
        if i == MOST_MEMBERS:
            raise CorruptFile(f"{path} holds more than {MOST_MEMBERS:,} members. Get it again.")
        match = fits.fullmatch(name)
        if match is None:
            continue
        key = match[1] if fits.groups else name
        if key in found:
            raise CorruptFile(f"{path} holds {found[key]} and {name}, which are the same image. Get it again.")
        found[key] = name
    if not found:
        raise CorruptFile(f"{path} holds no file whose name fits {fits.pattern}. Get it again, or name another folder.")
    return {key: found[key] for key in sorted(found)}


def _folder(path: Path, fits: re.Pattern[str]) -> Members:
    below = ((Path(folder) / file).relative_to(path).as_posix() for folder, _, files in os.walk(path) for file in files)
    names = _keyed(path, below, fits)
    sizes = {key: (path / name).stat().st_size for key, name in names.items()}
    return Members(path, sizes, lambda key: (path / names[key]).read_bytes())


def _zip(path: Path, archive: zipfile.ZipFile, fits: re.Pattern[str]) -> Members:
    names = _keyed(path, (info.filename for info in archive.infolist() if not info.is_dir()), fits)
    infos = {key: archive.getinfo(name) for key, name in names.items()}
    return Members(path, {key: info.file_size for key, info in infos.items()}, lambda key: archive.read(infos[key]))


def _tar(path: Path, tar: tarfile.TarFile, fits: re.Pattern[str]) -> Members:
    files = {info.name.removeprefix("./"): info for info in tar if info.isreg()}
    names = _keyed(path, files, fits)

    def opened(key: str) -> bytes:
        handle = tar.extractfile(files[names[key]])
        return handle.read() if handle else b""

    return Members(path, {key: files[name].size for key, name in names.items()}, opened)


def stream(path: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    """Keys and contents of the members of a gzipped tar archive, in its order; see `members`.

    Raises `CorruptFile` for what is damaged, for a member that is too large and for an archive that inflates beyond all bounds.
    """
    fits, read = re.compile(pattern), 0
    most = MOST_INFLATION * path.stat().st_size
    with damage(path), tarfile.open(path, "r|gz") as tar:
        for i, info in enumerate(tar):
            read += info.size
            if i == MOST_MEMBERS or read > most:
                raise CorruptFile(f"{path} announces {i + 1:,} members of {read:,} bytes or more. Get it again.")
            match = fits.fullmatch(info.name.removeprefix("./")) if info.isreg() else None
            if match is None:
                continue
            if info.size > MOST_BYTES:
                raise CorruptFile(
                    f"{info.name} in {path} announces {info.size:,} bytes; allowed: {MOST_BYTES:,}. Get it again."
                )
            handle = tar.extractfile(info)
            yield (match[1] if fits.groups else info.name), handle.read() if handle else b""
