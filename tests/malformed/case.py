"""One malformed input of a data set, and what every one of them must do."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from unbraid.data.dataset import load_dataset
from unbraid.errors import UnbraidError

MOST_MEMORY = 64 << 20
"""Bytes that refusing a small file may take."""


@dataclass(frozen=True)
class Case:
    """An input that must be refused.

    Args:
        data: the data set as a user names it, "npz:/tmp/x.npz".
        says: what the message must hold.
        options: of the data set.
    """

    data: str
    says: str
    options: Mapping[str, object] = field(default_factory=dict)

    @property
    def tokens(self) -> list[str]:
        """The same for the command line, after `unbraid train MODEL`."""
        words = [self.data]
        for name, value in self.options.items():
            flag = f"--{name.replace('_', '-')}"
            words += [flag] if value is True else [flag, str(value)]
        return words


Build = Callable[[Path], Case]


def built(builders: Mapping[str, Build], folder: Path) -> dict[str, Case]:
    """All cases by name, each in a folder of its own."""
    made = {}
    for name, build in builders.items():
        place = folder / name.replace(" ", "_").replace("/", "_")
        place.mkdir(parents=True)
        made[name] = build(place)
    return made


def content(folder: Path) -> dict[str, str]:
    """Every file below a folder with a digest of what is in it."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def assert_refused(case: Case, folder: Path) -> None:
    """Asserts one message in words with an exit code of its own, no file changed, and little memory taken."""
    before = content(folder)
    tracemalloc.start()
    try:
        with pytest.raises(UnbraidError) as caught:
            load_dataset(case.data, **case.options)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    text = str(caught.value)
    assert case.says in text
    assert "\n" not in text
    assert 30 < len(text) < 1500
    assert caught.value.exit_code in (1, 2)
    assert peak < MOST_MEMORY
    assert content(folder) == before
