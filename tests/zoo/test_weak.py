"""Ada-GVAE and Ada-ML-VAE as named models."""

from __future__ import annotations

import json

import numpy as np
import pytest

import unbraid
from helpers.tiny import TINY
from unbraid.cli.main import main
from unbraid.data.pairs import Pairs
from unbraid.errors import UsageError
from unbraid.evaluation.loss_rows import term_label
from unbraid.objectives.ada import AdaVAE
from unbraid.rates.kl import KL
from unbraid.training.log import read_log
from unbraid.zoo.registry import models

FAST = {"steps": 4, "batch_size": 16, "latent_dim": 3, "log_every": 2, "device": "cpu"}
NAMES = {"ada_gvae": "gvae", "ada_ml_vae": "ml_vae"}


@pytest.mark.parametrize(("name", "averaging"), NAMES.items())
def test_options_reach_the_game(name, averaging):
    assert models[name].factory().objective == AdaVAE(averaging, (KL(1.0),), Pairs(None))
    assert models[name].factory(beta=4.0, changed=2).objective == AdaVAE(averaging, (KL(4.0),), Pairs(2))


@pytest.mark.parametrize("name", NAMES)
def test_a_run_logs_how_many_latents_pairs_share_and_is_scored_on_both_splits(name, tmp_path):
    unbraid.train(name, TINY, out=tmp_path / "run", changed=1, **FAST)
    unbraid.evaluate(tmp_path / "run", metrics=["mig"], limit=100)
    scored = json.loads((tmp_path / "run" / "metrics.json").read_text())
    for entry in read_log(tmp_path / "run" / "log.jsonl"):
        assert {"nll", "kl", "kl_per_dim", "shared"} <= set(entry.values)
        assert 1 <= entry.values["shared"] <= 2
        assert entry.units == {"shared": "number"}
    for split in scored["splits"].values():
        assert {"nll", "kl", "shared"} <= set(split["terms"])
    assert json.loads((tmp_path / "run" / "config.json").read_text())["model_options"] == {"beta": 1.0, "changed": 1}


def test_a_model_can_be_scored_on_images_without_factors(tmp_path):
    model = unbraid.train("ada_gvae", TINY, out=tmp_path / "run", **FAST)
    images = np.random.default_rng(0).integers(0, 256, (40, 32, 32), dtype=np.uint8)
    assert np.isfinite(model.evaluate(images).splits["train"].loss)


@pytest.mark.parametrize("name", NAMES)
def test_data_sets_without_factors_are_refused_before_anything_is_written(name, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", name, "fashion_mnist"]) == 2
    shown = capsys.readouterr()
    assert "'fashion_mnist' has no factors" in " ".join(shown.err.split())
    assert not shown.out
    assert not list(tmp_path.iterdir())
    with pytest.raises(UsageError, match="has no factors"):
        unbraid.train(name, np.zeros((64, 32, 32), np.uint8))
    with pytest.raises(UsageError, match="--changed is 4; of the 4 factors"):
        unbraid.train(name, TINY, changed=4)
    with pytest.raises(UsageError, match="--changed of model"):
        unbraid.train(name, TINY, changed=0)
    assert not list(tmp_path.iterdir())


def test_arrays_with_a_grid_of_factors_are_taken(tmp_path):
    factors = np.stack(np.meshgrid(np.arange(6), np.arange(8), indexing="ij"), -1).reshape(-1, 2)
    images = np.random.default_rng(0).integers(0, 256, (48, 32, 32), dtype=np.uint8)
    data = unbraid.dataset(images, factors=factors)
    unbraid.train("ada_gvae", data, out=tmp_path / "run", **FAST)
    assert read_log(tmp_path / "run" / "log.jsonl")[-1].step == 4


def test_names_in_the_report():
    assert term_label("shared").startswith("Latents that a pair")


def test_show_tells_what_is_needed_and_what_was_published(capsys, monkeypatch):
    from unbraid.cli import console

    monkeypatch.setattr(console.out, "width", 200)
    for name in NAMES:
        assert main(["show", name]) == 0
        page = capsys.readouterr().out
        assert "--changed" in page
        assert "beta 1, 2, 4, 6, 8, 16" in page
        assert "(max + min) / 2" in page
