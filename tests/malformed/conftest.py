"""A run for all malformed inputs, and a folder for each."""

from __future__ import annotations

from pathlib import Path

import pytest

from malformed.corpus import TRAIN, Place
from unbraid.cli.main import main
from unbraid.metrics.registry import metrics


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has ended, scored but without a page."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    assert main([*TRAIN, "--out", str(folder)]) == 0
    assert main(["evaluate", str(folder), "--device", "cpu", "--metrics", "mig"]) == 0
    import onnx  # noqa: F401 - before memory is watched
    import onnxruntime  # noqa: F401

    import unbraid.reporting.page  # noqa: F401

    metrics.names()
    return folder


@pytest.fixture
def place(tmp_path: Path, finished: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """An empty working directory with a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNBRAID_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "400")
    return Place(tmp_path, finished, monkeypatch)
