import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.grids.order import all_factors_walk, one_factor_walk, presentation
from unbraid.data.sets.dsprites import dsprites_space
from unbraid.data.sets.ellipses import ellipses_space

fixed = settings(derandomize=True, max_examples=40, database=None)
KINDS = ["ordinal", "circular", "categorical"]
shapes = st.lists(st.tuples(st.integers(1, 6), st.sampled_from(KINDS)), min_size=1, max_size=4)


def space_of(shape) -> FactorSpace:
    return FactorSpace(tuple(Factor(f"f{k}", tuple(map(float, range(n))), kind) for k, (n, kind) in enumerate(shape)))


def changes(space: FactorSpace, walk: np.ndarray) -> np.ndarray:
    """Steps that each factor makes from image to image; the short way round where it goes round."""
    steps = np.abs(np.diff(space.at(walk), axis=0))
    for column, factor in enumerate(space.factors):
        if factor.kind != "ordinal":
            steps[:, column] = np.minimum(steps[:, column], factor.size - steps[:, column])
    return steps


@fixed
@given(shapes)
def test_both_walks_pass_every_image_once(shape):
    space = space_of(shape)
    for walk in (one_factor_walk(space), all_factors_walk(space)):
        assert sorted(walk.tolist()) == list(range(len(space)))


@fixed
@given(shapes)
def test_one_factor_changes_by_one_step(shape):
    space = space_of(shape)
    steps = np.abs(np.diff(space.at(one_factor_walk(space)), axis=0))
    assert (steps.sum(axis=1) == 1).all()


def test_the_last_factor_runs_to_and_fro():
    space = space_of([(2, "ordinal"), (3, "ordinal")])
    assert space.at(one_factor_walk(space)).tolist() == [[0, 0], [0, 1], [0, 2], [1, 2], [1, 1], [1, 0]]


def test_one_factor_at_a_time_on_the_ellipses():
    space = ellipses_space()
    steps = np.abs(np.diff(space.at(one_factor_walk(space)), axis=0))
    assert len(steps) == 61_439
    assert (steps.sum(axis=1) == 1).all()


@pytest.mark.parametrize(
    ("space", "all_change", "all_by_one"),
    [
        (ellipses_space(), 0.96, 0.65),
        (dsprites_space().subgrid(orientation=[0, 10, 20, 29], x=range(0, 30, 3), y=range(0, 30, 3))[0], 0.43, 0.25),
    ],
    ids=["ellipses", "dsprites_reduced"],
)
def test_how_often_all_factors_change(space, all_change, all_by_one):
    """96 % of the neighbors among the ellipses differ in all four factors, 65 % in each by one step."""
    steps = changes(space, all_factors_walk(space))
    assert all_change <= (steps > 0).all(axis=1).mean() <= all_change + 0.01
    assert all_by_one <= (steps == 1).all(axis=1).mean() <= all_by_one + 0.01


def test_ellipses_differ_in_two_factors_at_least():
    assert (changes(ellipses_space(), all_factors_walk(ellipses_space())) > 0).sum(axis=1).min() == 2


def test_a_circle_of_all_factors_closes_over_coprime_periods():
    """Periods without a common divisor make one line through everything, all factors by one step at every image."""
    space = space_of([(3, "circular"), (4, "circular"), (5, "circular")])
    walk = all_factors_walk(space)
    assert (changes(space, walk) == 1).all()
    assert walk[:4].tolist() == space.index(np.array([[0, 0, 0], [1, 1, 1], [2, 2, 2], [0, 3, 3]])).tolist()


def test_a_lone_ordinal_factor_goes_once_there():
    assert all_factors_walk(space_of([(5, "ordinal")])).tolist() == [0, 1, 2, 3, 4]


def test_presentation_by_name():
    space = space_of([(2, "ordinal"), (3, "ordinal")])
    assert presentation(space, "shuffled") is None
    assert np.array_equal(presentation(space, "one_factor"), one_factor_walk(space))
    assert np.array_equal(presentation(space, "all_factors"), all_factors_walk(space))
