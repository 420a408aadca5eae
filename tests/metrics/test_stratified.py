"""Stratified sampling beside quadrature, and the faults of published code beside a brute-force copy of what it computes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

from unbraid.metrics.aam import aam
from unbraid.metrics.information import stratified
from unbraid.metrics.information.definitions import mutual_information
from unbraid.metrics.information.stratified import AS_RUN, NONE, Faults, log_density, stratified_informations


def grid_codes(n_each: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two factors of 4 and 5 values; a latent for the first, one that mixes both, and one that knows nothing."""
    rng = np.random.default_rng(seed)
    factors = np.stack(np.unravel_index(np.arange(20 * n_each) % 20, (4, 5)), 1).astype(np.int64)
    mean = np.stack([factors[:, 0] - 1.5, 0.4 * factors.sum(1) - 1.4, np.zeros(len(factors))], 1)
    mean = mean + 0.1 * rng.standard_normal(mean.shape)
    variance = np.broadcast_to([0.04, 0.02, 0.99], mean.shape) * np.exp(0.2 * rng.standard_normal(mean.shape))
    return mean, variance, factors


@pytest.mark.parametrize("n", [300, 5_000])
def test_density_is_the_sum_over_components_far_tails_included(n):
    rng = np.random.default_rng(1)
    mean, variance = rng.normal(0, 1, n), np.exp(rng.normal(-6, 0.6, n))
    points = np.concatenate([np.linspace(-3, 3, 700), [-9.3, 8.7]])
    exact = logsumexp(norm.logpdf(points[:, None], mean, np.sqrt(variance)), axis=1) - np.log(n)
    found = log_density(mean, variance, -10, 10)(points)
    np.testing.assert_allclose(found[:-2], exact[:-2], rtol=1e-4, atol=2e-3)
    np.testing.assert_allclose(found[-2:], exact[-2:], rtol=0.02)  # two thousand nats down


def test_draws_agree_with_quadrature():
    mean, variance, factors = grid_codes(500)
    by_draws = mutual_information(mean, factors, variance=variance, definition="stratified")
    by_quadrature = mutual_information(mean, factors, variance=variance, definition="chen2018")
    np.testing.assert_allclose(by_draws.estimate, by_quadrature.estimate, atol=0.03)
    assert by_quadrature.estimate[0, 0] > 1.3


def as_their_code_computes(mean, variance, factors, sizes, draws, rng, faults):
    """H(z_j) - H(z_j | v_k) in their steps: rows chosen at random, gathered, and the table read as (latents, draws)."""

    def entropies(rows):
        chosen = rng.permutation(rows)[:draws]
        points = mean[chosen]
        noise = points + np.sqrt(variance[chosen]) * rng.standard_normal(points.shape)
        points = points if faults.at_means else noise
        flat = points.ravel()  # as memory has it
        m, d = points.shape
        found = []
        for j in range(d):
            own = flat[j * m : (j + 1) * m] if faults.scrambled else points[:, j]
            log_q = norm.logpdf(own[:, None], mean[rows, j], np.sqrt(variance[rows, j]))
            found.append(-(logsumexp(log_q, axis=1) - np.log(len(rows))).mean())
        return np.array(found)

    whole = entropies(np.arange(len(mean)))
    given = np.zeros((mean.shape[1], len(sizes)))
    for k, size in enumerate(sizes):
        for value in range(size):
            given[:, k] += entropies(np.flatnonzero(factors[:, k] == value)) / size
    return np.maximum(whole[:, None] - given, 0)


@pytest.mark.parametrize("faults", [NONE, Faults(scrambled=True), Faults(at_means=True), AS_RUN])
def test_faults_are_those_of_the_published_code(monkeypatch, faults):
    monkeypatch.setattr(stratified, "DRAWS", 120)
    mean, variance, factors = grid_codes(30)
    ((found,),) = stratified_informations(mean, variance, factors, faults=[faults], rng=np.random.default_rng(5))
    theirs = as_their_code_computes(mean, variance, factors, (4, 5), 120, np.random.default_rng(5), faults)
    np.testing.assert_allclose(found.estimate, theirs, rtol=2e-3, atol=2e-3)


def test_the_scramble_hides_what_the_best_latent_knows():
    mean, variance, factors = grid_codes(500)
    (whole,) = stratified_informations(mean, variance, factors, faults=[NONE, AS_RUN], rng=np.random.default_rng(0))
    assert whole[0].estimate[0, 0] > 1.2
    assert whole[1].estimate[0, 0] == 0  # points of other latents lie far outside its narrow conditional densities
    assert aam(mean, factors, variance=variance)["per_factor"]["0"] > 0.2
    assert (
        aam(mean, factors, variance=variance, definition="dubois2019")["score"]
        != aam(mean, factors, variance=variance)["score"]
    )
