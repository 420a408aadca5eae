import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import interpolate

from unbraid.data.drawing.resize import bilinear_matrix, resize_bytes
from unbraid.errors import UsageError

fixed = settings(derandomize=True, max_examples=40, database=None)


def by_torch(images: np.ndarray, height: int, width: int) -> np.ndarray:
    whole = torch.from_numpy(images)[:, None].double()
    return interpolate(whole, size=(height, width), mode="bilinear", align_corners=False)[:, 0].numpy()


def test_28_to_32_as_torch_to_the_last_gray_level():
    """The weights are sixteenths, so both are exact and round the same way."""
    images = np.random.default_rng(0).integers(0, 256, size=(4_001, 28, 28), dtype=np.uint8)
    resized = resize_bytes(images, 32, 32)
    assert resized.dtype == np.uint8
    assert np.array_equal(resized, np.rint(by_torch(images, 32, 32)))


@fixed
@given(*[st.integers(1, 40)] * 4, st.integers(0, 2**32))
def test_any_size_as_torch(old_height, old_width, height, width, seed):
    images = np.random.default_rng(seed).integers(0, 256, size=(2, old_height, old_width), dtype=np.uint8)
    off = resize_bytes(images, height, width) - by_torch(images, height, width)
    assert np.abs(off).max() <= 0.5 + 1e-4


@fixed
@given(st.integers(1, 50), st.integers(1, 50))
def test_weights_are_averages(new, old):
    weights = bilinear_matrix(new, old)
    assert weights.min() >= 0
    assert np.allclose(weights.sum(axis=1), 1)
    assert np.allclose(weights, weights[::-1, ::-1])


def test_weights_by_hand():
    assert bilinear_matrix(4, 2).tolist() == [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]]
    assert np.array_equal(bilinear_matrix(28, 28), np.eye(28))


def test_height_and_width_are_not_exchanged():
    ramp = np.tile(np.arange(0, 200, 50, dtype=np.uint8), (1, 3, 1))
    resized = resize_bytes(ramp, 6, 8)[0]
    assert resized.shape == (6, 8)
    assert (resized == resized[0]).all()
    assert resized[0].tolist() == [0, 12, 38, 62, 88, 112, 138, 150]


def test_no_pixels_are_refused():
    with pytest.raises(UsageError, match="Resizing 28 pixels to 0: give at least 1 of each"):
        bilinear_matrix(0, 28)
