from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

import unbraid
from helpers.tiny import TINY

SMALL = {
    "steps": 24,
    "batch_size": 16,
    "latent_dim": 4,
    "log_every": 5,
    "checkpoint_every": 7,
    "evaluate_every": 8,
}


def _train(folder: Path, name: str = "run", **options):
    model = options.pop("model", "beta_vae")
    return unbraid.train(model, TINY, out=folder / name, device="cpu", **{**SMALL, **options})


@pytest.fixture(scope="session")
def train_in():
    """Train a tiny run in a folder; options override."""
    return _train


@pytest.fixture
def train_small(tmp_path):
    """The same in a folder of the test's own."""
    return partial(_train, tmp_path)
