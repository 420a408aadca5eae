"""Requests that must be refused, whatever they read, and what every one of them must do."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from helpers.tiny import TINY
from malformed.case import MOST_MEMORY, content
from unbraid.cli.main import main
from unbraid.errors import UnbraidError

FAST = ("--steps", "4", "--batch-size", "16", "--latent-dim", "3", "--device", "cpu", "--no-report")
SMALL = ("--encoder", "mlp", "--encoder-width", "8", "--decoder", "mlp", "--decoder-width", "8")
TRAIN = ("train", "beta_vae", TINY, *FAST, *SMALL)
"""Of this command is the run that cases spoil."""
MOST_ADDRESSES = 1 << 30
"""Bytes of memory that a case may ask the system for, used or not."""
LONGEST = 8
"""Lines of a message."""


@dataclass(frozen=True)
class Wrong:
    """A request that must be refused.

    Args:
        request: words of the command line after `unbraid`, or a call.
        says: what the message must hold: what was given, and what to do.
        code: the exit code, 2 for requests that cannot be, 1 for files that are damaged or missing.
        heavy: whether its memory is watched closely, which takes time.
        writes: whether it may write files, as a run does that fails on its way.
    """

    request: tuple[object, ...] | Callable[[], object]
    says: tuple[str, ...]
    code: int
    writes: bool = False
    heavy: bool = False


@dataclass(frozen=True)
class Place:
    """Where a case puts its files.

    Args:
        folder: empty, and the working directory.
        finished: a run that has ended, for all cases; not to be changed.
        patch: undone after the case.
    """

    folder: Path
    finished: Path
    patch: pytest.MonkeyPatch

    @property
    def cache(self) -> Path:
        """The cache of data sets."""
        return self.folder / "cache"

    def run(self) -> Path:
        """A copy of the finished run."""
        return shutil.copytree(self.finished, self.folder / "run")

    def saved(self) -> Path:
        """The same model as `Model.save` writes it."""
        import unbraid

        return unbraid.load(self.finished, device="cpu").save(self.folder / "saved")


Build = Callable[[Place], Wrong]


def checkpoint_of(run: Path) -> Path:
    """The newest checkpoint of a run."""
    return sorted((run / "checkpoints").iterdir())[-1]


def altered(path: Path, change: Callable[[Any], Any]) -> None:
    """Write a JSON file anew with other content; NaN and infinities as Python writes them."""
    path.write_text(json.dumps(change(json.loads(path.read_text()))))


def flipped(path: Path, place: int, bit: int = 1) -> None:
    """Flip a bit of a file; places below 0 count from its end."""
    data = bytearray(path.read_bytes())
    data[place] ^= bit
    path.write_bytes(data)


def check_refused(wrong: Wrong, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """One message in words, the right exit code, no file changed, no memory taken."""
    capsys.readouterr()
    before = content(place.folder), content(place.finished)
    with _little_memory(wrong.heavy):
        code, text = _command(wrong.request, capsys) if isinstance(wrong.request, tuple) else _call(wrong.request)
    for word in wrong.says:
        assert word in text, text
    assert code == wrong.code, text
    assert 30 < len(text) < 3000, text
    assert len(text.splitlines()) <= LONGEST, text
    for sign in ("Traceback", "defect of unbraid", "out of memory", "TypeCheckError"):
        assert sign not in text, text
    assert text.rstrip().endswith((".", "?", ")", "'", "--help", "plural")) or " See: " in text, text
    after = content(place.folder), content(place.finished)
    assert after[1] == before[1]
    assert wrong.writes or after[0] == before[0]


def _command(tokens: tuple[object, ...], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main([str(token) for token in tokens])
    shown = capsys.readouterr()
    lines = shown.err.splitlines()
    errors = [number for number, line in enumerate(lines) if line.startswith("Error: ")]
    assert len(errors) == 1, shown.err
    assert "Traceback" not in shown.err
    return code, "\n".join(lines[errors[0] :])


def _call(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(UnbraidError) as caught:
        call()
    return caught.value.exit_code, str(caught.value)


@contextmanager
def _little_memory(closely: bool) -> Iterator[None]:
    """What all libraries ask for stays below a limit, and what Python allocates below that of `case`, if watched closely."""
    limits = None
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[5])
        limits = resource.getrlimit(resource.RLIMIT_DATA)
        most = pages * os.sysconf("SC_PAGE_SIZE") + MOST_ADDRESSES
        resource.setrlimit(resource.RLIMIT_DATA, (most, limits[1]))
    peak = 0
    if closely:
        tracemalloc.start()
    try:
        yield
        if closely:
            _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        if limits is not None:
            resource.setrlimit(resource.RLIMIT_DATA, limits)
    assert peak < MOST_MEMORY


def prefixed(kind: str, builders: Mapping[str, Build]) -> dict[str, Build]:
    """Cases with the kind of their input before their names."""
    return {f"{kind}: {name}": build for name, build in builders.items()}
