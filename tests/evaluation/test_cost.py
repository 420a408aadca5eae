"""Scoring costs in proportion to training."""

from __future__ import annotations

import pytest

import unbraid
from tiny import TINY
from unbraid.config.plan import plan
from unbraid.evaluation.cost import (
    ALWAYS,
    affordable,
    images_by_default,
    seconds_of_metrics,
    seconds_of_scoring,
    seconds_of_training,
)
from unbraid.evaluation.stored import read_scores
from unbraid.log_entry import Entry
from unbraid.metrics.registry import metrics


@pytest.fixture(scope="module")
def experiment():
    return plan("vae", TINY, {"steps": 4_500, "batch_size": 64})[0]


@pytest.mark.parametrize(("step", "images"), [(0, 1_000), (781, 1_000), (4_500, 5_760), (10**6, 100_000)])
def test_images_grow_with_what_training_saw(experiment, step, images):
    assert images_by_default(experiment, step) == images


def test_the_time_of_training_is_that_of_its_log(experiment):
    log = [Entry(kind="train", step=1, values={}, time=0.0, images_per_second=speed) for speed in (10.0, 320.0, 0.0)]
    assert seconds_of_training(log, experiment, 100) == pytest.approx(20.0)
    assert seconds_of_training([], experiment, 100) == 0.0


def test_scoring_takes_a_fifth_of_training_at_most_or_is_cut():
    for images, training in ((1_000, 1.0), (5_760, 150.0), (100_000, 10_000.0)):
        assert affordable(images, training) is None
        assert seconds_of_metrics(images) <= max(ALWAYS, training / 5)
    quick = affordable(5_760, 15.0)
    assert {"mig", "sap"} <= set(quick)
    assert not any(metrics[name].details.get("sampled") for name in quick)


def test_more_images_and_intervals_take_longer():
    times = [seconds_of_scoring(n, 288_000, 150.0, k) for n, k in ((1_000, 0), (10_000, 0), (10_000, 10), (100_000, 10))]
    assert times == sorted(times)
    assert seconds_of_metrics(20_000) == seconds_of_metrics(15_000)


def test_a_run_that_was_trained_briefly_is_scored_by_metrics_that_only_compute(tmp_path, monkeypatch):
    unbraid.train("vae", TINY, out=tmp_path / "run", device="cpu", steps=2, batch_size=16, latent_dim=3)
    monkeypatch.setattr("unbraid.evaluation.cost.ALWAYS", 0.0)
    unbraid.report(tmp_path / "run", device="cpu")
    scored = read_scores(tmp_path / "run" / "metrics.json")
    assert "mig" in scored.metrics
    assert "factor_vae_score" not in scored.metrics
    unbraid.evaluate(tmp_path / "run", metrics=["factor_vae_score"], device="cpu")
    assert {"mig", "factor_vae_score"} <= set(read_scores(tmp_path / "run" / "metrics.json").metrics)
