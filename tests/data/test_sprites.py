import numpy as np
import pytest

from unbraid.data.drawing.sprites import SpriteImages
from unbraid.errors import UsageError

STAMPS = np.arange(1, 9, dtype=np.uint8).reshape(2, 2, 2)


def test_a_stamp_lies_at_its_place_on_black():
    store = SpriteImages(STAMPS, np.array([1, 0]), np.array([1, 0]), np.array([2, 0]), 4)
    assert (len(store), store.shape) == (2, (1, 4, 4))
    assert store.bytes(np.array([0]))[0, 0].tolist() == [[0, 0, 0, 0], [0, 0, 5, 6], [0, 0, 7, 8], [0, 0, 0, 0]]
    assert store.bytes(np.array([0, 1]))[1, 0, :2, :2].tolist() == [[1, 2], [3, 4]]
    assert np.array_equal(store.floats(np.array([1, 1])), store.bytes(np.array([1, 1])) / np.float32(255))
    assert store.floats(np.array([0])).dtype == np.float32


def test_what_reaches_beyond_the_edge_is_cut_off():
    store = SpriteImages(STAMPS, np.array([0]), np.array([3]), np.array([3]), 4)
    image = store.bytes(np.array([0]))[0, 0]
    assert image[3, 3] == 1
    assert image.sum() == 1


@pytest.mark.parametrize(
    ("which", "top", "left", "text"),
    [
        ([2], [0], [0], "sprite 2 or 2; allowed: 0 to 1"),
        ([0], [4], [0], "row 4 or 4; allowed: 0 to 3"),
        ([0, 0], [0, 0], [1, -1], "column -1 or 1; allowed: 0 to 3"),
    ],
)
def test_places_that_do_not_exist(which, top, left, text):
    with pytest.raises(UsageError, match=text):
        SpriteImages(STAMPS, np.array(which), np.array(top), np.array(left), 4)
