"""Ranges of traversals and the share of variance that tells live latents from dead ones."""

from __future__ import annotations

import numpy as np
import pytest

from unbraid.figures.ranges import aggregate_moments, explained, traversal_values


def test_moments_are_those_of_the_mixture_of_posteriors():
    rng = np.random.default_rng(0)
    mean = np.array([[-1.0], [0.0], [4.0]], np.float32)
    variance = np.array([[0.5], [2.0], [0.1]], np.float32)
    center, deviation = aggregate_moments(mean, variance)
    draws = (mean + np.sqrt(variance) * rng.normal(size=(3, 400_000))).ravel()
    assert center[0] == pytest.approx(1.0)
    assert deviation[0] == pytest.approx(draws.std(), rel=5e-3)


def test_the_range_of_a_collapsed_posterior_is_that_of_its_means():
    mean = np.array([[100.0], [104.0]], np.float32)
    values = traversal_values(mean, np.zeros_like(mean), 5)
    assert values[0] == pytest.approx([98, 100, 102, 104, 106])


def test_the_range_of_a_dead_latent_is_that_of_its_noise():
    mean, variance = np.zeros((4, 1), np.float32), np.ones((4, 1), np.float32)
    assert traversal_values(mean, variance, 3)[0] == pytest.approx([-2, 0, 2])
    assert explained(mean, variance)[0] == 0


def test_explained_share():
    mean = np.array([[-1.0, 0.1], [1.0, 0.1]], np.float32)
    variance = np.array([[3.0, 0.0], [3.0, 0.0]], np.float32)
    share = explained(mean, variance)
    assert share[0] == pytest.approx(0.25)
    assert share[1] == 0, "a constant without noise explains nothing"


def test_a_tiny_spread_without_noise_is_still_information():
    mean = np.array([[-1e-4], [1e-4]], np.float32)
    assert explained(mean, np.full_like(mean, 1e-13))[0] == pytest.approx(1, abs=1e-3)


def test_what_is_not_finite_is_left_out():
    mean = np.array([[1.0, np.nan], [3.0, np.inf]], np.float32)
    center, deviation = aggregate_moments(mean, np.array([[0.0, np.nan], [np.inf, np.nan]], np.float32))
    assert center.tolist() == [2, 0]
    assert deviation.tolist() == [1, 0]
