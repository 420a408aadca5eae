"""Values, axes and ranges of the user's images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unbraid.data.pixel_values import image_store
from unbraid.data.storage import ByteImages
from unbraid.errors import UsageError

ALL = np.arange(2)
RAMP = np.linspace(0, 1, 2 * 3 * 4).reshape(2, 3, 4)


def floats(images: np.ndarray, **options) -> np.ndarray:
    return image_store(images, **options).floats(ALL)[:, 0]


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "<f8"])
def test_floats_are_kept_as_they_are(dtype):
    images = RAMP.astype(dtype)
    np.testing.assert_array_equal(floats(images), images.astype(np.float32))
    np.testing.assert_array_equal(image_store(images).bytes(ALL)[:, 0], np.rint(images.astype(np.float32) * 255))


def test_what_white_is():
    codes = np.rint(RAMP * 255)
    np.testing.assert_allclose(floats(codes.astype(np.uint8)), codes / 255, atol=1e-7)
    np.testing.assert_allclose(floats(codes.astype(np.int64), scale="255"), codes / 255, atol=1e-7)
    np.testing.assert_allclose(floats(codes, scale="255"), codes / 255, atol=1e-7)
    for dtype in (bool, np.uint8):
        binary = (RAMP > 0.5).astype(dtype)
        np.testing.assert_array_equal(floats(binary), binary.astype(np.float32))
    almost = (RAMP > 0.5).astype(np.uint8)
    np.testing.assert_array_equal(floats(almost, scale="255"), almost.astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(floats(2 * almost), 2 * almost.astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(floats(almost.astype(np.int32), scale="1"), almost)
    assert floats(np.zeros((2, 3, 4), np.uint8)).max() == 0


@settings(max_examples=50)
@given(low=st.floats(-1e6, 1e6), width=st.floats(1e-3, 1e6))
def test_minmax_maps_the_whole_range_whatever_it_is(low, width):
    images = low + width * RAMP
    np.testing.assert_allclose(floats(images, scale="minmax"), RAMP, atol=1e-5 + 1e-9 * abs(low) / width)


def test_rounding_errors_at_the_ends_are_cut_off():
    images = RAMP.copy()
    images[0, 0, 0], images[1, 2, 3] = -1e-7, 1 + 1e-7
    shown = floats(images)
    assert (shown.min(), shown.max()) == (0, 1)
    images[0, 0, 0] = -1e-5
    with pytest.raises(UsageError, match="minmax"):
        image_store(images)


def test_channels_come_first_unless_told_otherwise():
    images = np.random.default_rng(0).integers(0, 255, (2, 3, 4, 5), np.uint8)
    np.testing.assert_array_equal(image_store(images).bytes(ALL), images)
    last = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(image_store(last, channels_last=True).bytes(ALL), images)
    with pytest.raises(UsageError, match=r"images.transpose\(0, 3, 1, 2\)"):
        image_store(last)
    np.testing.assert_array_equal(image_store(last.transpose(0, 3, 1, 2)).bytes(ALL), images)


def test_bytes_are_shared_not_copied():
    images = np.full((2, 3, 4), 7, np.uint8)
    store = image_store(images)
    assert isinstance(store, ByteImages)
    images[1] = 9
    assert store.bytes(ALL)[1].min() == 9


def test_a_suggested_scale_is_one_that_works():
    for images in (RAMP * 255, RAMP - 0.5, RAMP * 1000, (RAMP * 255).astype(int)):
        with pytest.raises(UsageError) as refusal:
            image_store(images)
        scale = str(refusal.value).rpartition('scale="')[2].partition('"')[0]
        assert image_store(images, scale=scale).floats(ALL).max() <= 1


def test_black_and_white_can_be_given():
    images = np.linspace(-1, 1, 24).reshape(2, 3, 4)
    for scale in ((-1, 1), "-1,1", "-1, 1.0"):
        np.testing.assert_allclose(floats(images, scale=scale), RAMP, atol=1e-6)
    for scale in ((1, -1), (0, 0), (0, np.inf), (0,), "0,1,2", "0,x", "white", ","):
        with pytest.raises(UsageError, match="as in 0,4095"):
            image_store(images, scale=scale)
    with pytest.raises(UsageError, match="with -0.5 as black and 1 as white allowed: -0.5 to 1"):
        image_store(images, scale=(-0.5, 1))
