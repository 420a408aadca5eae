import numpy as np
import pytest

from unbraid.data.dataset import load_dataset
from unbraid.data.drawing.outlines import HALF_WIDTH, STRETCH, centers, ellipse, heart, square
from unbraid.data.sets.ellipses import ellipses_space

SIZE = 64
R = HALF_WIDTH * SIZE


def shoelace(vertices: np.ndarray) -> float:
    """Area within an outline; positive where it runs clockwise on a screen with y down."""
    x, y = vertices.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def test_area_of_the_square():
    assert shoelace(square(R)) == pytest.approx(4 * R**2, rel=1e-12)


def test_area_of_the_ellipse():
    # an ellipse's 100-gon has the area of the ellipse times sin(t) / t
    t = 2 * np.pi / 100
    assert shoelace(ellipse(R)) == pytest.approx(np.pi * R**2 * np.sin(t) / t, rel=1e-12)


def test_area_of_the_heart():
    # the integral of x dy with x = sin^3 t = (3 sin t - sin 3t) / 4 and
    # dy = (13 sin t - 10 sin 2t - 6 sin 3t - 4 sin 4t) / 14.5 dt: only equal frequencies leave anything
    expected = np.pi * (3 * 13 + 1 * 6) / (4 * 14.5)
    assert abs(shoelace(heart(R))) / R**2 == pytest.approx(expected, rel=2e-3)


def test_axes_of_the_ellipse():
    assert np.ptp(ellipse(R), axis=0) / R == pytest.approx([2 * STRETCH, 2 / STRETCH], rel=1e-12)


def test_the_heart_stands_on_its_point_and_is_symmetric():
    outline = heart(R)
    lowest = outline[outline[:, 1].argmax()]  # y grows downwards
    assert lowest[0] == pytest.approx(0, abs=1e-9)
    assert lowest[1] / R == pytest.approx(17 / 14.5 - 0.15, rel=1e-12)
    mirrored = np.roll(outline[::-1] * [-1, 1], 1, axis=0)
    assert np.allclose(mirrored, outline)


def test_positions_span_the_middle_half():
    assert centers(np.array([0.0, 0.5, 1.0]), 64).tolist() == [16, 32, 48]
    assert centers(np.array([0.0, 0.5, 1.0]), 32).tolist() == [8, 16, 24]


