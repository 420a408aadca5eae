import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.grids.selection import pair_weights, parse_selection
from unbraid.errors import UnknownName, UsageError

fixed = settings(derandomize=True, max_examples=40, database=None)


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("size=1", {"size": [1]}),
        ("shape=c", {"shape": [2]}),
        ("shape=c,a", {"shape": [0, 2]}),
        ("shape=0,b", {"shape": [0, 1]}),
        ("shape=a..c", {"shape": [0, 1, 2]}),
        ("angle=0,2..3", {"angle": [0, 2, 3]}),
        ("angle=3,1,1..2", {"angle": [1, 2, 3]}),
        ("  size=0   angle=2..2 ", {"size": [0], "angle": [2]}),
    ],
)
def test_what_a_text_means(small_space, text, chosen):
    assert parse_selection(text, small_space, "--only") == chosen


@fixed
@given(st.sets(st.integers(0, 30), min_size=1), st.data())
def test_any_set_of_codes_can_be_written_in_any_order(codes, data):
    space = FactorSpace((Factor("x", tuple(map(float, range(31)))),))
    written = data.draw(st.permutations(sorted(codes)))
    assert parse_selection("x=" + ",".join(map(str, written)), space, "--only") == {"x": sorted(codes)}


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("", UsageError, r"--only '' selects nothing.*Factors: shape 0\.\.2, size 0\.\.1, angle 0\.\.3"),
        ("size", UsageError, "'size' is not NAME=VALUES"),
        ("size=0; shape=a", UsageError, "has a semicolon; --only takes the values of one part"),
        ("size=", UsageError, "'size=' is not NAME=VALUES"),
        ("size=0 angle", UsageError, "'angle' is not NAME=VALUES"),
        ("size=0 size=1", UsageError, "names size twice; give all its values at once"),
        ("sise=0", UnknownName, "Unknown factor 'sise' in --only. Did you mean 'size'"),
        ("shape=d", UsageError, "shape has no value 'd'; allowed: 0 to 2 or a, b, c"),
        ("angle=4", UsageError, r"angle has no value '4'; allowed: 0 to 3\."),
        ("angle=-1", UsageError, "angle has no value '-1'; allowed: 0 to 3"),
        ("angle=1.5", UsageError, "angle has no value '1.5'"),
        ("angle=²", UsageError, "angle has no value '²'"),
        ("angle=1,", UsageError, "a value of angle is missing"),
        ("angle=1..", UsageError, "a value of angle is missing"),
        ("angle=0..9", UsageError, "angle has no value '9'"),
        ("angle=3..1", UsageError, r"angle=3\.\.1 runs backwards; give 1\.\.3"),
    ],
)
def test_texts_that_are_refused(small_space, text, error, says):
    with pytest.raises(error, match=says):
        parse_selection(text, small_space, "--only")


def test_weights_are_the_published_density(small_space):
    """Image by image, from values of the two factors scaled to run from 0 to 1."""
    weights = pair_weights("shape, angle, 0.3", small_space)
    for weight, (shape, _, angle) in zip(weights, small_space.at(np.arange(24)), strict=True):
        assert weight == pytest.approx(np.exp(-((shape / 2 - angle / 3) ** 2) / (2 * 0.3**2)), rel=1e-12)


def test_weights_are_the_same_whichever_factor_comes_first(small_space):
    assert np.array_equal(pair_weights("shape,angle,0.2", small_space), pair_weights("angle,shape,0.2", small_space))


def test_a_wide_sigma_correlates_nothing_and_a_narrow_one_ties_the_two(small_space):
    assert np.ptp(pair_weights("size,angle,1e6", small_space)) < 1e-11
    kept = small_space.at(np.flatnonzero(pair_weights("size,angle,0.001", small_space) > 0))
    assert np.unique(kept[:, 1:], axis=0).tolist() == [[0, 0], [1, 3]]


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("", UsageError, r'give two factors and sigma, as in "x,y,0\.2"'),
        ("size,angle", UsageError, "give two factors and sigma"),
        ("size,angle,0.2,0.3", UsageError, "give two factors and sigma"),
        ("size,angel,0.2", UnknownName, "Unknown factor 'angel' in --correlate. Did you mean 'angle'"),
        ("size,size,0.2", UsageError, "give two different factors"),
        ("size,angle,wide", UsageError, "sigma is 'wide'; allowed: a finite number at least 0.001"),
        ("size,angle,0", UsageError, "sigma is '0'"),
        ("size,angle,-1", UsageError, "sigma is '-1'"),
        ("size,angle,nan", UsageError, "sigma is 'nan'"),
        ("size,angle,inf", UsageError, "sigma is 'inf'"),
    ],
)
def test_correlations_that_are_refused(small_space, text, error, says):
    with pytest.raises(error, match=says):
        pair_weights(text, small_space)


def test_a_factor_with_a_single_value_goes_along_with_nothing(small_space):
    space, _ = small_space.subgrid(angle=[2])
    with pytest.raises(UsageError, match="angle has a single value"):
        pair_weights("size,angle,0.2", space)
