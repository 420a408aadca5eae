import numpy as np
import pytest

from unbraid.data.dataset import load_dataset
from unbraid.data.drawing.antialias import draw_gray
from unbraid.data.drawing.raster import fill_polygon, place, words_to_bytes
from unbraid.data.sets.shapes import TURNS, shapes_space


def everything(dataset) -> np.ndarray:
    return dataset.images.bytes(np.arange(len(dataset)))[:, 0]


def test_a_half_covered_pixel_is_half_gray():
    box = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    image = draw_gray(box, np.array([2.5]), np.array([2.0]), 5)[0, 0]
    half = np.rint(255 / 2)
    assert image.tolist() == [[0] * 5, [0, half, 255, half, 0], [0, half, 255, half, 0], [0] * 5, [0] * 5]
    quarter = draw_gray(box, np.array([2.25]), np.array([2.5]), 5)[0, 0]
    assert quarter[2].tolist() == [0, np.rint(255 * 0.75), 255, np.rint(255 * 0.25), 0]
    assert quarter[1].tolist() == [0, np.rint(255 * 0.375), half, np.rint(255 * 0.125), 0]


def test_gray_is_the_mean_of_a_binary_image_four_times_as_fine():
    """Drawn once at 16 pixels with gray edges and once at 64 in black and white."""
    vertices = place(np.array([[-3.0, -2.0], [4.0, -1.0], [0.5, 3.0]]), 1.1, 0.7)
    x, y = np.array([7.25, 8.5]), np.array([6.75, 9.0, 8.125])
    gray = draw_gray(vertices, x, y, 16)
    words = fill_polygon(4 * vertices, 4 * x, 4 * y, 64)
    fine = np.unpackbits(words_to_bytes(words, 64), axis=-1).reshape(2, 3, 16, 4, 16, 4)
    off = np.abs(gray - 255 * fine.mean(axis=(3, 5)))
    assert off.max() < 255 / 16 + 1  # vertices are rounded to another fraction of the pixel; at most one sample changes
    assert (off > 1).mean() < 0.01


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("shape", ["heart", "square", "ellipse"])
def test_no_shape_is_cut_off(shape, antialias):
    images = everything(load_dataset("shapes", shape=shape, antialias=antialias, only="scale=5 x=0,15 y=0,15"))
    # the sums of every shape at opposite ends of the positions agree: nothing is lost at an edge
    by_place = images.reshape(2, 2, 40, 28, 28).astype(float)
    assert np.array_equal(by_place[0, 0, :, :21, :21].sum((1, 2)), by_place[0, 0].sum((1, 2)))
    assert np.allclose(by_place[0, 0].sum((1, 2)), by_place[1, 1].sum((1, 2)), rtol=1e-12)


def test_gray_and_binary_images_agree_inside_and_outside():
    gray, binary = (
        everything(load_dataset("shapes", antialias=kind, only="scale=5 rotation=0,7,23")) for kind in (True, False)
    )
    assert set(np.unique(binary)) == {0, 255}
    assert (binary[gray == 255] == 255).mean() > 0.999
    assert (binary[gray == 0] == 0).mean() > 0.999
    assert len(np.unique(gray)) == 17


def test_binary_images_are_numbered_by_their_factors():
    dataset = load_dataset("shapes", antialias=False, shape="all")
    assert dataset.space.names == ("shape", "x", "y", "scale", "rotation")
    assert dataset.space.factors[0].labels == ("heart", "square", "ellipse")
    assert len(dataset) == 3 * 61_440
    assert np.array_equal(dataset.space.index(dataset.factors.astype(np.int64)), np.arange(len(dataset)))


@pytest.mark.parametrize(
    ("shape", "turn"), [("heart", 2 * np.pi), ("square", np.pi / 2), ("ellipse", np.pi), ("all", 2 * np.pi)]
)
def test_rotations_end_before_a_shape_looks_the_same(shape, turn):
    values = shapes_space(shape).factors[-1].values
    assert np.diff(values) == pytest.approx(np.full(39, turn / 40))
    assert values[0] == 0
    assert TURNS[shape] == turn


def test_a_shape_alone_is_that_shape_of_all():
    """A quarter turn of the square is ten rotations of all three."""
    alone, all_three = load_dataset("shapes", shape="square"), load_dataset("shapes", shape="all", only="shape=square")
    codes = all_three.factors[all_three.factors[:, 3] < 10].astype(np.int64)
    codes_alone = codes * [1, 1, 1, 4]
    first = all_three.images.bytes(all_three.space.index(codes))
    second = alone.images.bytes(alone.space.index(codes_alone))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("size", [28, 32, 64])
def test_sizes(size):
    dataset = load_dataset("shapes", size=size, antialias=False)
    assert (len(dataset), dataset.shape) == (61_440, (1, size, size))


def test_gray_hearts_all_differ():
    images = everything(load_dataset("shapes")).reshape(61_440, -1)
    assert len(set(map(bytes, images))) == 61_440
