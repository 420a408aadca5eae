"""Scores without labels, on decoders and codes whose scores are known."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

import unbraid
from helpers.tiny import TINY
from unbraid.cli.main import main
from unbraid.codes import CodeTable
from unbraid.distributions.likelihoods.gaussian import Gaussian
from unbraid.distributions.posteriors.diagonal_normal import DiagonalNormalHead
from unbraid.distributions.priors.standard_normal import StandardNormal
from unbraid.errors import UnbraidWarning, UsageError
from unbraid.evaluation.without_labels import (
    PIPE_BATCH,
    PIPE_LR,
    PIPE_SEEN,
    classifier,
    decoder_scores,
    indifference,
    informative,
    pipe,
)
from unbraid.metrics import column_overlap, ima_contrast
from unbraid.nn.vae import VAE
from unbraid.randomness import seeded_construction
from unbraid.sweep.compare.quantities import WITHOUT_LABELS
from unbraid.sweep.runs import result_of_run

CPU = torch.device("cpu")


class Plain(Gaussian):
    """Whose images are the decoder's output."""

    def mean(self, output: torch.Tensor) -> torch.Tensor:
        return output


def linear(weights: np.ndarray) -> VAE:
    """A model whose images of 8 x 8 are linear in the latents; nothing is encoded with it."""
    d = weights.shape[1]
    with seeded_construction(0):
        layer = nn.Linear(d, 64, bias=False)
        encoder = nn.Flatten()
    layer.weight.data = torch.as_tensor(weights, dtype=torch.float32)
    return VAE(encoder, nn.Sequential(layer, nn.Unflatten(1, (1, 8, 8))), Plain(), StandardNormal(d), DiagonalNormalHead(d))


def table(mean: np.ndarray, kl: list[float] | None = None) -> CodeTable:
    n = len(mean)
    return CodeTable(
        mean=mean.astype(np.float32), variance=np.full(mean.shape, 0.1, np.float32), nll_mean=np.zeros(n, np.float32),
        nll_sample=np.zeros(n, np.float32), index=np.arange(n), is_test=np.zeros(n, bool),
        kl=np.array([1.0] * mean.shape[1] if kl is None else kl, np.float32), factors=np.zeros((n, 0), np.int16),
        factor_names=(), factor_sizes=(), labels=np.zeros(0, np.int16),
    )  # fmt: skip


def weights(latents: int = 3) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(64, latents))


def test_scores_of_a_linear_decoder_are_those_of_its_weights():
    w, mean = weights(), np.random.default_rng(1).normal(size=(200, 3))
    found = decoder_scores(linear(w), table(mean), device=CPU)
    assert found["column_overlap"] == pytest.approx(column_overlap(w[None])[0], rel=1e-4)
    assert found["ima_contrast"] == pytest.approx(ima_contrast(w[None])[0], rel=1e-4)


def test_latents_that_tell_nothing_do_not_count():
    w, mean = weights(4), np.random.default_rng(1).normal(size=(50, 4))
    found = decoder_scores(linear(w), table(mean, [1.0, 0.001, 2.0, 0.009]), device=CPU)
    assert found["column_overlap"] == pytest.approx(column_overlap(w[None][:, :, [0, 2]])[0], rel=1e-4)
    w[:, 3] = 0  # moves nothing
    found = decoder_scores(linear(w), table(mean), device=CPU)
    assert found["column_overlap"] == pytest.approx(column_overlap(w[None][:, :, :3])[0], rel=1e-4)
    assert decoder_scores(linear(w), table(mean, [1.0, 0.0, 0.0, 0.0]), device=CPU) == {}
    assert decoder_scores(linear(w * [1, 0, 0, 0]), table(mean), device=CPU) == {}  # one latent overlaps with none
    assert decoder_scores(linear(w * np.nan), table(mean), device=CPU) == {}
    mean[:, 2] = 0.5
    assert informative(table(mean, [])).tolist() == [0, 1, 3]  # without a KL those that vary


