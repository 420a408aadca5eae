import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unbraid.data import draws
from unbraid.data.dataset import Dataset
from unbraid.data.draws import Batches, steps_per_epoch
from unbraid.data.storage import ByteImages
from unbraid.errors import UsageError

fixed = settings(derandomize=True, max_examples=40, database=None)


def dataset_of(n: int, test: list[int], walk: np.ndarray | None = None, weights: np.ndarray | None = None) -> Dataset:
    pixels = np.zeros((n, 1, 1, 1), dtype=np.uint8)
    return Dataset("toy", ByteImages(pixels), np.array(test, dtype=np.int64), walk=walk, weights=weights)


def epoch(dataset, batch_size: int, seed: int, number: int = 0, count: int = 1) -> list[np.ndarray]:
    """The concatenated batches of an epoch, one array per stream."""
    steps = steps_per_epoch(dataset, batch_size)
    drawn = [Batches(count).indices(dataset, batch_size, seed, number * steps + k) for k in range(steps)]
    return [np.concatenate(stream) for stream in zip(*drawn, strict=True)]


@fixed
@given(st.integers(2, 60), st.integers(1, 60), st.integers(0, 2**53), st.integers(0, 3))
def test_an_epoch_is_without_replacement_and_drops_the_short_batch(n, batch_size, seed, number):
    test = list(range(0, n - 1, 3))
    dataset = dataset_of(n, test)
    n_train = n - len(test)
    batch_size = min(batch_size, n_train)
    (drawn,) = epoch(dataset, batch_size, seed, number)
    assert len(drawn) == n_train // batch_size * batch_size
    assert len(set(drawn.tolist())) == len(drawn)
    assert not set(drawn.tolist()) & set(test)


def test_images_left_out_differ_from_epoch_to_epoch():
    dataset = dataset_of(11, [])
    left_out = [set(range(11)) - set(epoch(dataset, 5, 0, number)[0].tolist()) for number in range(12)]
    assert all(len(left) == 1 for left in left_out)
    assert len(set.union(*left_out)) > 3


def test_the_order_depends_on_the_seed_and_the_epoch():
    dataset = dataset_of(50, [])
    orders = {tuple(epoch(dataset, 10, seed, number)[0]) for seed in range(3) for number in range(3)}
    assert len(orders) == 9


def test_the_order_depends_on_nothing_else():
    """Another data set of the same size, another batch size, other draws before: the same images in the same order."""
    first, second = dataset_of(60, [0, 7]), dataset_of(60, [0, 7])
    expected = epoch(first, 29, 4)[0]
    np.random.default_rng(0).random(10)
    assert np.array_equal(epoch(second, 29, 4)[0], expected)
    assert np.array_equal(epoch(first, 2, 4)[0], expected)


def test_a_step_is_drawn_as_if_none_had_come_before():
    """So that a resumed run goes on exactly where it stopped."""
    dataset, batches = dataset_of(40, [1, 2, 3]), Batches(2)
    straight = [batches.indices(dataset, 8, 9, step) for step in range(30)]
    draws._epoch.cache_clear()
    for step in np.random.default_rng(1).permutation(30):
        again = batches.indices(dataset_of(40, [1, 2, 3]), 8, 9, int(step))
        assert all(np.array_equal(a, b) for a, b in zip(again, straight[step], strict=True))


def test_streams_are_independent():
    dataset = dataset_of(1_000, [])
    first, second = epoch(dataset, 100, 0, count=2)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.1
    assert np.array_equal(first, epoch(dataset, 100, 0, count=1)[0])  # further streams leave the first as it is
    assert sorted(second) == list(range(1_000))


def test_streams_are_not_later_epochs_or_seeds():
    dataset = dataset_of(100, [])
    orders = [tuple(stream) for seed in range(3) for number in range(3) for stream in epoch(dataset, 10, seed, number, count=3)]
    assert len(set(orders)) == 27


def test_a_walk_is_followed_from_a_random_place_over_training_images_alone():
    walk = np.arange(30)[::-1].copy()
    dataset = dataset_of(30, [4, 5, 20], walk)
    path = [i for i in range(29, -1, -1) if i not in (4, 5, 20)]
    starts = set()
    for number in range(6):
        (drawn,) = epoch(dataset, 9, 3, number)
        start = path.index(drawn[0])
        assert drawn.tolist() == path[start:] + path[:start]
        starts.add(start)
    assert len(starts) > 2


