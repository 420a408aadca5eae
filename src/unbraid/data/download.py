"""Downloads of data sets into the cache: from several mirrors, resumed, limited and checked."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from unbraid.data.cache import held_part, writing_cache
from unbraid.data.files.beginnings import page_title, wrong_beginning
from unbraid.data.files.gzipped import raw_sha256
from unbraid.errors import CorruptFile, DataUnavailable
from unbraid.files import sync_folder
from unbraid.progress import Progress, reporting

TIMEOUT = (10.0, 30.0)
"""Seconds without a connection, and without any byte from the server, after which it counts as silent."""
TRIES = 3
"""Tries in a row that bring nothing new, after which a mirror is given up."""
BACKOFF = 1.0
"""Seconds before the second try; twice as many before each later one."""
SLOWEST, WINDOW = 1_000, 60.0
"""A mirror that sends fewer bytes per second, over so many seconds, is given up."""
LARGEST = 1 << 36
"""Bytes of a file whose size is not published."""
_CHUNK = 1 << 14
_NOT_THE_REST, _LATER = 416, {408, 416, 429}


class _MirrorFailed(Exception):
    """A mirror did not give the file; `passing` where another try may help."""

    def __init__(self, reason: str, *, passing: bool) -> None:
        super().__init__(reason)
        self.passing = passing


def fetch(urls: Sequence[str], path: Path, *, sha256: str, size: int, hint: str = "") -> Path:
    """Download a file, check it and put it in its place, over any other file that is there.

    The digest is that of the decompressed content: mirrors compress the same content anew, which changes the bytes of a .gz
    file but not what is in it. What arrives is kept in a `.part` file beside the path until it is whole, so that a
    transfer that broke off, or a process that died, goes on from there. A second process that wants the same file waits. No
    more than the expected size is taken from a mirror, and one that sends next to nothing is given up.

    Args:
        urls: where from, over HTTP or HTTPS; tried in this order.
        path: where to.
        sha256: digest of the decompressed content, in hexadecimal.
        size: bytes of the decompressed content.
        hint: another way to get the file, for the error.

    Raises `DataUnavailable` where no mirror gives the expected file or it cannot be written.
    """
    return _fetch(urls, path, _Content(sha256, size), hint)


def fetch_file(urls: Sequence[str], path: Path, *, digest: str = "", size: int | None = None, hint: str = "") -> Path:
    """The same for a file that is checked as it was sent, not by what it decompresses to.

    Args:
        urls: where from, in this order.
        path: where to; the ending says how the file must begin.
        digest: "md5:..." or "sha256:..." of the file; empty where none is published. Then a file is taken that the server
            sent to its end and that begins as its ending says.
        size: bytes of the file, where published.
        hint: another way to get the file, for the error.

    Raises as `fetch` does.
    """
    return _fetch(urls, path, Whole(path.name, digest, size), hint)


def _fetch(urls: Sequence[str], path: Path, expected: Whole | _Content, hint: str) -> Path:
    with writing_cache(path), held_part(path) as part:
        name = Path(part.name)
        if path.is_file() and not expected.wrong(path):  # another process was faster
            name.unlink()
            return path
        if _size(part) == 0 or not expected.certain or expected.wrong(name):
            _fill(urls, part, path, expected, hint)
        os.fsync(part.fileno())
        name.replace(path)
        sync_folder(path.parent)
    return path


@dataclass(frozen=True)
class Whole:
    """A file as it is sent.

    The ending of its name says how it begins; digest and size are checked where they are published.
    """

    name: str
    digest: str = ""
    size: int | None = None

    @property
    def most(self) -> int:
        """Bytes that it can have."""
        return LARGEST if self.size is None else self.size

    @property
    def certain(self) -> bool:
        """Whether a file that is not wrong is known to be whole."""
        return bool(self.digest)

    def wrong(self, path: Path) -> str:
        """What is wrong with a file; empty where nothing is."""
        if problem := wrong_beginning(path, self.name):
            return problem
        size = path.stat().st_size
        if self.size is not None and size != self.size:
            return f"it has {size:,} bytes, expected {self.size:,}"
        kind, _, expected = self.digest.partition(":")
        if not expected:
            return ""
        with path.open("rb") as handle:
            found = hashlib.file_digest(handle, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()
        return "" if found == expected else f"its {kind.upper()} is {found}, expected {expected}"


@dataclass(frozen=True)
class _Content:
    """The content of a file, once decompressed."""

    sha256: str
    size: int
    certain = True

    @property
    def most(self) -> int:
        """Bytes that it can have compressed: what does not shrink grows by little."""
        return self.size + self.size // 1000 + 1024

    def wrong(self, path: Path) -> str:
        """What is wrong with a file; empty where it is the expected one."""
        if problem := wrong_beginning(path, ""):
            return problem
        try:
            digest = raw_sha256(path, most=self.size)
        except CorruptFile as error:
            return f"it is no valid gzip file ({error.__cause__})" if error.__cause__ else str(error)
        return "" if digest == self.sha256 else f"the SHA-256 of its decompressed content is {digest}, expected {self.sha256}"


def _fill(urls: Sequence[str], part: BinaryIO, path: Path, expected: Whole | _Content, hint: str) -> None:
    failures = []
    for url in urls:
        try:
            with reporting(f"downloading {path.name}") as report:
                _from_mirror(url, part, expected, report)
            return
        except _MirrorFailed as failure:
            failures.append(f"{url}: {str(failure).rstrip('.')}")
    kept = "What has arrived is kept, and the next try goes on from there. " if _size(part) else ""
    raise DataUnavailable(
        f"Could not download {path.name} to {path}. Tried {'; '.join(failures)}. {kept}Try again later, or with "
        f"internet; or put the file there yourself. {hint}".strip()
    )


def _from_mirror(url: str, part: BinaryIO, expected: Whole | _Content, report: Progress) -> None:
    tries, furthest = 0, _size(part)
    while True:
        tries += 1
        try:
            resumed = _transfer(url, part, expected.most, report)
            wrong = expected.wrong(Path(part.name))
            if not wrong:
                return
            part.truncate(0)
            # what was there before need not be the beginning of this mirror's file, so that alone proves nothing
            raise _MirrorFailed(f"not the expected file: {wrong}", passing=resumed)
        except _MirrorFailed as failure:
            if _size(part) > furthest:  # it gets on, if slowly
                tries, furthest = 1, _size(part)
            if not failure.passing or tries == TRIES:
                raise
        time.sleep(BACKOFF * 2 ** (tries - 1))


def _transfer(url: str, part: BinaryIO, most: int, report: Progress) -> bool:
    """Fill the part, up to so many bytes; returns whether with the rest of a file only."""
    import requests

    start = _size(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        with requests.get(url, stream=True, timeout=TIMEOUT, headers=headers) as response:
            resumed = response.status_code == 206
            pieces = _no_page(response) if response.status_code == 200 else _pieces(response)
            if response.status_code in (200, _NOT_THE_REST):  # all of it, or there is no rest
                part.truncate(0)
            response.raise_for_status()
            before = start if resumed else 0
            length = _length(response.headers.get("Content-Length"), url)
            if before + (length or 0) > most:
                raise _MirrorFailed(f"announces {before + (length or 0):,} bytes; expected at most {most:,}", passing=False)
            _receive(pieces, part, before, most, length, report)
    except requests.RequestException as error:
        raise _described(error, url) from error
    return resumed


def _length(announced: str | None, url: str) -> int | None:
    try:
        return None if announced is None else int(announced)
    except ValueError as error:
        raise _MirrorFailed(f"{urlsplit(url).netloc} sent a malformed answer ({error})", passing=False) from error


def _no_page(response: Any) -> Iterable[bytes]:
    """What arrives; raises where that is a web page, before what is here already is given up for it."""
    pieces = _pieces(response)
    start = list(islice(pieces, 4)) if "html" in response.headers.get("Content-Type", "").lower() else []
    title = page_title(b"".join(start))
    if title is not None:
        raise _MirrorFailed(f"answers with a web page ({title}) in the place of the file", passing=False)
    return chain(start, pieces)


def _receive(pieces: Iterable[bytes], part: BinaryIO, before: int, most: int, length: int | None, report: Progress) -> None:
    # pieces are taken as they arrive, however small: whoever waits for a whole chunk never notices that it trickles
    done, since, then = before, before, time.monotonic()
    for piece in pieces:
        done += len(piece)
        if done > most:
            part.truncate(0)
            raise _MirrorFailed(f"sends more than the {most:,} bytes that were expected", passing=False)
        part.write(piece)
        if length:
            report(min(done, before + length), before + length)
        if (seconds := time.monotonic() - then) >= WINDOW:
            if done - since < SLOWEST * seconds:
                raise _MirrorFailed(f"sends less than {SLOWEST:,} bytes per second", passing=False)
            since, then = done, time.monotonic()
    part.flush()


def _pieces(response: Any) -> Iterator[bytes]:
    """What has arrived, a piece at a time, with the errors that requests raises."""
    from requests import exceptions
    from urllib3.exceptions import ProtocolError, ReadTimeoutError, SSLError

    try:
        while piece := response.raw.read1(_CHUNK):
            yield piece
    except ProtocolError as error:
        raise exceptions.ChunkedEncodingError(error) from error
    except ReadTimeoutError as error:
        raise exceptions.ConnectionError(error) from error
    except SSLError as error:
        raise exceptions.SSLError(error) from error


def _described(error: Exception, url: str) -> _MirrorFailed:
    from requests import exceptions
    from urllib3.exceptions import MaxRetryError, ReadTimeoutError

    host = urlsplit(url).netloc
    cause = error.args[0] if error.args else None
    match error:
        case exceptions.HTTPError(response=response) if response is not None:
            status = response.status_code
            return _MirrorFailed(f"answered {status} {response.reason}", passing=status >= 500 or status in _LATER)
        case exceptions.SSLError() | exceptions.ProxyError():
            return _MirrorFailed(f"no connection to {host} ({cause})", passing=False)
        case exceptions.ConnectTimeout():
            return _MirrorFailed(f"{host} did not answer in time", passing=False)
        case exceptions.ConnectionError() if isinstance(cause, MaxRetryError):
            return _MirrorFailed(f"no connection to {host}", passing=False)
        case exceptions.ReadTimeout() | exceptions.ConnectionError(args=[ReadTimeoutError(), *_]):
            return _MirrorFailed(f"{host} did not answer in time", passing=True)
        case exceptions.ConnectionError() | exceptions.ChunkedEncodingError():
            return _MirrorFailed(f"{host} broke off before the end", passing=True)
        case _:
            return _MirrorFailed(str(error), passing=False)


def _size(part: BinaryIO) -> int:
    part.flush()
    return os.fstat(part.fileno()).st_size
