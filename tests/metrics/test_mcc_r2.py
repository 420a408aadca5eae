"""MCC and R^2: closed forms, twins, invariances, chance."""

from __future__ import annotations

from itertools import permutations
from math import cos, pi, sin, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, rankdata, spearmanr

from unbraid.metrics import gather, mcc, r2
from unbraid.metrics.mcc import _waves
from unbraid.metrics.r2 import by_kernel, by_line, explained_of
from unbraid.metrics.splitting import split_rows

IN_SAMPLE = {"cross_fitted": False}


@pytest.fixture(scope="module")
def normal():
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(2000, 3))
    return factors, factors @ rng.normal(size=(3, 4)) + rng.normal(size=(2000, 4))


@pytest.mark.parametrize(("definition", "correlate"), [("pearson", pearsonr), ("spearman", spearmanr)])
def test_in_sample_it_is_the_best_match_of_all(normal, definition, correlate):
    factors, codes = normal
    table = np.array([[abs(correlate(code, factor)[0]) for factor in factors.T] for code in codes.T])
    best = max(permutations(range(4), 3), key=lambda order: sum(table[j, k] for k, j in enumerate(order)))
    found = mcc(codes, factors, definition=definition, **IN_SAMPLE)["per_factor"]
    assert [*found.values()] == pytest.approx([table[j, k] for k, j in enumerate(best)], abs=1e-9)


def test_cross_fitted_by_hand(normal):
    """Match and sign by four folds, correlation on the fifth."""
    factors, codes = normal
    rows = np.random.default_rng(0).permutation(2000)
    found = []
    for fold in np.array_split(rows, 5):
        others = np.setdiff1d(rows, fold)
        learned = np.corrcoef(codes[others].T, factors[others].T)[:4, 4:]
        unseen = np.corrcoef(codes[fold].T, factors[fold].T)[:4, 4:]
        best = max(permutations(range(4), 3), key=lambda order: sum(abs(learned[j, k]) for k, j in enumerate(order)))
        found.append([np.sign(learned[j, k]) * unseen[j, k] for k, j in enumerate(best)])
    assert [*mcc(codes, factors)["per_factor"].values()] == pytest.approx(np.mean(found, axis=0).tolist(), abs=1e-9)


def test_rdc_by_hand():
    """Sines of ranks with weights of one generator, latents first; canonical correlations by QR, as in the authors' code."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(300, 2))
    codes = np.stack([factors[:, 0] ** 2, factors[:, 1] + rng.normal(size=300), rng.normal(size=300)], 1)
    drawn, again, bases = np.random.default_rng(0), np.random.default_rng(0), []
    for column in (*codes.T, *factors.T):
        inputs = np.stack([rankdata(column) / 300, np.ones(300)], 1)
        waves = np.sin(inputs @ drawn.standard_normal((2, 20)) / 12)  # 1/6 over the number of inputs
        assert _waves(inputs[:, :1], again) == pytest.approx(waves)  # of the correlation hardly anything depends on that
        left, size, _ = np.linalg.svd((waves - waves.mean(0)) / waves.std(0), full_matrices=False)
        bases.append(left[:, size**2 > 1e-9 * size[0] ** 2])
    table = np.array([[np.linalg.svd(one.T @ other)[1][0] for other in bases[3:]] for one in bases[:3]])
    best = max(permutations(range(3), 2), key=lambda order: table[order[0], 0] + table[order[1], 1])
    found = mcc(codes, factors, definition="rdc", **IN_SAMPLE)["per_factor"]
    assert [*found.values()] == pytest.approx([table[best[0], 0], table[best[1], 1]], abs=1e-5)


def test_a_cyclic_factor_by_hand():
    """The multiple correlation is that with the best guess from cosine and sine."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 360, 300)
    codes = np.stack([np.cos(np.radians(angle + 30)), rng.normal(size=300)], 1) + 0.3 * rng.normal(size=(300, 2))
    circle = np.stack([np.cos(np.radians(angle)), np.sin(np.radians(angle)), np.ones(300)], 1)
    guesses = [circle @ np.linalg.lstsq(circle, code, rcond=None)[0] for code in codes.T]
    expected = max(np.corrcoef(code, guess)[0, 1] for code, guess in zip(codes.T, guesses, strict=True))
    found = mcc(gather(codes, angle[:, None], cyclic={"0": 360.0}), **IN_SAMPLE)["score"]
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("definition", ["pearson", "spearman", "rdc"])
def test_a_perfect_code_of_a_rare_class(definition):
    """Folds without a sample of it tell nothing, and do not count; of a single one no fold tells anything."""
    rng = np.random.default_rng(0)
    common, rare, alone = rng.integers(0, 4, 300), np.zeros(300, int), np.zeros(300, int)
    rare[[5, 70, 200]] = alone[7] = 1
    factors = np.stack([alone, rare, common], 1)
    found = mcc(factors.astype(float), factors, definition=definition)["per_factor"]
    assert found == pytest.approx({"0": 0, "1": 1, "2": 1}, abs=1e-6)
    found = mcc(factors.astype(float), factors, align="linear")["per_factor"]
    assert found == pytest.approx({"0": 0, "1": 1, "2": 1}, abs=1e-6)
    assert mcc(rng.normal(size=(300, 3)), factors, definition=definition)["per_factor"]["1"] < 0.3


