from inspect import unwrap

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import Lasso

from unbraid.errors import UsageError
from unbraid.metrics.between_models import mcc_between, one_to_one, udr


@pytest.fixture
def codes():
    return np.random.default_rng(0).normal(size=(2000, 3))


def test_mcc_of_the_same_latents_is_1(codes):
    changed = codes[:, [2, 0, 1]] * [-1, 100, 1e-3] + 5
    assert mcc_between(codes, changed) == pytest.approx(1)
    assert mcc_between(codes, np.exp(codes), method="spearman") == pytest.approx(1)
    assert mcc_between(codes, np.exp(codes)) < 0.9
    assert mcc_between(codes, np.hstack([changed, changed])) == pytest.approx(1)
    assert mcc_between(codes, codes[:, :2]) == pytest.approx(1)
    assert mcc_between(codes, np.ones((2000, 3))) == 0
    assert mcc_between(codes, np.random.default_rng(1).normal(size=(2000, 3))) < 0.05


def test_mcc_matches_one_to_one():
    """Greedy matching would take .96, and leave .28 for the other."""
    first = np.array([[1.0, 1, -1, -1], [1.0, -1, 1, -1], [1, -1, -1, 1]]).T
    second = np.stack([0.96 * first[:, 0] + 0.28 * first[:, 2], 0.9 * first[:, 0] + np.sqrt(0.19) * first[:, 1]], 1)
    assert mcc_between(first[:, :2], second) == pytest.approx((0.96 + np.sqrt(0.19)) / 2)
    assert mcc_between(first[:, :1], second) == pytest.approx(0.96)


def test_pair_scores_by_hand():
    similarity = np.array([[0.9, 0.1, 0.0], [0.2, 0.2, 0.0]])
    columns = (0.81 / 1.1 + 0.04 / 0.3 + 0) / 3
    rows = (0.81 / 1.0 + 0.04 / 0.4) / 2
    assert one_to_one(similarity) == pytest.approx((columns + rows) / 2)


def test_udr_of_the_same_latents(codes):
    models = [codes, -codes[:, [1, 2, 0]], codes * [1, 5, 0.1]]
    assert udr(models) == pytest.approx(np.ones(3), abs=0.1)
    exact = np.stack(np.meshgrid(*[np.arange(5.0)] * 3), -1).reshape(-1, 3)  # uncorrelated to the last bit
    models = [exact, -exact[:, [1, 2, 0]], exact * [1, 5, 0.1]]
    assert udr(models) == pytest.approx(np.ones(3), abs=1e-9)
    assert udr(models, definition="lasso") == pytest.approx(np.full(3, 0.9), abs=1e-3)


def test_udr_is_the_median_over_the_others_and_sees_rotations(codes):
    rotation = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    found = udr([codes, codes[:, ::-1], codes * 2, codes @ rotation])
    assert found[:3] == pytest.approx(np.ones(3), abs=0.15)
    assert found[3] < found[:3].min() - 0.3
    matrix = np.abs(spearmanr(codes, codes @ rotation)[0][:3, 3:])
    assert found[3] == pytest.approx(one_to_one(matrix), rel=0.02)


def test_udr_leaves_out_latents_that_tell_nothing(codes):
    exact = np.stack(np.meshgrid(*[np.arange(5.0)] * 3), -1).reshape(-1, 3)
    noise = np.random.default_rng(2).normal(size=(125, 2))
    wide = np.hstack([exact, noise])
    kl = [np.array([1, 1, 0.011, 0.009, 0.0])] * 2
    assert udr([wide, wide], kl=kl) == pytest.approx([1, 1], abs=1e-9)
    fewer = [kl[0], np.array([1, 1, 0.009, 0.0, 0.0])]
    assert udr([wide, wide], kl=fewer) == pytest.approx([5 / 6, 5 / 6], abs=1e-9)  # a third latent has no partner
    assert udr([np.hstack([exact, noise * 0]), exact]) == pytest.approx([1, 1], abs=1e-9)
    assert udr([exact, exact * 0]).tolist() == [0, 0]


def test_udr_by_lasso_asks_how_each_model_s_latents_make_up_those_of_the_others():
    """Row a of the pairs holds the weights from a to the others, which are not those back."""
    rng = np.random.default_rng(4)
    first = rng.normal(size=(300, 3))
    models = [first, first @ rng.normal(size=(3, 2)), np.hstack([first[:, :1], rng.normal(size=(300, 1))])]
    pairs = {(a, b): udr([models[a], models[b]], definition="lasso")[0] for a in range(3) for b in range(3) if a != b}
    left, right = ((own - own.mean(0)) / own.std(0) for own in models[:2])
    weights = np.stack([Lasso(0.1, random_state=0).fit(left, column).coef_ for column in right.T], axis=1)
    assert pairs[0, 1] == pytest.approx(one_to_one(np.abs(weights)))
    assert abs(pairs[0, 1] - pairs[1, 0]) > 0.02
    expected = [np.mean([pairs[a, b] for b in range(3) if a != b]) for a in range(3)]  # the median of two
    assert udr(models, definition="lasso") == pytest.approx(expected)


def test_a_latent_at_the_least_kl_tells_nothing(codes):
    assert udr([codes, codes], kl=[np.full(3, 0.01)] * 2).tolist() == [0, 0]


def test_no_correlation_is_above_1():
    codes = np.random.default_rng(21).normal(size=(50, 2))  # whose sums of squares round to more than their number
    assert mcc_between(codes, codes) <= 1


def test_wrong_models_are_refused(codes):
    for call in (lambda: udr([codes]), lambda: udr([codes, codes[:5]]), lambda: mcc_between(codes, codes[:, 0])):
        with pytest.raises(UsageError):
            call()
    with pytest.raises(UsageError, match="Model 1 has 5 samples and model 0 has 2000"):
        mcc_between(codes, codes[:5])
    for wrong in (codes[:, :0], np.where(codes == codes[7, 1], np.nan, codes), np.where(codes == codes[0, 0], np.inf, codes)):
        with pytest.raises(UsageError, match=r"codes of model 1 must be a finite array"):
            mcc_between(codes, wrong)
    for function, option, given, allowed in (
        (mcc_between, "method", (codes, codes), "pearson, spearman"),
        (udr, "definition", ([codes, codes],), "spearman, lasso"),
    ):
        with pytest.raises(UsageError, match=f"{option} is 'nope'; allowed: {allowed}"):
            unwrap(function)(*given, **{option: "nope"})  # not refused by the type checks of tests alone
    with pytest.raises(UsageError, match="kl holds one array for each model"):
        udr([codes, codes], kl=[np.ones(3)])
