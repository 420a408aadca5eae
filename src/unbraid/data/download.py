"""Fetching files of data sets into the cache: whole, and with the expected content, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from unbraid.data.cache import cached_file
from unbraid.data.gzipped import raw_sha256
from unbraid.data.progress import reporting
from unbraid.errors import CorruptFile, DataUnavailable

TIMEOUT = 30.0
"""Seconds without any byte from the server after which it counts as silent."""


class _ByteCount:
    """What pooch tells of its progress, in the form it asks for (a progress bar of tqdm)."""

    def __init__(self, report: Callable[[int, int], None]) -> None:
        self.total = 0  # bytes; pooch sets it from the server's answer, 0 where that does not say
        self._done = 0
        self._report = report

    def update(self, n: int) -> None:
        """Count n more bytes; whole chunks, so the last one may overshoot."""
        self._done = min(self._done + n, self.total)
        if self.total:
            self._report(self._done, self.total)

    def reset(self) -> None:
        """Start the count anew."""
        self._done = 0

    def close(self) -> None:
        """Nothing to close."""


def fetch(url: str, path: Path, *, sha256: str, hint: str = "") -> Path:
    """Download a file, check it and put it in its place, over any file that is there.

    The digest is that of the decompressed content: mirrors compress the same content anew, which changes the bytes of a .gz
    file but not what is in it.

    Args:
        url: where from, over HTTP or HTTPS.
        path: where to.
        sha256: digest of the decompressed content, in hexadecimal.
        hint: another way to get the file, for the error.

    Raises `DataUnavailable` where the file cannot be had or written and `CorruptFile` where something else was sent. No file is
    left in either case.
    """
    with cached_file(path) as temporary:
        with reporting(f"downloading {path.name}") as report:
            _request(url, temporary, path, _ByteCount(report), hint)
        _check(url, temporary, path, sha256, hint)
    return path


def _request(url: str, temporary: Path, path: Path, count: _ByteCount, hint: str) -> None:
    # the downloader alone: the functions of pooch around it check compressed bytes and log to the terminal
    from pooch.downloaders import HTTPDownloader
    from requests.exceptions import RequestException

    try:
        download = HTTPDownloader(progressbar=count, timeout=TIMEOUT)
        download(url, str(temporary), None)
    except RequestException as error:
        raise DataUnavailable(_sentences(f"Could not download {url} to {path}: {_reason(error, url)}", hint)) from error


def _reason(error: Exception, url: str) -> str:
    from requests import exceptions

    host = urlsplit(url).netloc
    match error:
        case exceptions.HTTPError(response=response) if response is not None:
            return f"{host} answered {response.status_code} {response.reason}"
        case exceptions.Timeout():
            return f"{host} did not answer in time"
        case exceptions.ChunkedEncodingError():
            return f"{host} broke off before the end"
        case exceptions.ConnectionError():
            return f"no connection to {host}; is there internet here?"
        case _:
            return str(error)


def _check(url: str, temporary: Path, path: Path, sha256: str, hint: str) -> None:
    try:
        digest = raw_sha256(temporary)
        if digest == sha256:
            return
        given = f"the SHA-256 of its decompressed content is {digest}, expected {sha256}"
    except CorruptFile as error:
        given = f"it is no valid gzip file ({error.__cause__})"
    raise CorruptFile(
        _sentences(f"What {url} sent is not the expected file and was not kept as {path}: {given}. Try again later", hint)
    )


def _sentences(text: str, hint: str) -> str:
    stop = "" if text.endswith("?") else "."
    return f"{text}{stop} {hint}".strip()
