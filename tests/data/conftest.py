"""Caches that live in temporary folders, and a file server on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from helpers.file_server import Answer, Server, serving
from unbraid.data.dataset import Dataset, load_dataset
from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.sets import dsprites as dsprites_module
from unbraid.data.storage import ByteImages
from unbraid.progress import listening


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder of the test's own, not yet made."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("UNBRAID_CACHE", str(folder))
    return folder


@dataclass
class Heard:
    """What long work told its listener."""

    titles: list[str] = field(default_factory=list)
    reports: list[tuple[int, int]] = field(default_factory=list)
    closed: int = 0

    @contextmanager
    def __call__(self, title: str):
        self.titles.append(title)
        yield lambda done, total: self.reports.append((done, total))
        self.closed += 1


@pytest.fixture
def heard() -> Iterator[Heard]:
    listener = Heard()
    with listening(listener):
        yield listener


@pytest.fixture(scope="session")
def whole_dsprites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dataset]:
    """All of dSprites, drawn once for all tests."""
    folder = tmp_path_factory.mktemp("dsprites")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNBRAID_CACHE", str(folder))
        yield load_dataset("dsprites")
    for path in folder.iterdir():  # 377 MB that nobody wants to look at
        path.unlink()


@pytest.fixture
def small_dsprites(monkeypatch: pytest.MonkeyPatch) -> FactorSpace:
    """dSprites cut down to two orientations and one scale, so that drawing takes milliseconds."""
    space, _ = dsprites_module.dsprites_space().subgrid(scale=[5], orientation=[0, 7])
    monkeypatch.setattr(dsprites_module, "dsprites_space", lambda: space)
    return space


@pytest.fixture
def toy():
    """A maker of data sets of n numbered gray images, or of a small grid."""

    def make(n: int = 20, test: list[int] | None = None, **more) -> Dataset:
        pixels = np.arange(n, dtype=np.uint8).reshape(n, 1, 1, 1)
        return Dataset("toy", ByteImages(pixels), np.array(test or [], dtype=np.int64), **more)

    return make


@pytest.fixture
def small_space() -> FactorSpace:
    return FactorSpace(
        (
            Factor("shape", (0.0, 1.0, 2.0), kind="categorical", labels=("a", "b", "c")),
            Factor("size", (0.5, 1.0)),
            Factor("angle", (0.0, 1.0, 2.0, 3.0), kind="circular", unit="rad"),
        )
    )


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A file server on 127.0.0.1 that answers what a test tells it."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("unbraid.data.download.BACKOFF", 0.0)
    with serving() as running:
        yield running


@pytest.fixture
def answer() -> type[Answer]:
    return Answer