def test_latents_that_do_not_vary_correlate_with_nothing():
    """Neither a constant, which takes no factor from another latent, nor one that is constant in most folds."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(300, 2))
    codes, spike = factors + rng.normal(size=(300, 2)), np.arange(300) == 7
    assert mcc(np.column_stack([np.ones(300), codes]), factors) == mcc(codes, factors)
    assert mcc(np.column_stack([spike, spike]).astype(np.float64), factors)["score"] < 0.1
    factor, constant = np.zeros((50, 1), int), np.random.default_rng(0).permutation(50)[:10]
    factor[np.random.default_rng(0).permutation(50)[::2]] = 1  # half of each fold
    code = factor.astype(np.float64)
    code[constant] = 0  # in the first fold
    assert mcc(code, factor)["score"] == pytest.approx(4 / 5)


@pytest.mark.parametrize(("definition", "most"), [("pearson", 20_000), ("rdc", 5_000)])
def test_of_many_samples_a_part_is_correlated(definition, most):
    """The first of a permutation, all of them."""
    n = most + 50
    factors = np.random.default_rng(1).normal(size=(n, 1))
    order = np.random.default_rng(0).permutation(n)
    for rows, score in ((order[most:], 1.0), (order[most - 2_000 :], 1 - 2_000 / most)):
        codes = factors.copy()
        codes[rows] = np.random.default_rng(2).normal(size=(len(rows), 1))
        assert mcc(codes, factors, definition=definition)["score"] == pytest.approx(score, abs=1e-6 if score == 1 else 0.03)


def test_from_ten_samples_on_it_is_cross_fitted():
    rng = np.random.default_rng(0)
    samples = gather(rng.normal(size=(10, 3)), rng.normal(size=(10, 2)), continuous=["0", "1"])
    fewer = samples.rows(np.arange(9))
    assert mcc(fewer) == mcc(fewer, **IN_SAMPLE)
    assert mcc(samples) != mcc(samples, **IN_SAMPLE)


def test_correlations_of_the_wrong_sign_count_as_none():
    found = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        found += mcc(rng.normal(size=(40, 3)), rng.normal(size=(40, 3)))["per_factor"].values()
    assert min(found) == 0
    perfect = np.random.default_rng(0).normal(size=(40, 20))
    assert max(mcc(perfect, perfect, **IN_SAMPLE)["per_factor"].values()) <= 1


def test_ranks_of_a_latent_beside_an_angle():
    r"""Ranks of a cosine are uniform, 1 - t / pi of angles t in half a circle: they correlate with it by 4 sqrt(6) / pi^2."""
    turns = ((np.arange(2_000) + 0.5) / 2_000)[:, None]
    samples = gather(np.exp(3 * np.cos(2 * pi * turns)), turns, cyclic={"0": 1.0})
    assert mcc(samples, definition="spearman", **IN_SAMPLE)["score"] == pytest.approx(4 * sqrt(6) / pi**2, abs=1e-5)


def test_least_squares_by_hand(normal):
    factors, codes = normal
    predicted = (
        np.column_stack([codes, np.ones(2000)])
        @ np.linalg.lstsq(np.column_stack([codes, np.ones(2000)]), factors, rcond=None)[0]
    )
    expected = [pearsonr(one, other)[0] for one, other in zip(predicted.T, factors.T, strict=True)]
    found = mcc(codes, factors, align="linear", **IN_SAMPLE)["per_factor"]
    assert [*found.values()] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("angle", [0.0, 0.3, pi / 4])
def test_a_turned_code(angle):
    factors = np.random.default_rng(0).normal(size=(4000, 2))
    codes = factors @ np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]])
    for definition, slack in (("pearson", 0.02), ("spearman", 0.03), ("rdc", 0.03)):
        assert mcc(codes, factors, definition=definition)["score"] == pytest.approx(cos(angle), abs=slack)
    assert mcc(codes, factors, align="linear")["score"] == pytest.approx(1, abs=1e-9)
    assert r2(codes, factors)["score"] == pytest.approx(1, abs=1e-9)


def test_independent_codes_score_nothing_cross_fitted():
    rng = np.random.default_rng(0)
    codes, factors = rng.normal(size=(400, 20)), rng.normal(size=(400, 3))
    for definition in ("pearson", "spearman", "rdc"):
        assert mcc(codes, factors, definition=definition)["score"] < 0.06
        assert mcc(codes, factors, definition=definition, **IN_SAMPLE)["score"] > 0.08
    assert mcc(codes, factors, align="linear")["score"] < 0.06
    assert r2(codes, factors)["score"] < 0.01
    assert r2(codes, factors, definition="kernel")["score"] < 0.02


def test_functions_that_are_no_lines():
    """Ranks see what rises, RDC also what falls again."""
    factors = np.random.default_rng(0).uniform(-1, 1, (3000, 2))
    rising = np.exp(4 * factors)
    assert mcc(rising, factors)["score"] < 0.85
    assert mcc(rising, factors, definition="spearman")["score"] == pytest.approx(1, abs=1e-6)
    assert mcc(factors**2, factors, definition="spearman")["score"] < 0.1
    bowl = factors**2
    assert mcc(np.abs(factors), bowl, definition="rdc")["score"] > 0.99
    assert mcc(factors, bowl)["score"] < 0.1
    assert mcc(factors, bowl, definition="rdc")["score"] > 0.98


def test_a_factor_without_a_latent_scores_nothing(normal):
    factors, _ = normal
    assert mcc(factors[:, :2], factors)["per_factor"] == pytest.approx({"0": 1, "1": 1, "2": 0}, abs=1e-9)
    assert mcc(np.ones((2000, 3)), factors)["score"] == 0
    assert r2(np.ones((2000, 3)), factors)["score"] == 0


def test_cyclic_factors():
    """Cosine and sine know all of an angle; cut open it has 6 / pi^2 of the variance of its sine and none of its cosine."""
    angle = np.random.default_rng(0).uniform(-180, 180, 6000)
    circle = np.stack([np.cos(np.radians(angle)), np.sin(np.radians(angle))], 1)

    def of(codes: np.ndarray):
        return gather(codes, angle[:, None], factor_names=["angle"], cyclic={"angle": 360.0})

    assert r2(of(circle))["score"] == pytest.approx(1, abs=1e-9)
    assert mcc(of(circle))["score"] == pytest.approx(1, abs=1e-9)
    assert r2(of(angle[:, None]))["score"] == pytest.approx(3 / pi**2, abs=0.02)
    assert mcc(of(angle[:, None]))["score"] == pytest.approx(sqrt(6) / pi, abs=0.01)
    turned = gather(circle, np.mod(angle + 77, 360)[:, None], cyclic={"0": 360.0})
    assert r2(turned)["score"] == pytest.approx(1, abs=1e-9)
    assert r2(circle, angle[:, None])["score"] < 0.65  # as a line


@given(scale=st.floats(0.001, 1000), shift=st.floats(-100, 100), order=st.permutations(range(4)), sign=st.sampled_from([-1, 1]))
@settings(max_examples=10, deadline=None)
def test_scale_place_sign_and_order_do_not_matter(normal, scale, shift, order, sign):
    factors, codes = (own[:300] for own in normal)
    changed = sign * codes[:, order] * scale + shift
    for metric, options in ((mcc, {}), (mcc, {"definition": "spearman"}), (mcc, {"align": "linear"}), (r2, {})):
        plain = metric(codes, factors, **options)["score"]
        assert metric(changed, factors, **options)["score"] == pytest.approx(plain, abs=1e-6)
        assert metric(codes, -factors * scale + shift, **options)["score"] == pytest.approx(plain, abs=1e-6)


def test_r2_by_hand(normal):
    factors, codes = normal
    rows = np.random.default_rng(0).permutation(2000)
    train, test = rows[:1333], rows[1333:]
    a, b = (np.column_stack([codes[own], np.ones(len(own))]) for own in (train, test))
    predicted = b @ np.linalg.lstsq(a, factors[train], rcond=None)[0]
    expected = 1 - ((predicted - factors[test]) ** 2).mean(0) / factors[test].var(0)
    assert [*r2(codes, factors)["per_factor"].values()] == pytest.approx(expected.tolist(), abs=1e-9)


def test_a_latent_that_is_a_copy_up_to_rounding_tells_nothing_more():
    first, hidden = np.random.default_rng(0).normal(size=(2, 600))
    assert r2(np.stack([first, first + 1e-12 * hidden], 1), hidden[:, None])["score"] < 0.01


def test_nothing_is_explained_of_a_constant():
    assert explained_of(np.ones((5, 1)), np.ones((5, 1))) == explained_of(np.ones((5, 1)), np.zeros((5, 1))) == 0


def test_kernels_see_what_lines_do_not():
    codes = np.random.default_rng(0).uniform(-1, 1, (1600, 2))
    factors = np.stack([np.sin(3 * codes[:, 0]) * codes[:, 1], codes[:, 0] ** 2], 1)
    factors[split_rows(1600, 10_000, 5_000, 0)[0][1_000:]] = 5  # a kernel learns from 1,000
    assert r2(codes, factors)["score"] < 0.1
    assert r2(codes, factors, definition="kernel")["score"] > 0.99


def noise(z):
    return np.random.default_rng(11).normal(size=z.shape)


@pytest.mark.parametrize(("function", "chosen"), [(np.sign, 0.5), (np.abs, 1.0), (np.square, 2.0), (noise, 0.5)])
def test_the_error_of_leaving_one_out_is_that(function, chosen):
    """The twin refits without each sample; width and ridge are then the same, whichever are best: the most is for noise."""
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(30, 2))
    target = function(codes[:, :1])
    read = rng.normal(size=(5, 2))
    apart = ((codes[:, None] - codes) ** 2).sum(-1)
    best = None
    centered = target - target.mean()
    for width in (0.5, 1.0, 2.0):
        scale = -0.5 / (width**2 * np.median(apart))
        for penalty in 30 * 10.0 ** np.arange(-6, 2):
            errors = []
            for i in range(30):
                kept = np.delete(np.arange(30), i)
                kernel = np.exp(scale * apart)
                weights = np.linalg.solve(kernel[np.ix_(kept, kept)] + penalty * np.eye(29), centered[kept])
                errors.append((kernel[i, kept] @ weights - centered[i]) ** 2)
            if best is None or np.mean(errors) < best[0]:
                kernel = np.exp(scale * apart)
                weights = np.linalg.solve(kernel + penalty * np.eye(30), centered)
                far = np.exp(scale * ((read[:, None] - codes) ** 2).sum(-1))
                best = (np.mean(errors), far @ weights + target.mean(), width)
    assert best[2] == chosen
    np.testing.assert_allclose(by_kernel(codes, target, read), best[1], atol=1e-6)
    assert by_kernel(np.ones((4, 1)), target[:4], np.ones((2, 1)))[0, 0] == pytest.approx(target[:4].mean())
    codes = codes - codes.mean(0)
    assert by_line(codes, codes @ [[1.0], [2.0]] + 3, read) == pytest.approx(read @ [[1.0], [2.0]] + 3)
