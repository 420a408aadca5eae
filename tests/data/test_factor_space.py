from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.sets.dsprites import dsprites_space
from unbraid.errors import UnknownName, UsageError

fixed = settings(derandomize=True, max_examples=40, database=None)
sizes = st.lists(st.integers(1, 6), min_size=1, max_size=5)


def space_of(sizes: list[int]) -> FactorSpace:
    return FactorSpace(tuple(Factor(f"f{k}", tuple(10.0 * k + v for v in range(n))) for k, n in enumerate(sizes)))


@fixed
@given(sizes)
def test_images_are_numbered_like_an_odometer(sizes):
    space = space_of(sizes)
    codes = np.array(list(product(*map(range, sizes))))
    assert len(space) == len(codes)
    assert np.array_equal(space.at(np.arange(len(space))), codes)
    assert np.array_equal(space.index(codes), np.arange(len(space)))


@fixed
@given(sizes, st.integers(0, 2**32), st.data())
def test_fixed_factors_stay_and_rows_are_found_by_search(sizes, seed, data):
    space = space_of(sizes)
    held = data.draw(st.sets(st.sampled_from(space.names)))
    codes = {name: data.draw(st.integers(0, space.sizes[space.column(name)] - 1)) for name in held}
    everything = space.at(np.arange(len(space)))
    wanted = [row for row in range(len(space)) if all(everything[row, space.column(n)] == c for n, c in codes.items())]
    assert space.rows(**codes).tolist() == wanted
    sampled = space.sample(50, rng=np.random.default_rng(seed), **codes)
    assert set(space.index(sampled).tolist()) <= set(wanted)


def test_samples_are_uniform_and_independent(small_space):
    sample = small_space.sample(24_000, rng=np.random.default_rng(0))
    counts = np.bincount(small_space.index(sample), minlength=24)
    assert ((counts - 1000) ** 2 / 1000).sum() < 49.7  # chi-square with 23 degrees of freedom: 0.1 %


@fixed
@given(sizes, st.data())
def test_a_subgrid_maps_to_the_same_values(sizes, data):
    space = space_of(sizes)
    name = data.draw(st.sampled_from(space.names))
    column = space.column(name)
    keep = data.draw(st.permutations(range(sizes[column])).map(lambda p: p[: max(1, len(p) // 2)]))
    small, index = space.subgrid(**{name: keep})
    assert len(index) == len(small)
    assert np.array_equal(small.values(small.at(np.arange(len(small)))), space.values(space.at(index)))


def test_values_are_looked_up_factor_by_factor(small_space):
    assert small_space.values(np.array([[2, 0, 3], [1, 1, 0]])).tolist() == [[2, 0.5, 3], [1, 1, 0]]


def test_a_traverse_runs_through_one_factor(small_space):
    codes = small_space.traverse([2, 1, 3], "angle")
    assert codes.tolist() == [[2, 1, 0], [2, 1, 1], [2, 1, 2], [2, 1, 3]]
    assert small_space.traverse(np.array([2, 1, 3]), "size").tolist() == [[2, 0, 3], [2, 1, 3]]


def test_a_circle_that_loses_values_becomes_a_line(small_space):
    angle = small_space.factors[2]
    assert angle.select([0, 1, 3]).kind == "ordinal"
    assert angle.select([0, 1, 2, 3]).kind == "circular"
    assert angle.select([3, 1]).values == (3.0, 1.0)
    assert angle.select([1]).unit == "rad"


def test_labels_follow_their_values(small_space):
    shape = small_space.factors[0].select([2, 0])
    assert (shape.labels, shape.values, shape.kind) == (("c", "a"), (2, 0), "categorical")


def test_one_factor_of_one_value_is_a_space():
    space = FactorSpace((Factor("only", (7.0,)),))
    assert len(space) == 1
    assert space.at(np.array([0])).tolist() == [[0]]
    assert space.index(np.array([[0]])).tolist() == [0]


def test_no_rows_are_fine(small_space):
    assert small_space.at(np.zeros(0, dtype=np.int64)).shape == (0, 3)
    assert small_space.index(np.zeros((0, 3), dtype=np.int64)).shape == (0,)


def test_dsprites_numbers_its_images_as_the_published_file():
    space = dsprites_space()
    assert space.names == ("shape", "scale", "orientation", "x", "y")
    assert space.sizes == (3, 6, 40, 32, 32)
    assert space.index(np.eye(5, dtype=np.int64)).tolist() == [245_760, 40_960, 1_024, 32, 1]
    assert len(space) == 737_280


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (lambda s: s.column("color"), "Unknown factor 'color'"),
        (lambda s: s.rows(angel=1), "Did you mean 'angle'"),
        (lambda s: s.rows(angle=4), "angle = 4; allowed: 0 to 3"),
        (lambda s: s.rows(angle=-1), "angle = -1; allowed: 0 to 3"),
        (lambda s: s.sample(1, rng=np.random.default_rng(0), size=2), "size = 2; allowed: 0 to 1"),
        (lambda s: s.index(np.array([[0, 0, 0], [0, 2, 0]])), "Row 1 has size = 2; allowed: 0 to 1"),
        (lambda s: s.index(np.array([[-1, 0, 0]])), "Row 0 has shape = -1; allowed: 0 to 2"),
        (lambda s: s.index(np.array([[0, 0]])), r"shape \(1, 2\).*3 columns: shape, size, angle"),
        (lambda s: s.values(np.array([[0, 0, -1]])), "angle = -1; allowed: 0 to 3"),
        (lambda s: s.at(np.array([0, 24])), "Image index 24 is out of range; allowed: 0 to 23"),
        (lambda s: s.at(np.array([-1])), "Image index -1 is out of range"),
        (lambda s: s.traverse([0, 0], "angle"), "3 columns: shape, size, angle"),
        (lambda s: s.traverse([0, 0, 9], "size"), "angle = 9; allowed: 0 to 3"),
        (lambda s: s.subgrid(angle=[1, 1]), r"Codes \[1, 1\] of factor 'angle': give distinct codes from 0 to 3"),
        (lambda s: s.subgrid(angle=[]), "give distinct codes"),
        (lambda s: s.subgrid(angle=[4]), "give distinct codes from 0 to 3"),
        (lambda s: s.subgrid(angel=[1]), "Unknown factor 'angel'"),
        (lambda _: Factor("empty", ()), "'empty' has no values; give at least one"),
        (lambda _: Factor("odd", (1.0, 2.0), labels=("a",)), "2 values but 1 labels"),
        (lambda _: FactorSpace(()), "at least one factor"),
        (lambda _: FactorSpace((Factor("a", (1.0,)), Factor("a", (1.0,)))), "names must differ, given"),
    ],
)
def test_errors_say_what_is_allowed(small_space, wrong, text):
    with pytest.raises(UsageError, match=text):
        wrong(small_space)


def test_an_unknown_factor_is_an_unknown_name(small_space):
    with pytest.raises(UnknownName):
        small_space.column("color")
