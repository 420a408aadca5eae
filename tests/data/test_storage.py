import numpy as np
import pytest

from unbraid.data.storage import ByteImages, PackedImages, Selected
from unbraid.errors import UsageError


@pytest.fixture
def bits() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 2, size=(7, 1, 4, 6), dtype=np.uint8)


@pytest.fixture
def packed(bits) -> PackedImages:
    return PackedImages(np.packbits(bits.reshape(7, -1), axis=1), 4, 6)


def test_bits_come_back_as_they_went_in(packed, bits):
    index = np.array([5, 0, 5, 6])
    assert (len(packed), packed.shape) == (7, (1, 4, 6))
    floats, byte = packed.floats(index), packed.bytes(index)
    assert floats.dtype == np.float32
    assert byte.dtype == np.uint8
    assert np.array_equal(floats, bits[index])
    assert np.array_equal(byte, bits[index] * 255)


def test_the_first_pixel_is_the_highest_bit():
    image = PackedImages(np.array([[0b1000_0001]], dtype=np.uint8), 2, 4).floats(np.array([0]))[0, 0]
    assert image.tolist() == [[1, 0, 0, 0], [0, 0, 0, 1]]


def test_packed_images_may_lie_on_disk(packed, bits, tmp_path):
    np.save(tmp_path / "bits.npy", np.packbits(bits.reshape(7, -1), axis=1))
    mapped = PackedImages(np.load(tmp_path / "bits.npy", mmap_mode="r"), 4, 6)
    assert np.array_equal(mapped.floats(np.arange(7)), packed.floats(np.arange(7)))


def test_bytes_are_shares_of_255():
    pixels = np.arange(256, dtype=np.uint8).reshape(2, 2, 8, 8)
    store = ByteImages(pixels)
    assert (len(store), store.shape) == (2, (2, 8, 8))
    index = np.array([1, 0])
    assert np.array_equal(store.bytes(index), pixels[index])
    assert store.floats(index).dtype == np.float32
    assert np.array_equal(store.floats(index), (pixels[index].astype(np.float64) / 255).astype(np.float32))
    assert store.floats(index).max() == 1


def test_selected_images_are_those_of_the_rows(packed, bits):
    rows = np.array([6, 2, 2])
    store = Selected(packed, rows)
    assert (len(store), store.shape) == (3, (1, 4, 6))
    assert np.array_equal(store.floats(np.array([1, 0])), bits[[2, 6]])
    assert np.array_equal(store.bytes(np.array([2, 0])), bits[[2, 6]] * 255)


def test_no_images_are_fine(packed):
    assert packed.floats(np.zeros(0, dtype=np.int64)).shape == (0, 1, 4, 6)


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.zeros((7, 4), dtype=np.uint8), r"4 x 6 need an uint8 array \(n, 3\), given uint8 \(7, 4\)"),
    ],
)
def test_packed_images_of_another_shape_are_refused(array, text):
    with pytest.raises(UsageError, match=text):
        PackedImages(array, 4, 6)
