"""GECO and beta-VAE with a bound on its KL as named models."""

from __future__ import annotations

import json

import pytest

import unbraid
from helpers.tiny import TINY
from unbraid.config.plan import plan
from unbraid.errors import IncompatibleParts, UsageError
from unbraid.evaluation.loss_rows import term_label
from unbraid.objectives.constrained import Constrained
from unbraid.training.checkpoint import list_checkpoints, read_checkpoint
from unbraid.training.log import read_log
from unbraid.zoo.registry import models

FAST = {"steps": 4, "batch_size": 16, "latent_dim": 3, "log_every": 1, "checkpoint_every": 2, "keep_checkpoints": 0}


def test_rows_hold_the_side_that_they_name():
    geco = models["geco"].factory(tolerance=7.0, multiplier_rate=0.1, lambda_start=3.0)
    assert geco.objective == Constrained("reconstruction", 7.0, 0.1, 3.0)
    bounded = models["constrained_beta_vae"].factory(epsilon=7.0, multiplier_rate=0.1, beta_start=3.0)
    assert bounded.objective == Constrained("kl", 7.0, 0.1, 3.0)


@pytest.mark.parametrize(
    ("model", "given", "grows"),
    [
        ("geco", {"tolerance": 1.0}, True),
        ("geco", {"tolerance": 1e5}, False),
        ("constrained_beta_vae", {"epsilon": 1e-3}, True),
        ("constrained_beta_vae", {"epsilon": 1e4}, False),
    ],
)
def test_a_run_logs_multiplier_and_violation_and_checkpoints_hold_it(model, given, grows, tmp_path):
    unbraid.train(model, TINY, out=tmp_path / "run", device="cpu", **given, **FAST)
    (bound,) = given.values()
    entries = read_log(tmp_path / "run" / "log.jsonl")
    values = [entry.values["multiplier"] for entry in entries]
    assert values[0] == 1
    assert values == sorted(values, reverse=not grows)
    assert len(set(values)) == len(values)
    for entry in entries:
        assert entry.units == {"multiplier": "number"}
        held = entry.values["nll" if model == "geco" else "kl"]
        assert entry.values["violation"] == pytest.approx(held - bound, rel=1e-5)  # a Bernoulli's constant is 0
    saved = [read_checkpoint(path).weights for path in list_checkpoints(tmp_path / "run" / "checkpoints")]
    assert [int(weights["networks.multiplier.batches"]) for weights in saved] == [2, 4]
    assert saved[0]["networks.multiplier.value"].item() == pytest.approx(values[2])
    unbraid.evaluate(tmp_path / "run", metrics=["mig"], limit=100)
    scored = json.loads((tmp_path / "run" / "metrics.json").read_text())
    for split in scored["splits"].values():
        assert split["terms"]["multiplier"] == pytest.approx(saved[1]["networks.multiplier.value"].item())
        assert (split["terms"]["violation"] > 0) == grows


def test_the_multiplier_stays_float32_in_half_precision(tmp_path):
    found = [
        unbraid.train("geco", TINY, out=tmp_path / kind, device="cpu", precision=kind, **FAST).vae.networks["multiplier"].value
        for kind in ("float32", "bfloat16")
    ]
    assert found[0].dtype == found[1].dtype == unbraid.load(tmp_path / "bfloat16").vae.networks["multiplier"].value.dtype
    assert found[1].item() == pytest.approx(found[0].item(), rel=1e-3)


@pytest.mark.parametrize("likelihood", ["gaussian_learned", "gaussian_optimal"])
def test_a_likelihood_that_learns_its_scale_is_refused_before_anything_is_written(likelihood):
    with pytest.raises(IncompatibleParts, match="learns the scale"):
        plan("geco", TINY, {"likelihood": likelihood})
    assert plan("constrained_beta_vae", TINY, {"likelihood": likelihood})[0].likelihood == likelihood


@pytest.mark.parametrize(
    ("model", "option", "value"),
    [
        ("geco", "tolerance", 0.0),
        ("constrained_beta_vae", "epsilon", 0.0),
        ("geco", "multiplier_rate", 0.0),
        ("geco", "lambda_start", 0.0),
        ("constrained_beta_vae", "beta_start", 1e7),
    ],
)
def test_bounds_and_rates_of_nothing_are_refused(model, option, value):
    with pytest.raises(UsageError, match=f"--{option.replace('_', '-')}"):
        plan(model, TINY, {option: value})


def test_names_in_the_report():
    assert term_label("multiplier", "number") == "Multiplier of the constraint (number)"
