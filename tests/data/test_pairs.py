"""Pairs: their exact distribution on small grids, by enumeration of every way to draw one."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import combinations, permutations

import numpy as np
import pytest

from helpers.tiny import TINY
from unbraid.data import pairs
from unbraid.data.dataset import Dataset, load_dataset
from unbraid.data.draws import Batches, Draws, steps_per_epoch
from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.pairs import Pairs
from unbraid.data.sets.arrays import dataset as dataset_of
from unbraid.data.storage import ByteImages
from unbraid.errors import UsageError

SIZES = (2, 3, 4)
HELD_OUT = [0, 5, 6, 7, 13, 22]


def grid(sizes=SIZES, test=(), rows=None, weights=None) -> Dataset:
    """Blank images of a grid, or of the given rows of it, which may repeat."""
    space = FactorSpace(tuple(Factor(f"f{k}", tuple(map(float, range(size)))) for k, size in enumerate(sizes)))
    codes = space.at(np.arange(len(space)) if rows is None else np.asarray(rows))
    images = ByteImages(np.zeros((len(codes), 1, 1, 1), np.uint8))
    return Dataset("grid", images, np.array(test, np.int64), space, codes.astype(np.int16), weights=weights)


def one_factor_anew(data: Dataset, column: int) -> np.ndarray:
    """P(next | image) when one factor is drawn anew: all training images that share the others, by weight."""
    weights = np.ones(len(data)) if data.weights is None else data.weights
    weights = np.where(data.is_test, 0, weights)
    kernel = np.zeros((len(data), len(data)))
    for row, codes in enumerate(data.factors):
        beside = (np.delete(data.factors, column, 1) == np.delete(codes, column)).all(1) * weights
        kernel[row] = beside / beside.sum() if beside.any() else np.eye(len(data))[row]
    return kernel


def enumerated(data: Dataset, k: int) -> np.ndarray:
    """P(partner | image): the mean over all ordered choices of k factors that vary."""
    varying = [column for column in range(data.factors.shape[1]) if len(np.unique(data.factors[data.train, column])) > 1]
    kernels = {column: one_factor_anew(data, column) for column in varying}
    paths = []
    for chosen in permutations(varying, k):
        path = np.eye(len(data))
        for column in chosen:
            path = path @ kernels[column]
        paths.append(path)
    return np.mean(paths, 0)


def assert_distributed(found: np.ndarray, expected: np.ndarray) -> None:
    """Counts of rows against probabilities, by chi-square; what cannot be never is."""
    assert not found[expected == 0].any()
    expected = expected * found.sum(1, keepdims=True)
    cells = expected > 0
    chi_squared = ((found - expected)[cells] ** 2 / expected[cells]).sum()
    freedom = cells.sum() - len(found)
    assert chi_squared < freedom + 5 * np.sqrt(2 * freedom)


def counted(data: Dataset, draws: Pairs, n: int = 500) -> np.ndarray:
    """How often each image was whose partner, with n partners for each image."""
    found = np.zeros((len(data), len(data)))
    for first, second in draws.over(data, np.repeat(np.arange(len(data)), n), 1000):
        np.add.at(found, (first, second), 1)
    return found


WEIGHTED = np.random.default_rng(0).random(24) ** 3
WEIGHTED[[3, 8, 9, 10, 11]] = 0
DATA = {
    "whole grid": grid(),
    "held out": grid(test=HELD_OUT),
    "weighted": grid(test=HELD_OUT, weights=WEIGHTED),
    "combinations missing, others repeated": grid(rows=[0, 0, 0, 1, 2, 5, 6, 6, 9, 13, 14, 17, 20, 23, 23], test=[4, 13]),
    "a factor that training shows one value of": grid((3, 2, 3), test=[6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 1]),
}


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("data", DATA.values(), ids=DATA)
def test_pairs_are_distributed_as_enumeration_says(data, k):
    varying = sum(len(np.unique(column)) > 1 for column in data.factors[data.train].T)
    assert_distributed(counted(data, Pairs(k)), enumerated(data, min(k, varying - 1)))


@pytest.mark.parametrize("k", [1, 2, None])
def test_on_a_whole_grid_k_factors_are_uniform_and_independent(k):
    """In closed form: P(partner) is the mean over sets of k factors of 1 / their number of combinations."""
    data = grid()

    def closed_form(k: int) -> np.ndarray:
        found = np.zeros((24, 24))
        for chosen in combinations(range(3), k):
            same = [column for column in range(3) if column not in chosen]
            shares = (data.factors[:, None, same] == data.factors[None][..., same]).all(2)
            found += shares / np.prod([SIZES[column] for column in chosen])
        return found / len(list(combinations(range(3), k)))

    expected = closed_form(k) if k else (closed_form(1) + closed_form(2)) / 2
    assert k is None or np.allclose(enumerated(data, k), expected)
    assert_distributed(counted(data, Pairs(k)), expected)


@pytest.mark.parametrize("name", ["held out", "weighted"])
def test_partners_are_distributed_as_training_images_and_either_may_be_first(name):
    data = DATA[name]
    weights = np.ones(24) if data.weights is None else data.weights
    share = np.where(data.is_test, 0, weights)
    share = share / share.sum()
    for k in (1, 2):
        joint = share[:, None] * enumerated(data, k)
        np.testing.assert_allclose(joint, joint.T, atol=1e-15)
        np.testing.assert_allclose(joint.sum(0), share, atol=1e-15)


def test_training_draws_what_evaluation_does_and_first_images_as_one_batch_does():
    data = DATA["held out"]
    found = np.zeros((24, 24))
    for step in range(1_000):
        first, second = Pairs(1).indices(data, 9, 5, step)
        assert np.array_equal(first, Batches(1).indices(data, 9, 5, step)[0])
        np.add.at(found, (first, second), 1)
    train = data.split("train")
    assert not found[:, data.test].any()
    assert_distributed(found[train], enumerated(data, 1)[train])


@lru_cache
def some_ellipses(**options: str) -> Dataset:
    return load_dataset("ellipses", **options)


@pytest.mark.parametrize("options", [{}, {"unseen": "scale=0 x=0..7"}, {"correlate": "x,y,0.05"}, {"only": "scale=3 x=0..4"}])
@pytest.mark.parametrize("changed", [1, 2, None])
def test_partners_are_training_images_that_differ_in_few_factors(options, changed):
    data = some_ellipses(**options)
    most = changed or len(data.space.factors) - 1
    differing = []
    for step in range(20):
        first, second = Pairs(changed).indices(data, 64, 0, step)
        assert not data.is_test[second].any()
        differing.append((data.factors[first] != data.factors[second]).sum(1))
    assert max(map(max, differing)) == most
    if "correlate" not in options:  # where a position follows the other it keeps its value
        assert np.mean(differing) > 0.7 * np.mean(changed or np.arange(1, most + 1))


def test_held_out_images_have_partners_among_training_images_or_are_their_own():
    data = grid((2, 3, 4), test=[*range(8), 12])  # all of f0 = 0 and f1 < 2, and one more
    ((first, second),) = Pairs(1).over(data, np.tile(data.test, 300), 10_000)
    own = first == second
    assert not data.is_test[second[~own]].any()
    assert own.any()
    for row, partner in zip(first[~own], second[~own], strict=True):
        assert (data.factors[row] != data.factors[partner]).sum() == 1


def test_a_step_is_drawn_as_if_none_had_come_before():
    data, same = load_dataset(TINY), load_dataset(TINY)
    straight = [Pairs().indices(data, 16, 9, step) for step in range(12)]
    assert len({tuple(second) for _, second in straight}) == 12
    pairs._lines.cache_clear()
    for step in (11, 3, 7):
        again = Pairs().indices(same, 16, 9, step)
        assert all(np.array_equal(a, b) for a, b in zip(again, straight[step], strict=True))
    assert not np.array_equal(Pairs().indices(data, 16, 10, 3)[1], straight[3][1])


def test_partners_depend_on_the_seed_and_the_step_beside_the_first_images():
    data = replace(grid(), walk=np.arange(24))  # of which a batch of all has one of 24 orders
    for draws in ([(seed, 0) for seed in range(40)], [(0, step) for step in range(40)]):
        drawn = [Pairs().indices(data, 24, seed, step) for seed, step in draws]
        assert len({tuple(first) for first, _ in drawn}) <= 24
        assert len({tuple(second) for _, second in drawn}) == 40


@pytest.mark.parametrize("weights", [None, np.linspace(0, 1, 6_000)], ids=["uniform", "weighted"])
def test_the_largest_number_below_1_does_not_round_to_the_next_line(weights):
    data = grid((2_000, 3), test=[2, 302, 5_999], weights=weights)
    rows = np.arange(6_000)
    for along, column in ((0, 1), (1, 0)):
        moved = pairs._lines(data).move(rows, np.full(6_000, along), np.full(6_000, np.nextafter(1, 0)))
        assert np.array_equal(data.factors[moved, column], data.factors[rows, column])
        assert not data.is_test[moved].any()


def test_one_image_has_other_partners_in_other_epochs():
    data = load_dataset(TINY)
    steps = steps_per_epoch(data, 32)
    partners = [
        second[first == data.train[0]].tolist()
        for step in range(8 * steps)
        for first, second in [Pairs().indices(data, 32, 0, step)]
    ]
    assert len({partner for found in partners for partner in found}) > 3


def test_evaluation_passes_the_rows_in_order_with_the_same_partners_whatever_the_batch():
    data = load_dataset(TINY)
    rows = data.split("test")[::-1]
    small, large = ([np.concatenate(part) for part in zip(*Pairs().over(data, rows, size), strict=True)] for size in (7, 48))
    assert np.array_equal(small[0], rows)
    assert all(np.array_equal(a, b) for a, b in zip(small, large, strict=True))
    assert [len(first) for first, _ in Pairs().over(data, rows, 20)] == [20, 20, 8]
    assert not list(Pairs().over(data, rows[:0], 20))


def test_evaluation_without_factors_pairs_images_with_themselves():
    data = dataset_of(np.zeros((12, 8, 8), np.uint8))
    for first, second in Pairs(1).over(data, np.arange(12), 5):
        assert np.array_equal(first, second)


def test_weights_of_any_scale_stay_on_their_line():
    """Lines whose weights are 1e-300 of others', after thousands of these, are drawn from by their own proportions."""
    data = grid((2_000, 3), weights=np.tile([1.0, 3.0, 0.0], 2_000) * np.repeat(np.append(np.ones(1_999), 1e-300), 3))
    rows = np.full(4_000, 1_999 * 3)
    ((_, second),) = Pairs(1).over(data, rows, 4_000)
    along_last = second[second // 3 == 1_999] % 3
    assert set(along_last) == {0, 1}
    # a half of the pairs draws the last factor; of the others all leave this line but for one in 1e300
    assert len(along_last) == pytest.approx(2_000, abs=5 * np.sqrt(1_000))
    assert along_last.mean() == pytest.approx(0.75, abs=5 * np.sqrt(0.75 * 0.25 / 2_000))


def test_pairs_are_draws():
    assert isinstance(Pairs(), Draws)
    Pairs().check(load_dataset(TINY))
    Pairs(3).check(load_dataset(TINY))


SPARSE = grid((40, 40, 40), rows=np.random.default_rng(0).permutation(64_000)[:300])


@pytest.mark.parametrize(
    ("draws", "data", "says"),
    [
        (Pairs(), dataset_of(np.zeros((12, 8, 8), np.uint8)), "'arrays' has no factors. Choose a data set"),
        (Pairs(1), grid((1, 9)), "one factor varies"),
        (Pairs(), grid((3, 3), test=[3, 4, 5, 6, 7, 8]), "one factor varies"),
        (Pairs(), grid((3, 3), test=[0, 1, 2, 3, 4, 5, 6, 7]), "no factor varies"),
        (Pairs(3), grid(), "--changed is 3; of the 3 factors that vary in the training images of 'grid', 1 to 2 can"),
        (Pairs(0), grid(), "--changed is 0"),
        (Pairs(1), SPARSE, "of the 300 training images of 'grid' have another one"),
    ],
)
def test_data_sets_that_are_refused(draws, data, says):
    with pytest.raises(UsageError) as refusal:
        draws.check(data)
    assert says in str(refusal.value)


def test_continuous_factors_have_no_pairs():
    data = load_dataset("ellipses", continuous="x", images=60)
    with pytest.raises(UsageError, match=r"no two images of 'ellipses' share a value of a continuous factor \(x\)"):
        Pairs().check(data)