def test_a_decoder_without_derivatives_has_no_overlap_and_says_why():
    class Rounded(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.round()

    class Steps(nn.Module):
        def forward(self, x):
            return Rounded.apply(x)

    model = linear(weights())
    model.networks["decoder"].append(Steps())
    with pytest.warns(UnbraidWarning, match="no forward-mode derivatives"):
        assert decoder_scores(model, table(np.ones((30, 3)) * np.arange(3)), device=CPU) == {}


def test_pipe_of_independent_and_of_dependent_codes():
    """Uniform codes that are independent already decode as the drawn ones do; a latent that is a copy tells which are real."""
    rng, w = np.random.default_rng(0), np.linalg.qr(weights(4))[0]
    independent = rng.uniform(-2, 2, size=(1_000, 4))
    copied = independent[:, [0, 0, 2, 2]]
    options = {"seed": 0, "device": CPU, "seen": 6_400}
    assert pipe(linear(w), table(independent), **options) > 0.85
    assert pipe(linear(w), table(copied), **options) < 0.3
    in_order = copied[np.lexsort(copied.T)]  # as a grid's codes come
    assert pipe(linear(w), table(in_order), **options) < 0.3
    normal = rng.normal(size=(1_000, 4))
    assert pipe(linear(w), table(normal), codes="permuted", **options) > 0.85 > pipe(linear(w), table(normal), **options)
    assert pipe(linear(0 * w), table(copied), **options) == 1.0  # a decoder that ignores its latents


def test_pipe_asks_for_images():
    with pytest.raises(UsageError, match="PIPE of 10 images"):
        pipe(linear(weights()), table(np.ones((10, 3))), seed=0, device=CPU)


def test_indifference_of_images_that_one_look_tells_apart():
    """However often it has seen them, and whatever their form; what it learned may be wrong for the other half."""
    black, white = torch.zeros(60, 1, 4, 32), torch.ones(60, 1, 4, 32)
    noise = 0.1 * torch.rand(60, 1, 4, 32, generator=torch.Generator().manual_seed(0))
    assert indifference(black + noise, white - noise, seed=0, seen=1_600) == 0
    turned = torch.cat([white[:30], black[:30]]), torch.cat([black[:30], white[:30]])
    assert indifference(*(own + noise for own in turned), seed=0, seen=1_600) == 1


def test_the_classifier_learns_as_published(monkeypatch):
    """From 50,000 images, 32 at a time, also where an epoch is no multiple of that."""
    assert (PIPE_SEEN, PIPE_BATCH, PIPE_LR) == (50_000, 32, 1e-4)
    seen = []

    def watched(channels, side):
        network = classifier(channels, side)
        network.register_forward_pre_hook(lambda module, given: seen.append(len(given[0])) if module.training else None)
        return network

    monkeypatch.setattr("unbraid.evaluation.without_labels.classifier", watched)
    indifference(*torch.rand(2, 60, 1, 5, 5, generator=torch.Generator().manual_seed(0)), seed=0, seen=330)
    assert seen == [32] * 10


def test_indifference_is_the_same_for_a_seed_and_takes_any_size():
    draw = torch.Generator().manual_seed(0)
    for side in (5, 28, 32):
        images = torch.rand(2, 60, 1, side, side, generator=draw)
        first, second = (indifference(*images, seed=3, seen=200) for _ in range(2))
        assert first == second
        assert 0 <= first <= 1
    with seeded_construction(0):
        published, larger = classifier(1, 64), classifier(1, 128)
    assert [layer.out_channels for layer in published if isinstance(layer, nn.Conv2d)] == [32, 32, 64, 64]
    assert [layer.out_channels for layer in larger if isinstance(layer, nn.Conv2d)] == [32, 32, 64, 64, 64]
    for side, layers in ((7, 0), (8, 1), (15, 1), (16, 2)):  # which leave 7, 4, 7 and 4 pixels
        with seeded_construction(0):
            network = classifier(1, side)
        assert sum(isinstance(layer, nn.Conv2d) for layer in network) == layers


def test_a_run_is_scored_and_chosen_without_labels(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("unbraid.model.pipe", partial(pipe, seen=320))
    folder = tmp_path / "run"
    unbraid.train("vae", TINY, out=folder, steps=8, batch_size=16, rate="kl,orthogonality", orthogonality=2.0)
    assert main(["evaluate", str(folder), "--evaluate-images", "100", "--pipe", "--metrics", "mig", "--intervals", "0"]) == 0
    printed = capsys.readouterr().out
    assert "Overlap of the decoder's columns" in printed
    assert "PIPE" in printed
    stored = json.loads((folder / "metrics.json").read_text())
    assert 0 <= stored["without_labels"]["column_overlap"] <= 1
    assert 0 <= stored["splits"]["test"]["terms"]["column_overlap"] <= 1  # the rate's own term
    result = result_of_run(folder)
    known = {one.key: one.of(result) for one in WITHOUT_LABELS}
    assert known == pytest.approx(stored["without_labels"])
    unbraid.evaluate(folder, limit=100, metrics=["sap"])  # without PIPE: the stored one stays
    assert json.loads((folder / "metrics.json").read_text())["without_labels"]["pipe"] == known["pipe"]