@pytest.fixture(scope="module", params=[32, 64])
def images(request) -> np.ndarray:
    """All ellipses as (x, y, scale, orientation, row, column) of 0 and 1."""
    dataset = load_dataset("ellipses", size=request.param)
    pixels = dataset.images.bytes(np.arange(len(dataset)))[:, 0]
    assert set(np.unique(pixels)) == {0, 255}
    return (pixels // 255).reshape(16, 16, 6, 40, request.param, request.param)


@pytest.fixture(scope="module")
def moments(images):
    """Area, centroid and central second moments of every image, in shares of the image's size."""
    size = images.shape[-1]
    places = (np.arange(size) + 0.5) / size
    rows, columns = images.sum(axis=-1), images.sum(axis=-2)
    area = rows.sum(axis=-1)
    x, y = columns @ places / area, rows @ places / area
    xx, yy = columns @ places**2 / area - x**2, rows @ places**2 / area - y**2
    xy = np.einsum("...ij,i,j->...", images, places, places, optimize=True) / area - x * y
    return {"area": area / size**2, "x": x, "y": y, "xx": xx, "yy": yy, "xy": xy, "size": size}


SCALES = np.linspace(0.5, 1, 6)


def test_area_is_that_of_a_circle_times_scale_squared(moments):
    measured = moments["area"].mean(axis=(0, 1))  # over positions: (scale, orientation)
    expected = np.pi * (HALF_WIDTH * SCALES) ** 2
    tolerance = {64: 0.006, 32: 0.04}[moments["size"]]
    assert np.abs(measured / expected[:, None] - 1).max() < tolerance
    assert np.abs(measured.mean(axis=1) / expected - 1).max() < tolerance / 3


def test_centroid_is_the_requested_center(moments):
    """x grows to the right and y grows downwards."""
    pixel = 1 / moments["size"]
    center = 0.25 + 0.5 * np.linspace(0, 1, 16)
    off_x, off_y = moments["x"] - center[:, None, None, None], moments["y"] - center[:, None, None]
    for off in (off_x, off_y):
        assert np.abs(off).max() < 0.45 * pixel
        assert abs(off.mean()) < 0.005 * pixel


def test_second_moments_and_orientation(moments):
    """Half-axes a, b turned counter-clockwise on the screen have moments a^2 / 4 and b^2 / 4 along their axes."""
    angle = np.pi * np.arange(40) / 40
    a2, b2 = (HALF_WIDTH * STRETCH) ** 2 / 4, (HALF_WIDTH / STRETCH) ** 2 / 4
    cos, sin = np.cos(angle), np.sin(angle)
    expected = {
        "xx": a2 * cos**2 + b2 * sin**2,
        "yy": a2 * sin**2 + b2 * cos**2,
        "xy": -(a2 - b2) * sin * cos,  # y grows downwards
    }
    tolerance = {64: 0.01, 32: 0.05}[moments["size"]]
    for name, value in expected.items():
        measured = moments[name].mean(axis=(0, 1))
        assert np.abs(measured / SCALES[:, None] ** 2 - value).max() < tolerance * a2
    xx, yy, xy = (moments[name].mean(axis=(0, 1)) for name in ("xx", "yy", "xy"))
    seen = 0.5 * np.arctan2(-2 * xy, xx - yy)
    off = (seen - angle + np.pi / 2) % np.pi - np.pi / 2
    assert np.degrees(np.abs(off)).max() < {64: 0.5, 32: 2.5}[moments["size"]]


@pytest.mark.parametrize(
    ("size", "turn", "distinct"),
    [(64, "half", 61_232), (32, "half", 54_344), (64, "dsprites", 59_768), (32, "dsprites", 53_268)],
)
def test_how_many_ellipses_differ(size, turn, distinct):
    """Small ellipses in neighboring orientations may cover the same pixels."""
    dataset = load_dataset("ellipses", size=size, turn=turn)
    packed = np.packbits(dataset.images.bytes(np.arange(len(dataset))).reshape(len(dataset), -1), axis=1)
    assert len(packed) == 61_440
    assert len(set(map(bytes, packed))) == distinct


def test_images_that_coincide_differ_in_orientation_alone():
    dataset = load_dataset("ellipses", size=64)
    packed = np.packbits(dataset.images.bytes(np.arange(len(dataset))).reshape(len(dataset), -1), axis=1)
    _, first, which = np.unique(packed.view("V512")[:, 0], return_index=True, return_inverse=True)
    twins = np.flatnonzero(first[which] != np.arange(len(packed)))
    assert len(twins) == 61_440 - 61_232
    assert np.array_equal(dataset.factors[twins][:, :3], dataset.factors[first[which[twins]]][:, :3])


def test_ellipses_over_a_whole_turn_end_where_they_start():
    dataset = load_dataset("ellipses", turn="dsprites")
    space = ellipses_space("dsprites")
    ends = [dataset.images.bytes(space.rows(orientation=k)) for k in (0, 39)]
    assert np.array_equal(*ends)
    assert space.factors[3].values[39] == pytest.approx(2 * np.pi)


def test_the_ellipses_are_numbered_by_their_factors():
    dataset = load_dataset("ellipses", size=32)
    assert dataset.space.names == ("x", "y", "scale", "orientation")
    assert dataset.space.sizes == (16, 16, 6, 40)
    assert np.array_equal(dataset.space.index(dataset.factors), np.arange(61_440))
    assert dataset.shape == (1, 32, 32)
    assert dataset.walk is None
    assert len(dataset.test) == 6_144
