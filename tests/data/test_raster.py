import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from unbraid.data.drawing.raster import SUBPIXEL, fill_polygon, place, regular, words_to_bytes
from unbraid.errors import UsageError

fixed = settings(derandomize=True, max_examples=40, database=None)


def pixels_of(words: np.ndarray, size: int) -> np.ndarray:
    """(x, y, row, column) of 0 and 1."""
    return np.unpackbits(words_to_bytes(words, size), axis=-1).reshape(*words.shape[:-1], size, size)


def drawn(vertices, x: float, y: float, size: int) -> np.ndarray:
    return pixels_of(fill_polygon(np.asarray(vertices, dtype=float), np.array([float(x)]), np.array([float(y)]), size), size)[
        0, 0
    ]


def by_hand(vertices, x: float, y: float, size: int) -> np.ndarray:
    """Every pixel center tested on its own, in whole numbers of half a sub-pixel: white iff an odd number of edges lies at or
    left of it."""
    unit = 2 * SUBPIXEL
    corners = [(2 * round((a + x) * SUBPIXEL), 2 * round((b + y) * SUBPIXEL)) for a, b in vertices]
    edges = list(zip(corners, corners[1:] + corners[:1], strict=True))
    image = np.zeros((size, size), dtype=np.uint8)
    for row in range(size):
        down = row * unit + unit // 2
        crossed = [(p, q) if p[1] < q[1] else (q, p) for p, q in edges if (p[1] < down) != (q[1] < down)]
        for column in range(size):
            across = column * unit + unit // 2
            at_or_left = [(down - y1) * (x2 - x1) <= (across - x1) * (y2 - y1) for (x1, y1), (x2, y2) in crossed]
            image[row, column] = sum(at_or_left) % 2
    return image


coordinates = st.integers(-12 * SUBPIXEL, 12 * SUBPIXEL).map(lambda n: n / SUBPIXEL)
polygons = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=7)


@fixed
@given(polygons, st.floats(0, 16), st.floats(0, 16))
def test_any_polygon_is_drawn_as_by_hand(vertices, x, y):
    """Concave and self-crossing ones too, partly off the screen."""
    assert np.array_equal(drawn(vertices, x, y, 16), by_hand(vertices, x, y, 16))


@fixed
@given(st.lists(st.tuples(st.integers(-8, 24), st.integers(-8, 24)), min_size=3, max_size=6))
@example([(1, -1), (0, 0), (24, 22)])  # an edge whose slope is no binary fraction, through the center of a pixel
def test_edges_that_pass_through_pixel_centers(halves):
    vertices = [(a / 2, b / 2) for a, b in halves]
    assert np.array_equal(drawn(vertices, 0, 0, 8), by_hand(vertices, 0, 0, 8))


@pytest.mark.parametrize("size", [12, 28, 32, 64])
def test_many_positions_at_once_as_one_by_one(size):
    cos, sin = regular(9)
    vertices = place(np.stack([cos, sin], axis=1) * size / 5, 1.3, 0.4)
    xs, ys = np.array([1.3, size / 2, size - 0.7]), np.array([size - 2.2, 4.9])
    images = pixels_of(fill_polygon(vertices, xs, ys, size), size)
    assert images.shape == (3, 2, size, size)
    for i, x in enumerate(xs):
        for j, y in enumerate(ys):
            assert np.array_equal(images[i, j], by_hand(vertices, x, y, size))


def test_a_pixel_whose_center_is_on_the_left_edge_is_white_and_on_the_right_edge_black():
    box = [(2.5, 1), (5.5, 1), (5.5, 3), (2.5, 3)]
    assert np.argwhere(drawn(box, 0, 0, 8)).tolist() == [[r, c] for r in (1, 2) for c in (2, 3, 4)]


def test_rows_on_the_top_edge_are_black_and_on_the_bottom_edge_white():
    box = [(1, 2.5), (3, 2.5), (3, 5.5), (1, 5.5)]
    assert np.flatnonzero(drawn(box, 0, 0, 8).any(axis=1)).tolist() == [3, 4, 5]


def test_half_a_pixel_more_moves_the_edge_by_one_pixel():
    box = [(0, 0), (3, 0), (3, 3), (0, 3)]
    assert drawn(box, 1.5, 0, 8)[0].tolist() == [0, 1, 1, 1, 0, 0, 0, 0]
    assert drawn(box, 1.5 + 1 / SUBPIXEL, 0, 8)[0].tolist() == [0, 0, 1, 1, 1, 0, 0, 0]
    assert drawn(box, 1.5 + 0.4 / SUBPIXEL, 0, 8)[0].tolist() == [0, 1, 1, 1, 0, 0, 0, 0]  # rounded to 1/256


def test_overlap_is_black_by_the_even_odd_rule():
    twice = [(0, 0), (6, 0), (6, 6), (0, 6), (0, 0), (2, 2), (4, 2), (4, 4), (2, 4), (2, 2)]
    image = drawn(twice, 1, 1, 8)
    assert image.sum() == 36 - 4
    assert image[3:5, 3:5].sum() == 0


@pytest.mark.parametrize("size", [8, 32, 64])
@pytest.mark.parametrize(("x", "y"), [(-100, 4), (200, 4), (4, -100), (4, 200)])
def test_a_polygon_off_the_screen_leaves_it_black(size, x, y):
    assert drawn([(-3, -3), (3, -3), (0, 3)], x, y, size).sum() == 0


@pytest.mark.parametrize("size", [8, 28, 32, 56, 64])
def test_a_polygon_larger_than_the_screen_fills_it(size):
    assert drawn([(-500, -500), (500, -500), (500, 500), (-500, 500)], 0, 0, size).all()


def test_a_polygon_between_pixel_centers_leaves_no_trace():
    assert drawn([(0.6, 0.6), (0.9, 0.6), (0.9, 0.9)], 2, 2, 8).sum() == 0


def test_turning_is_counter_clockwise_on_the_screen():
    right = np.array([[1.0, 0.0]])
    assert np.allclose(place(right, 2.0, np.pi / 2), [[0, -2]])  # up, where y grows downwards
    assert np.allclose(place(right, 1.0, np.pi / 6), [[np.cos(np.pi / 6), -0.5]])


def test_regular_angles_start_at_zero_and_do_not_close():
    cos, sin = regular(4)
    assert np.allclose(cos, [1, 0, -1, 0])
    assert np.allclose(sin, [0, 1, 0, -1])


@pytest.mark.parametrize("size", [0, 65])
def test_sizes_beyond_a_word_are_refused(size):
    with pytest.raises(UsageError, match=f"Images of {size} pixels: polygons are drawn at 1 to 64"):
        fill_polygon(np.zeros((3, 2)), np.zeros(1), np.zeros(1), size)


def test_sizes_that_fill_no_bytes_are_refused():
    with pytest.raises(UsageError, match="30 pixels cannot be bit-packed; allowed: multiples of 4"):
        words_to_bytes(np.zeros((1, 30), dtype=np.uint64), 30)
