"""Where the files of a published data set come from, on what terms, and how they get here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from unbraid.data.cache import KeptFile, cache_folder
from unbraid.data.download import Whole, fetch_file
from unbraid.data.files.beginnings import wrong_beginning
from unbraid.data.registry import datasets
from unbraid.errors import CorruptFile, DataUnavailable, UsageError
from unbraid.files import os_errors
from unbraid.options import Option

PathOption = Annotated[
    str,
    Option(
        "folder of the files that you have, as published; NAME:FOLDER is short for it; default: what `unbraid download` got"
    ),
]
SizeOption = Annotated[int, Option("image width and height in pixels", ge=8, le=512)]
GrayOption = Annotated[bool, Option("gray images instead of color")]
EmbedOption = Annotated[bool, Option("whether reports may embed the images; the license of the set decides the default")]


@dataclass(frozen=True)
class Remote:
    """A file as it is published.

    Args:
        name: of the file.
        urls: where it can be had, in the order in which they are tried; none where it has to be got by hand.
        digest: "md5:..." or "sha256:..." of the file; empty where no checksum is published.
        size: bytes, where published.
        unpacked: names of folders or files that hold the same, unpacked, and are as good.
    """

    name: str
    urls: tuple[str, ...] = ()
    digest: str = ""
    size: int | None = None
    unpacked: tuple[str, ...] = ()


@dataclass
class Published:
    """A data set that others publish.

    Args:
        name: registered name, and that of its folder in the cache.
        title: what people call it.
        home: page that tells of it.
        license: in words, as published; or that none was found.
        terms: what else its authors ask for; empty for nothing.
        files: all that make it.
        images: how many there are, in the store of the default options.
        image_bytes: of each of them there; 0 where nothing is stored.
        by_hand: how to get the files in a browser, steps divided by "; ".
    """

    name: str
    title: str
    home: str
    license: str
    terms: str
    files: tuple[Remote, ...]
    by_hand: str
    images: int
    image_bytes: int = 3 * 64 * 64

    @property
    def folder(self) -> Path:
        """Where downloaded files are kept."""
        return cache_folder() / self.name

    @property
    def size(self) -> str:
        """How much is downloaded, in words."""
        sizes = [remote.size for remote in self.files if remote.urls]
        known = sum(size for size in sizes if size)
        shown = f"{known / 1e9:,.1f} GB" if known >= 1e9 else f"{known / 1e6:,.1f} MB"
        if not known:
            return "size not published"
        return f"more than {shown}" if None in sizes else shown

    @property
    def room(self) -> str:
        """How much more the store takes on the disk, in words; empty for nothing."""
        size = self.images * self.image_bytes
        return f"{size / 1e9:,.1f} GB more once it is converted" if size else ""

    @property
    def steps(self) -> str:
        """How to get the files by hand, numbered."""
        steps = (*self.by_hand.split("; "), f"unbraid train MODEL {self.name}:FOLDER")
        return "By hand: " + " ".join(
            f"({i}) {step[0].upper() if i < len(steps) else step[0]}{step[1:]}." for i, step in enumerate(steps, 1)
        )

    def find(self, name: str, path: str = "") -> Path | None:
        """Where a file lies, as published or unpacked, in a place or the cache; None where it does not."""
        remote = self._remote(name)
        place = Path(path).expanduser() if path else self.folder
        with os_errors(f"look for {name} in {place}", "Check its permissions."):
            if place.is_file():
                if name == self.files[0].name:
                    return place
                place = place.parent
            return next((place / one for one in (name, *remote.unpacked) if (place / one).exists()), None)

    def _remote(self, name: str) -> Remote:
        return next(remote for remote in self.files if remote.name == name)

    def get(self, name: str, path: str = "") -> Path:
        """The same where the file must be there.

        Raises `DataUnavailable` or `UsageError` with the ways to get it, and `CorruptFile` for a file that begins like
        another kind of file, such as a web page.
        """
        found = self.find(name, path)
        if found is None:
            others = "".join(f" nor {other}" for other in self._remote(name).unpacked)
            if path:
                raise UsageError(f"{Path(path).expanduser()} holds no {name}{others}. {self.steps}")
            fetching = f"Fetch it, once: unbraid download {self.name}. " if any(one.urls for one in self.files) else ""
            raise DataUnavailable(f"{self.title} is not here: no {name} in {self.folder}. {fetching}{self.steps}")
        if found.is_file() and (problem := wrong_beginning(found, found.name)):
            raise CorruptFile(f"{found} is not {name} of {self.title}: {problem}. Remove it. {self.steps}")
        return found

    def kept(self) -> tuple[KeptFile, ...]:
        """The files that can be downloaded."""
        return tuple(
            KeptFile(partial(self.find, remote.name), partial(self._get_sound, remote), "download")
            for remote in self.files
            if remote.urls
        )

    def _get_sound(self, remote: Remote) -> Path:
        found = self.find(remote.name)
        if found is not None and (found.is_dir() or not Whole(found.name, *_known(remote, found)).wrong(found)):
            return found
        return fetch_file(remote.urls, self.folder / remote.name, digest=remote.digest, size=remote.size, hint=self.steps)

    def registered(self, *, source: str, **details: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """A decorator that registers what makes the data set of its files.

        Args:
            source: of the data set, as cited.
            details: further ones of the entry.
        """
        return datasets.register(
            self.name, source=source, paths=("path",), files=self.present, kept=self.kept, origin=self, **details
        )

    def notes(self, n: int) -> tuple[str, ...]:
        """A note where the files hold another number of images than were published."""
        if n == self.images:
            return ()
        return (f"These files hold {n:,} images; {self.title} as published has {self.images:,}.",)

    def present(self, options: Mapping[str, Any]) -> list[Path]:
        """The files and folders that are read with these options."""
        return [found for remote in self.files if (found := self.find(remote.name, options["path"]))]

    def stamp(self, path: str) -> list[tuple[str, int, int]]:
        """Names, sizes and times of all files, also of those in folders: they change when the data do."""
        return [known for found in self.present({"path": path}) for known in _stamps(found)]


def _known(remote: Remote, found: Path) -> tuple[str, int | None]:
    """Digest and size that a file must have; none for what is unpacked."""
    return (remote.digest, remote.size) if found.name == remote.name else ("", None)


def _stamps(path: Path) -> Iterator[tuple[str, int, int]]:
    if path.is_file():
        status = path.stat()
        yield path.name, status.st_size, status.st_mtime_ns
        return
    with os_errors(f"read {path}", "Check its permissions."):
        for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                yield from _stamps(Path(entry.path))
            elif entry.is_file():
                status = entry.stat()
                yield entry.name, status.st_size, status.st_mtime_ns