def test_an_epoch_is_the_permutation_that_it_always_was():
    """Runs of earlier versions resume on the same images."""
    train = np.array([i for i in range(20) if i not in (1, 2)])
    for number, stream in ((0, 0), (3, 1)):
        expected = np.random.default_rng([7, stream, number]).permutation(train)
        assert np.array_equal(epoch(dataset_of(20, [1, 2]), 6, 7, number, count=2)[stream], expected)


def test_images_are_drawn_as_often_as_their_weights_say():
    """Counts over many epochs against their expectation, by chi-square; weights of test images count for nothing."""
    weights = np.arange(12.0)
    weights[3] = 1e9
    dataset = dataset_of(12, [3, 8], weights=weights)
    drawn = np.concatenate([epoch(dataset, 5, 0, number)[0] for number in range(2_000)])
    assert len(drawn) == 20_000
    found = np.bincount(drawn, minlength=12)
    assert not found[[0, 3, 8]].any()
    kept = [1, 2, 4, 5, 6, 7, 9, 10, 11]
    expected = 20_000 * weights[kept] / weights[kept].sum()
    assert ((found[kept] - expected) ** 2 / expected).sum() < 8 + 5 * np.sqrt(16)


def test_draws_by_weight_are_independent():
    """With replacement: of two draws in a row both are the same image with probability sum p^2."""
    weights = np.array([1.0, 2.0, 3.0, 4.0])
    dataset = dataset_of(4, [], weights=weights)
    pairs = np.stack([epoch(dataset, 4, 1, number)[0] for number in range(5_000)])
    p = weights / 10
    same = (pairs[:, 0] == pairs[:, 1]).mean()
    assert same == pytest.approx((p**2).sum(), abs=5 * np.sqrt(0.3 * 0.7 / 5_000))


def test_a_factor_of_the_weights_does_not_matter():
    first, second = (dataset_of(30, [4], weights=factor * np.arange(30.0)) for factor in (1.0, 2.0**1000))
    assert np.array_equal(epoch(first, 7, 5)[0], epoch(second, 7, 5)[0])


def test_a_weighted_step_is_drawn_as_if_none_had_come_before():
    weights = np.random.default_rng(0).random(40)
    batches = Batches(2)
    straight = [batches.indices(dataset_of(40, [1], weights=weights), 8, 9, step) for step in range(20)]
    assert len({tuple(batch) for pair in straight for batch in pair}) == 40
    for step in (19, 3, 11):
        again = batches.indices(dataset_of(40, [1], weights=weights), 8, 9, step)
        assert all(np.array_equal(a, b) for a, b in zip(again, straight[step], strict=True))


def test_correlated_factors_have_the_correlation_of_their_density():
    from unbraid.data.dataset import load_dataset

    dataset = load_dataset("ellipses", correlate="x,y,0.2", only="scale=5 orientation=0,20")
    values = np.linspace(0, 1, 16)
    density = np.exp(-((values[:, None] - values) ** 2) / (2 * 0.2**2))
    density /= density.sum()
    mean = density.sum(1) @ values
    variance = density.sum(1) @ (values - mean) ** 2
    expected = (values - mean) @ density @ (values - mean) / variance
    drawn = np.concatenate([epoch(dataset, 50, 0, number)[0] for number in range(100)])
    x, y, orientation = dataset.factors[drawn].T
    # images held out are a random tenth, which moves the correlation of so small a grid by a few hundredths
    assert np.corrcoef(x, y)[0, 1] == pytest.approx(expected, abs=0.04)
    assert expected > 0.7
    assert abs(np.corrcoef(x, orientation)[0, 1]) < 0.1


def test_steps_per_epoch_counts_full_batches():
    assert steps_per_epoch(dataset_of(20, [1, 2]), 5) == 3
    assert steps_per_epoch(dataset_of(20, [1, 2]), 18) == 1


@pytest.mark.parametrize(
    ("batch_size", "text"),
    [(19, "--batch-size 19 is more than the 18 training images of 'toy'"), (0, "--batch-size 0; allowed: at least 1")],
)
def test_batch_sizes_that_are_refused(batch_size, text):
    with pytest.raises(UsageError, match=text):
        Batches().indices(dataset_of(20, [1, 2]), batch_size, 0, 0)
