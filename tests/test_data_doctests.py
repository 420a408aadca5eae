"""The examples in docstrings of data sets and models, as they stand there."""

from __future__ import annotations

import doctest
from importlib import import_module

import numpy as np
import pytest

import unbraid
from helpers.tiny import TINY, tiny_ellipses

MODULES = {
    "unbraid.api": 2,
    "unbraid.data.dataset": 3,
    "unbraid.data.factor_space": 5,
    "unbraid.data.sets.arrays": 2,
    "unbraid.loading": 2,
    "unbraid.model": 7,
}
"""Examples in each at least."""


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    root = tmp_path_factory.mktemp("examples")
    folder = root / "runs" / "first"
    small = {"encoder": "mlp", "encoder_width": 8, "decoder": "mlp", "decoder_width": 8}
    model = unbraid.train("vae", TINY, out=folder, device="cpu", steps=2, batch_size=8, latent_dim=3, **small)
    return {"model": model, "images": tiny_ellipses().images.bytes(np.arange(5)), "np": np, "unbraid": unbraid, "root": root}


@pytest.mark.parametrize("module", MODULES)
def test_examples_do_what_they_show(module, given, monkeypatch):
    monkeypatch.chdir(given["root"])
    extra = given if module in ("unbraid.api", "unbraid.loading", "unbraid.model") else {"np": np}
    found = doctest.testmod(import_module(module), extraglobs=extra)
    assert found.failed == 0
    assert found.attempted >= MODULES[module]
