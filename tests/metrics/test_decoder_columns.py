"""Overlap of a decoder's columns, on linear decoders."""

from __future__ import annotations

import math

import numpy as np
import pytest

from unbraid.errors import UsageError
from unbraid.metrics import column_overlap, ima_contrast


def at_random(seed: int = 0, values: int = 6, latents: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(5, values, latents))


def pair(cosine: float) -> np.ndarray:
    """Two columns with a cosine, of unlike lengths."""
    return np.array([[[3.0, 0.1 * cosine], [0.0, 0.1 * math.sqrt(1 - cosine**2)]]])


def test_diagonal_and_turned_decoders_of_equal_columns_are_orthogonal():
    diagonal = np.diag([3.0, 1e-9, 7.0])[None]
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0][None]
    for jacobian in (diagonal, 5 * turn):
        assert column_overlap(jacobian).max() < 1e-15
        assert ima_contrast(jacobian).max() < 1e-12


def test_turned_decoders_have_no_contrast_below_0():
    """To the last bit."""
    turns = np.linalg.qr(np.random.default_rng(0).normal(size=(100, 4, 4)))[0]
    assert ima_contrast(turns).min() >= 0


def test_whole_numbers_signs_and_values_that_nothing_moves():
    assert column_overlap(np.array([[[3, 1], [0, 1]]])) == pytest.approx([0.5])
    negative = np.array([[[-1, 0], [0, -2], [0, 0]]])
    assert column_overlap(negative).tolist() == ima_contrast(negative).tolist() == [0]


@pytest.mark.parametrize("angle", [0.1, 0.7, math.pi / 4])
def test_a_turn_of_unequal_columns_is_seen(angle):
    a, b, c, s = 9.0, 1.0, math.cos(angle) ** 2, math.sin(angle) ** 2
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    jacobian = (np.diag([3.0, 1.0]) @ turn)[None]
    squared_cosine = (a - b) ** 2 * c * s / ((a * c + b * s) * (a * s + b * c))
    assert column_overlap(jacobian) == pytest.approx([squared_cosine])
    assert ima_contrast(jacobian) == pytest.approx([-0.5 * math.log(1 - squared_cosine)])


@pytest.mark.parametrize("cosine", [0.0, 0.3, -0.8])
def test_two_columns(cosine):
    assert column_overlap(pair(cosine)) == pytest.approx([cosine**2])
    assert ima_contrast(pair(cosine)) == pytest.approx([-0.5 * math.log(1 - cosine**2)], abs=1e-12)


def test_copies_overlap_entirely():
    column = np.random.default_rng(0).normal(size=(3, 5, 1))
    jacobian = np.concatenate([column, -1e6 * column], axis=2)
    assert column_overlap(jacobian) == pytest.approx([1, 1, 1])
    many = np.random.default_rng(0).normal(size=(300, 5, 1))
    assert column_overlap(np.concatenate([many, 3 * many], axis=2)).max() <= 1  # to the last bit
    assert ima_contrast(jacobian).tolist() == [math.inf] * 3
    assert ima_contrast(at_random(values=2)).tolist() == [math.inf] * 5  # four columns of two values


def test_definitions_word_by_word():
    for seed in range(4):
        jacobian = at_random(seed)
        for own, overlap, contrast in zip(jacobian, column_overlap(jacobian), ima_contrast(jacobian), strict=True):
            lengths = [math.sqrt(column @ column) for column in own.T]
            cosines = [own[:, i] @ own[:, j] / (lengths[i] * lengths[j]) for i in range(4) for j in range(i)]
            assert overlap == pytest.approx(sum(c * c for c in cosines) / 6)
            assert contrast == pytest.approx(sum(map(math.log, lengths)) - 0.5 * math.log(np.linalg.det(own.T @ own)))


def test_scale_order_and_rotation_of_the_output_do_not_matter():
    jacobian = at_random()
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0]
    changed = turn @ jacobian[:, :, [2, 0, 3, 1]] * np.array([1e-9, 3.0, -2.0, 1e7])
    for score in (column_overlap, ima_contrast):
        np.testing.assert_allclose(score(changed), score(jacobian), rtol=1e-9)


def test_refuses_what_has_no_columns():
    for wrong in (np.ones((3, 4)), np.ones((3, 4, 1)), np.array([[[1, np.nan], [0, 1]]]), np.ones((0, 2, 2))):
        with pytest.raises(UsageError, match="must be a finite array"):
            column_overlap(wrong)
    with pytest.raises(UsageError, match="all zeros"):
        ima_contrast(np.array([[[1.0, 0.0], [0.0, 0.0]]]))
    assert column_overlap(np.array([[[1.0, 0.0], [0.0, 0.0]]])).tolist() == [0.0]
