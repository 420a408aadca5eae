"""Scoring costs in proportion to training."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from time import process_time

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import unbraid
from helpers.tiny import TINY
from unbraid.api import view_of
from unbraid.config.plan import plan
from unbraid.errors import UnbraidError
from unbraid.evaluation.cost import (
    ALWAYS,
    estimated_metrics,
    estimated_training,
    expected_scoring,
    images_by_default,
    measured_training,
    metrics_by_default,
)
from unbraid.evaluation.stored import read_scores
from unbraid.log_entry import Entry
from unbraid.metrics import evaluate, gather
from unbraid.metrics.registry import metrics
from unbraid.scoring import score_briefly


@pytest.fixture(scope="module")
def experiment():
    return plan("vae", TINY, {"steps": 4_500, "batch_size": 64})[0]


@pytest.mark.parametrize(("step", "images"), [(0, 1_000), (781, 1_000), (4_500, 5_760), (10**6, 100_000)])
def test_images_grow_with_what_training_saw(experiment, step, images):
    assert images_by_default(experiment, step) == images


def test_the_time_of_training_is_that_of_its_log(experiment):
    log = [Entry(kind="train", step=1, values={}, time=0.0, images_per_second=speed) for speed in (10.0, 320.0, 0.0)]
    assert measured_training(log, experiment, 100) == pytest.approx(20.0)
    assert measured_training([], experiment, 100) == 0.0


def test_training_is_estimated_by_the_operations_of_its_networks(experiment):
    hidden = 256
    options = {"steps": 10, "batch_size": 64, "encoder": "mlp", "decoder": "mlp", "latent_dim": 5}
    sizes = {f"{part}_{what}": n for part in ("encoder", "decoder") for what, n in (("layers", 1), ("width", hidden))}
    dense = plan("vae", TINY, options | sizes)[0]
    products = 1024 * hidden + hidden * 2 * 5 + 5 * hidden + hidden * 1024
    assert estimated_training(dense, 10) == pytest.approx(3 * 2 * products * 10 * 64 / 4e10)
    assert estimated_training(experiment, 4_500) == pytest.approx(150, rel=0.2), "about 1,700 images per second, as measured"


def test_metrics_take_a_fifth_of_training_at_most_or_are_cut(experiment):
    for step in (10, 1_000, 4_500, 100_000, 10**6):
        images = images_by_default(experiment, step)
        assert metrics_by_default(experiment, step, images, 5) is None
        assert estimated_metrics(images) <= max(ALWAYS, estimated_training(experiment, step) / 5)
    quick = metrics_by_default(experiment, 10, 5_760, 40)
    assert {"mig", "sap"} <= set(quick)
    assert not any(metrics[name].details.get("sampled") for name in quick)
    wide = replace(experiment, latent_dim=1_000)
    assert metrics_by_default(experiment, 4_500, 5_760, 10) is None
    assert metrics_by_default(wide, 4_500, 5_760, 10) == quick, "many latents take longer"
    few = images_by_default(experiment, 4_500)
    assert 2 * estimated_metrics(few, intervals=10) < estimated_training(experiment, 4_500) / 5, "with intervals too"


def test_what_is_scored_does_not_depend_on_how_fast_training_was(tmp_path, monkeypatch):
    """Two seeds, one on a machine that was busy: the same images and the same metrics."""
    monkeypatch.setattr("unbraid.evaluation.cost.ALWAYS", 0.0)
    scored = []
    for seed, speed in ((0, 1e-3), (1, 1e9)):
        folder = tmp_path / str(seed)
        unbraid.train("vae", TINY, out=folder, device="cpu", steps=2, batch_size=16, latent_dim=3, seed=seed)
        log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        (folder / "log.jsonl").write_text("".join(json.dumps({**one, "images_per_second": speed}) + "\n" for one in log))
        monkeypatch.setattr("unbraid.scoring.score", lambda view, metrics, **_: scored.append(metrics))
        with suppress(UnbraidError):  # nothing was written
            score_briefly(view_of(folder, device="cpu"))
    assert scored[0] == scored[1]


@pytest.mark.parametrize(("latents", "images"), [(10, 1_000), (10, 5_000), (64, 5_000)])
def test_metrics_take_about_as_long_as_estimated(latents, images):
    """CPU time, which a busy machine makes longer by its caches; types are checked at every call here."""
    rng = np.random.default_rng(0)
    factors = rng.integers(0, [16, 16, 6, 40], size=(images, 4))
    mean, variance = 0.03 * rng.normal(size=(images, latents)), np.full((images, latents), 0.98)
    mean[:, :4], variance[:, :4] = factors / [16, 16, 6, 40] * 3.4 + 0.1 * rng.normal(size=(images, 4)), 0.03
    untrained = gather(0.02 * rng.normal(size=mean.shape), factors, variance=variance)
    with threadpool_limits(1):
        evaluate(mean[:200], factors[:200], metrics=["beta_vae_score"], references=False, intervals=0)  # imports
        began = process_time()
        evaluate(mean=mean, variance=variance, factors=factors, untrained=untrained, intervals=0)
        taken = process_time() - began
    assert estimated_metrics(images, latents, 4) / 3 < taken < 3 * estimated_metrics(images, latents, 4)


def test_more_images_and_intervals_take_longer():
    cases = ((1_000, 0), (10_000, 0), (10_000, 10), (100_000, 10))
    times = [expected_scoring(n, 150.0 / 288_000, estimated_metrics(n, intervals=k)) for n, k in cases]
    assert times == sorted(times)
    assert estimated_metrics(20_000) == estimated_metrics(15_000)


def test_a_run_that_was_trained_briefly_is_scored_by_metrics_that_only_compute(tmp_path, monkeypatch):
    unbraid.train("vae", TINY, out=tmp_path / "run", device="cpu", steps=2, batch_size=16, latent_dim=3)
    monkeypatch.setattr("unbraid.evaluation.cost.ALWAYS", 0.0)
    unbraid.report(tmp_path / "run", device="cpu")
    scored = read_scores(tmp_path / "run" / "metrics.json")
    assert "mig" in scored.metrics
    assert "factor_vae_score" not in scored.metrics
    unbraid.evaluate(tmp_path / "run", metrics=["factor_vae_score"], device="cpu")
    assert {"mig", "factor_vae_score"} <= set(read_scores(tmp_path / "run" / "metrics.json").metrics)
