"""Label-efficiency curves of codes whose accuracy is known."""

import numpy as np
import pytest

from unbraid.errors import UsageError
from unbraid.metrics.label_curves import draw_labels, label_curves, label_order, over_draws

RNG = np.random.default_rng(0)
TRAIN, TEST = RNG.integers(0, 4, 600), RNG.integers(0, 4, 800)


def split(codes_of, drawn, name="codes"):
    """Codes that a function makes of classes, as `label_curves` takes them."""
    return {name: (codes_of(TRAIN)[drawn.labeled], codes_of(TEST))}


def test_codes_that_hold_the_class_are_read_exactly_and_noise_at_chance():
    drawn = draw_labels(TRAIN, TEST, label_counts=[10, 100, 500], draws=8)
    noise = np.random.default_rng(1)
    codes = split(lambda y: np.eye(4)[y], drawn, "exact") | split(lambda y: noise.standard_normal((len(y), 5)), drawn, "noise")
    found = label_curves(codes, drawn)
    for penalty in (0.0, 1.0):
        exact = found.curve("exact", penalty)
        assert np.all(np.array(exact.accuracy) == 1)
        assert np.all(np.diff(np.mean(exact.loss, axis=0)) < 0)
        for mean, (low, high) in over_draws(found.curve("noise", penalty).accuracy):
            assert low - 0.02 <= 0.25 <= high + 0.02, mean  # the 800 unseen images have a spread of their own
    assert np.mean(found.curve("exact").loss) < np.mean(found.curve("exact", 1.0).loss)
    assert found.chance == np.mean(np.bincount(TRAIN).argmax() == TEST)
    assert found.chance_loss == pytest.approx(np.log(4), abs=0.02)


def test_the_penalty_is_that_of_the_formula_on_scaled_codes():
    """At the optimum the gradient of the stated loss is 0: class scores of one latent are found by hand."""
    from scipy.optimize import minimize

    drawn = draw_labels(TRAIN, TEST, label_counts=[60], draws=1)
    codes = split(lambda y: 1e3 * (y[:, None] + np.random.default_rng(2).normal(size=(len(y), 1))) + 5e4, drawn)
    learned, unseen = codes["codes"]
    center, scale = learned.mean(), learned.std()
    z, x, y = (learned - center) / scale, (unseen - center) / scale, TRAIN[drawn.labeled]

    def loss(free, penalty=3.0):
        weights, bias = free[:4], free[4:]
        scores = z * weights + bias
        return -(scores[np.arange(60), y] - np.log(np.exp(scores).sum(1))).sum() + penalty / 2 * (weights**2).sum()

    free = minimize(loss, np.zeros(8)).x
    scores = x * free[:4] + free[4:]
    wanted = -(scores[np.arange(800), TEST] - np.log(np.exp(scores).sum(1))).mean()
    found = label_curves(codes, drawn, penalty=3.0)
    assert found.curve("codes", 3.0).loss[0][0] == pytest.approx(wanted, abs=2e-3)
    assert found.penalties == [0.0, 3.0]


def test_an_offset_and_a_common_scale_change_nothing_and_huge_codes_are_read():
    drawn = draw_labels(TRAIN, TEST, label_counts=[50], draws=2)
    base = np.random.default_rng(3).normal(size=(4, 3))

    def codes(y, scale=1.0, offset=0.0):
        return scale * (base[y] + 0.5 * np.sin(np.arange(len(y) * 3)).reshape(-1, 3)) + offset

    found = label_curves(
        split(codes, drawn, "a")
        | split(lambda y: codes(y, 8.0, 16.0), drawn, "b")
        | split(lambda y: codes(y, 1e200), drawn, "c"),
        drawn,
    )
    for penalty in (0.0, 1.0):
        first = found.curve("a", penalty).loss
        assert found.curve("b", penalty).loss == pytest.approx(np.array(first), rel=1e-3)
        assert found.curve("c", penalty).loss == pytest.approx(np.array(first), rel=1e-3)


def test_draws_are_nested_begin_with_each_class_and_are_the_same_for_all_codes():
    labels = np.repeat([0, 1, 2], [500, 50, 1])  # the last class has one image
    orders = [label_order(labels, np.random.default_rng(seed)) for seed in range(20)]
    for order in orders:
        assert sorted(order) == list(range(551))
        assert set(labels[order[:3]]) == {0, 1, 2}
    assert len({tuple(order[:30]) for order in orders}) == 20
    drawn = draw_labels(TRAIN, TEST, label_counts=[30, 10], draws=3)
    assert drawn.label_counts == [10, 30]
    assert set(drawn.labeled) == {row for order in drawn.orders for row in order}
    same = np.random.default_rng(4).normal(size=(len(TRAIN) + len(TEST), 3))
    codes = same[drawn.labeled], same[len(TRAIN) :]
    found = label_curves({"one": codes, "other": codes}, drawn)
    assert found.curve("one").accuracy == found.curve("other").accuracy
    again = label_curves({"one": codes}, draw_labels(TRAIN, TEST, label_counts=[10, 30], draws=3))
    assert again.curve("one") == found.curve("one")
    others = draw_labels(TRAIN, TEST, label_counts=[10, 30], draws=3, seed=1)
    assert not np.array_equal(others.orders[0], drawn.orders[0])


def test_default_numbers_of_labels_are_those_that_are_possible():
    assert draw_labels(TRAIN, TEST).label_counts == [10, 30, 100, 300]
    assert draw_labels(np.arange(40) % 20, np.arange(20)).label_counts == [30]
    assert draw_labels(np.arange(9) % 3, np.arange(3)).label_counts == [9]


@pytest.mark.parametrize(
    ("train", "test", "more", "words"),
    [
        (TRAIN, TEST, {"label_counts": [3, 10]}, r"are 3, 10; allowed: 4 \(one per class\) to 600 \(all training images\)"),
        (TRAIN, TEST, {"label_counts": [601]}, "are 601; allowed: 4"),
        (TRAIN, TEST, {"draws": 0}, "draws is 0"),
        (TRAIN * 0, TEST, {}, "have 1 class"),
        (TRAIN, TEST[:0], {}, "hold some out: --test-share"),
        (TRAIN, TEST + 1, {}, "1 classes have held-out images but no training image"),
    ],
)
def test_what_is_refused(train, test, more, words):
    with pytest.raises(UsageError, match=words):
        draw_labels(train, test, **more)


def test_codes_and_penalties_that_are_refused():
    drawn = draw_labels(TRAIN, TEST, label_counts=[10], draws=1)
    good = (np.zeros((10, 2)), np.zeros((800, 2)))
    with pytest.raises(UsageError, match="curve of 'x' with penalty 0; there are codes, with penalties 0, 1"):
        label_curves({"codes": good}, drawn).curve("x")
    with pytest.raises(UsageError, match="penalty is 0"):
        label_curves({"codes": good}, drawn, penalty=0.0)
    with pytest.raises(UsageError, match="Codes of codes are of 600 labeled and 800 unseen images; allowed: 10 and 800"):
        label_curves({"codes": (np.zeros((600, 2)), good[1])}, drawn)
    with pytest.raises(UsageError, match="not finite"):
        label_curves({"codes": (np.full((10, 2), np.nan), good[1])}, drawn)
