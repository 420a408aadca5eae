import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unbraid.data import draws
from unbraid.data.dataset import Dataset
from unbraid.data.draws import Batches, steps_per_epoch
from unbraid.data.storage import ByteImages
from unbraid.errors import UsageError

fixed = settings(derandomize=True, deadline=None, max_examples=40, database=None)


def dataset_of(n: int, test: list[int], walk: np.ndarray | None = None) -> Dataset:
    return Dataset("toy", ByteImages(np.zeros((n, 1, 1, 1), dtype=np.uint8)), np.array(test, dtype=np.int64), walk=walk)


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
