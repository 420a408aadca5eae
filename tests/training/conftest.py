from __future__ import annotations

import pytest

import unbraid
from tiny import TINY

SMALL = {
    "steps": 24,
    "batch_size": 16,
    "latent_dim": 4,
    "log_every": 5,
    "checkpoint_every": 7,
    "evaluate_every": 8,
}


@pytest.fixture
def train_small(tmp_path):
    """Train a tiny run in a folder of its own; options override."""

    def train(name: str = "run", **options):
        model = options.pop("model", "beta_vae")
        return unbraid.train(model, TINY, out=tmp_path / name, device="cpu", **{**SMALL, **options})

    return train
