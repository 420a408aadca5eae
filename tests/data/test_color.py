import numpy as np
import pytest

from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.grids.color import Tinted, colored, hue_tints
from unbraid.data.storage import ByteImages
from unbraid.errors import UsageError


@pytest.fixture
def gray() -> ByteImages:
    return ByteImages(np.random.default_rng(0).integers(0, 256, size=(24, 1, 4, 4), dtype=np.uint8))


def test_hues_go_round_the_color_circle():
    red, yellow, green, cyan, blue, magenta = [255, 0, 0], [255, 255, 0], [0, 255, 0], [0, 255, 255], [0, 0, 255], [255, 0, 255]
    assert hue_tints(6).tolist() == [red, yellow, green, cyan, blue, magenta]
    assert hue_tints(12)[1].tolist() == [255, 128, 0]  # orange: half of green's way up


def test_a_tinted_pixel_is_gray_times_tint_to_the_nearest_level():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    tint = np.array([[[255, 0, 77]]], dtype=np.uint8)
    image = Tinted(ByteImages(levels), tint).bytes(np.array([0]))[0]
    for channel, amount in enumerate((255, 0, 77)):
        assert np.array_equal(image[channel].reshape(-1), np.rint(np.arange(256) * amount / 255))


def test_floats_are_shares_of_the_bytes(gray, small_space):
    store, _ = colored(gray, small_space, "random", 8)
    index = np.array([3, 20, 3])
    assert store.floats(index).dtype == np.float32
    assert np.array_equal(store.floats(index), store.bytes(index) / np.float32(255))


def test_without_color_nothing_changes(gray, small_space):
    assert colored(gray, small_space, "none", 8) == (gray, small_space)


def test_hue_is_the_first_factor_and_multiplies_the_grid(gray, small_space):
    store, space = colored(gray, small_space, "factor", 5)
    assert space.names == ("hue", "shape", "size", "angle")
    assert (space.factors[0].size, space.factors[0].kind) == (5, "circular")
    assert (len(store), store.shape) == (120, (3, 4, 4))
    for i in (0, 23, 24, 119):
        hue, source = space.at(np.array([i]))[0, 0], small_space.index(space.at(np.array([i]))[:, 1:])
        expected = np.rint(gray.bytes(source).astype(float) * hue_tints(5)[hue][None, :, None, None] / 255)
        assert np.array_equal(store.bytes(np.array([i])), expected)


def test_nuisance_colors_are_fixed_uniform_in_the_upper_half_and_independent():
    n = 20_000
    white = ByteImages(np.full((n, 1, 1, 1), 255, dtype=np.uint8))
    space = FactorSpace((Factor("a", tuple(map(float, range(n)))),))
    store, same = colored(white, space, "random", 8)
    assert same is space
    tints = store.bytes(np.arange(n))[:, :, 0, 0].astype(float)
    assert np.array_equal(tints, colored(white, space, "random", 8)[0].bytes(np.arange(n))[:, :, 0, 0])
    assert tints.min() == 128
    assert tints.max() == 255
    # a mean of n uniform variables of width 127.5 has deviation 127.5 / sqrt(12 n) = 0.26
    assert np.abs(tints.mean(0) - 0.75 * 255).max() < 5 * 0.26
    assert np.abs(np.corrcoef(tints.T) - np.eye(3)).max() < 5 / np.sqrt(n)
    assert np.abs(tints.std(0) / (127.5 / np.sqrt(12)) - 1).max() < 0.03


def test_black_stays_black(small_space):
    black = ByteImages(np.zeros((24, 1, 2, 2), dtype=np.uint8))
    for color in ("factor", "random"):
        store, _ = colored(black, small_space, color, 4)
        assert not store.bytes(np.arange(len(store))).any()


def test_images_in_color_are_refused(small_space):
    with pytest.raises(UsageError, match=r"3 channels cannot be colored; allowed: 1 channel\. Give --color none"):
        colored(ByteImages(np.zeros((24, 3, 2, 2), dtype=np.uint8)), small_space, "random", 4)
