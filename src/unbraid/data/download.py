"""Fetching files of data sets into the cache: from one of several mirrors, resumed where it broke off, checked."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from unbraid.data.cache import held_part, writing_cache
from unbraid.data.files.gzipped import raw_sha256
from unbraid.data.progress import Report, reporting
from unbraid.errors import CorruptFile, DataUnavailable
from unbraid.files import sync_folder

TIMEOUT = (10.0, 30.0)
"""Seconds without a connection, and without any byte from the server, after which it counts as silent."""
TRIES = 3
"""Tries in a row that bring nothing new, after which a mirror is given up."""
BACKOFF = 1.0
"""Seconds before the second try; twice as many before each later one."""
_CHUNK = 1 << 14
_NOT_THE_REST, _LATER = 416, {408, 416, 429}


class _MirrorFailed(Exception):
    """A mirror did not give the file; `passing` where another try may help."""

    def __init__(self, reason: str, *, passing: bool) -> None:
        super().__init__(reason)
        self.passing = passing


class _ByteCount:
    """What pooch tells of its progress, in the form it asks for (a progress bar of tqdm)."""

    def __init__(self, report: Report) -> None:
        self.before = 0  # bytes from earlier tries
        self.total = 0  # bytes; pooch sets it from the server's answer, 0 where that does not say
        self._done = 0
        self._report = report

    def update(self, n: int) -> None:
        """Count n more bytes; whole chunks, so the last one may overshoot."""
        self._done = min(self._done + n, self.total)
        if self.total:
            self._report(self.before + self._done, self.before + self.total)

    def reset(self) -> None:
        """Start the count anew."""
        self._done = 0

    def close(self) -> None:
        """Nothing to close."""


def fetch(urls: Sequence[str], path: Path, *, sha256: str, hint: str = "") -> Path:
    """Download a file, check it and put it in its place, over any other file that is there.

    The digest is that of the decompressed content: mirrors compress the same content anew, which changes the bytes of a .gz
    file but not what is in it. What arrives is kept in a `.part` file beside the path until it is whole, so that a
    transfer that broke off, or a process that died, goes on from there. A second process that wants the same file waits.

    Args:
        urls: where from, over HTTP or HTTPS; tried in this order.
        path: where to.
        sha256: digest of the decompressed content, in hexadecimal.
        hint: another way to get the file, for the error.

    Raises `DataUnavailable` where no mirror gives the expected file or it cannot be written.
    """
    with writing_cache(path), held_part(path) as part:
        name = Path(part.name)
        if path.is_file() and not _wrong(path, sha256):  # another process was faster
            name.unlink()
            return path
        if _size(part) == 0 or _wrong(name, sha256):
            _fill(urls, part, path, sha256, hint)
        os.fsync(part.fileno())
        name.replace(path)
        sync_folder(path.parent)
    return path


def _fill(urls: Sequence[str], part: BinaryIO, path: Path, sha256: str, hint: str) -> None:
    failures = []
    for url in urls:
        try:
            with reporting(f"downloading {path.name}") as report:
                _from_mirror(url, part, sha256, _ByteCount(report))
            return
        except _MirrorFailed as failure:
            failures.append(f"{url}: {failure}")
    kept = "What has arrived is kept, and the next try goes on from there. " if _size(part) else ""
    raise DataUnavailable(
        f"Could not download {path.name} to {path}. Tried {'; '.join(failures)}. {kept}Try again later, or with "
        f"internet; or put the file there yourself. {hint}".strip()
    )


def _from_mirror(url: str, part: BinaryIO, sha256: str, count: _ByteCount) -> None:
    tries, furthest = 0, _size(part)
    while True:
        tries += 1
        try:
            resumed = _transfer(url, part, count)
            wrong = _wrong(Path(part.name), sha256)
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


def _transfer(url: str, part: BinaryIO, count: _ByteCount) -> bool:
    # Fills the part and tells whether with the rest of a file only. pooch writes to any open file and passes on headers and
    # hooks, so its downloader can go on where another stopped; its functions around that check compressed bytes and cannot.
    from pooch.downloaders import HTTPDownloader
    from requests import RequestException, Response

    start = _size(part)
    resumed = False

    def answered(response: Response, **_: object) -> None:
        nonlocal resumed
        resumed = response.status_code == 206
        if response.status_code in (200, _NOT_THE_REST):  # all of it, or there is no rest
            part.truncate(0)
        count.reset()
        count.before = start if resumed else 0

    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        HTTPDownloader(count, _CHUNK, timeout=TIMEOUT, headers=headers, hooks={"response": answered})(url, part, None)
    except RequestException as error:
        raise _described(error, url) from error
    except ValueError as error:  # pooch, reading a length that is no number
        raise _MirrorFailed(f"{urlsplit(url).netloc} sent a malformed answer ({error})", passing=False) from error
    return resumed


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


def _wrong(path: Path, sha256: str) -> str:
    # what is wrong with a file, empty where it is the expected one
    try:
        digest = raw_sha256(path)
    except CorruptFile as error:
        return f"it is no valid gzip file ({error.__cause__})"
    return "" if digest == sha256 else f"the SHA-256 of its decompressed content is {digest}, expected {sha256}"
