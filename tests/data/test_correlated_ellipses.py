import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from unbraid.data.dataset import load_dataset
from unbraid.data.sets.correlated_ellipses import correlated_ellipses_space, draw_factors, filled_ellipse
from unbraid.errors import UsageError

N = 200_000


@pytest.fixture(scope="module")
def codes() -> np.ndarray:
    return draw_factors(N, 0.5)


def share_of_code(code: int, size: int) -> float:
    """Probability of a code: of the part of a normal variable between -1 and 1 that it covers, and of what is cut off."""
    edges = np.linspace(-1, 1, size)
    low = -np.inf if code == 0 else edges[code]
    high = np.inf if code == size - 1 else edges[code + 1]
    return float(norm.cdf(high) - norm.cdf(low))


def test_each_factor_has_the_shares_of_a_cut_off_normal(codes):
    for column, size in enumerate((32, 32, 6, 40)):
        found = np.bincount(codes[:, column], minlength=size)
        expected = N * np.array([share_of_code(code, size) for code in range(size)])
        assert expected.sum() == pytest.approx(N)
        chi_square = ((found - expected) ** 2 / expected).sum()
        assert chi_square < size - 1 + 5 * np.sqrt(2 * (size - 1))
    assert (codes[:, 0] == 31).mean() == pytest.approx(norm.cdf(-1), abs=0.005)  # a sixth


@pytest.mark.parametrize("correlation", [0.5, -0.8, 0.0])
def test_pairs_have_the_shares_of_a_cut_off_binormal(correlation):
    """Both cut off below, both above, and one of each: from the bivariate normal distribution."""
    codes = draw_factors(N, correlation)
    both = float(multivariate_normal([0, 0], [[1, correlation], [correlation, 1]]).cdf([-1, -1]))
    top = np.array(correlated_ellipses_space().sizes) - 1
    for first in (0, 2):
        high = codes[:, [first, first + 1]] == top[[first, first + 1]]
        # the lowest code also holds the first step above -1; the highest holds what was cut off alone
        assert high.all(1).mean() == pytest.approx(both, abs=5 * np.sqrt(both / N))
        first_step = np.linspace(-1, 1, top[first + 1] + 1)[1]
        mixed = float(multivariate_normal([0, 0], [[1, -correlation], [-correlation, 1]]).cdf([-1, first_step]))
        seen = (high[:, 0] & (codes[:, first + 1] == 0)).mean()
        assert seen == pytest.approx(mixed, abs=5 * np.sqrt(mixed / N))


def test_factors_of_different_pairs_are_independent(codes):
    correlations = np.corrcoef(codes.T)
    assert np.abs(correlations[:2, 2:]).max() < 5 / np.sqrt(N)
    assert correlations[0, 1] > 0.4
    assert correlations[2, 3] > 0.4


def test_everybody_has_the_same_images_and_fewer_are_the_first_of_many(codes):
    assert np.array_equal(draw_factors(1_000, 0.5), codes[:1_000])
    few, more = load_dataset("correlated_ellipses", images=20), load_dataset("correlated_ellipses", images=50)
    assert np.array_equal(few.factors, more.factors[:20])
    assert np.array_equal(few.images.bytes(np.arange(20)), more.images.bytes(np.arange(20)))


def test_images_are_those_of_the_description():
    """Drawn again one by one, pixel by pixel of the canvas, from the factor values."""
    dataset = load_dataset("correlated_ellipses", images=60)
    down, right = np.mgrid[:256, :256]
    for image, values in zip(
        dataset.images.bytes(np.arange(60))[:, 0], dataset.space.values(dataset.factors.astype(np.int64)), strict=True
    ):
        x, y, scale, degrees = values
        turn = np.radians(degrees)
        a, b = round(50 * scale) + 0.5, round(25 * scale) + 0.5
        u, v = right - round(156 * x + 50), down - round(156 * y + 50)
        white = ((u * np.cos(turn) + v * np.sin(turn)) / a) ** 2 + ((v * np.cos(turn) - u * np.sin(turn)) / b) ** 2 <= 1
        assert np.array_equal(image, np.rint(255 * white.reshape(64, 4, 64, 4).mean(axis=(1, 3))))


def test_a_quarter_turn_stands_the_ellipse_up_and_small_turns_go_clockwise():
    assert np.array_equal(filled_ellipse(50, 25, 90.0), filled_ellipse(50, 25, 0.0).T)
    right_end = filled_ellipse(50, 25, 20.0)[:, 95]
    assert np.flatnonzero(right_end).mean() > 50  # rows grow downwards


def test_what_is_known_about_it():
    dataset = load_dataset("correlated_ellipses", images=2_000, test_share=0.25)
    assert dataset.space.names == ("x", "y", "scale", "rotation")
    assert dataset.space.sizes == (32, 32, 6, 40)
    assert dataset.space.factors[3].values[39] == 360
    assert (len(dataset), len(dataset.test), dataset.shape) == (2_000, 500, (1, 64, 64))


def test_the_whole_set_needs_no_file(cache):
    dataset = load_dataset("correlated_ellipses")
    assert len(dataset) == N
    assert not cache.exists()
    store = dataset.images
    kept = sum(array.nbytes for array in vars(store).values() if isinstance(array, np.ndarray))
    assert kept < 10e6  # as bytes of pixels it would be 819 MB


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"images": 1}, "--images .* is 1; allowed: a whole number at least 2"),
        ({"correlation": 1.0}, "--correlation .* is 1.0; allowed: a finite number above -1 and below 1"),
        ({"only": "x=1"}, "Unknown option"),
    ],
)
def test_options_that_are_refused(options, text):
    with pytest.raises(UsageError, match=text):
        load_dataset("correlated_ellipses", **options)
