"""How files begin: whether one is what its name says, or a web page that was saved under that name."""

from __future__ import annotations

import html
import re
from pathlib import Path

from unbraid.files import os_errors

_LONGEST_TITLE = 80
_START = 1 << 16
_PAGE = re.compile(rb"[\xef\xbb\xbf\s]*<(?:!doctype\s+html|html|head)\b", re.IGNORECASE)
_TITLE = re.compile(rb"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_BEGINNINGS = {
    ".zip": (0, b"PK", "a zip archive"),
    ".npz": (0, b"PK", "an .npz file"),
    ".gz": (0, b"\x1f\x8b", "a gzip file"),
    ".tar": (257, b"ustar", "a tar archive"),
    ".h5": (0, b"\x89HDF", "an HDF5 file"),
}
"""By the ending of a file's name: at which byte stands what."""


def page_title(start: bytes) -> str | None:
    """Title of a web page, in quotes, by its first bytes; None for anything else."""
    if not _PAGE.match(start):
        return None
    found = _TITLE.search(start)
    words = " ".join(html.unescape(found[1].decode("utf-8", "replace")).split()) if found else ""
    shown = "".join(letter for letter in words if letter.isprintable())[:_LONGEST_TITLE]
    return f"{shown!r}" if shown else "without a title"


def wrong_beginning(path: Path, name: str) -> str:
    """What is wrong with how a file begins, by the ending of its name; empty where nothing is.

    Raises `UnbraidError` where it cannot be read.
    """
    with os_errors(f"read {path}", "Check that the file is there and may be read."), path.open("rb") as handle:
        start = handle.read(_START)
    title = page_title(start)
    if title is not None:
        return f"it is a web page ({title}) under the name of the file: a login, a quota or a warning came in its place"
    at, expected, kind = _BEGINNINGS.get(Path(name).suffix.lower(), (0, b"", ""))
    if not start:
        return "it is empty"
    return "" if start[at : at + len(expected)] == expected else f"it does not begin like {kind}"
