"""Strips of images, pixel for pixel."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from unbraid.figures.grids import SEPARATOR, coarse, png, png_within, shrink, strip, to_bytes


def test_a_strip_of_gray_images_is_exact():
    images = np.array([[[[1, 2], [3, 4]]], [[[5, 6], [7, 8]]]], dtype=np.uint8)
    assert strip(images, gap=1).tolist() == [[1, 2, SEPARATOR, 5, 6], [3, 4, SEPARATOR, 7, 8]]


def test_a_strip_of_color_images_is_exact():
    images = np.arange(2 * 3 * 2 * 2, dtype=np.uint8).reshape(2, 3, 2, 2)
    made = strip(images, gap=2)
    assert made.shape == (2, 6, 3)
    for i, left in enumerate((0, 4)):
        for c in range(3):
            np.testing.assert_array_equal(made[:, left : left + 2, c], images[i, c])
    assert (made[:, 2:4] == SEPARATOR).all()


def test_two_channels_become_red_and_green_and_more_than_three_are_cut():
    two = strip(np.full((1, 2, 1, 1), 9, dtype=np.uint8))
    assert two[0, 0].tolist() == [9, 9, 0]
    five = strip(np.arange(5, dtype=np.uint8).reshape(1, 5, 1, 1))
    assert five[0, 0].tolist() == [0, 1, 2]


def test_bytes_of_images_round_cut_and_survive_what_is_not_finite():
    images = np.array([0.0, 1.0, 0.5, -3.0, 7.0, np.nan, np.inf, -np.inf]).reshape(1, 1, 1, -1)
    assert to_bytes(images).ravel().tolist() == [0, 255, 128, 0, 255, 0, 255, 0]


def test_shrinking_takes_means_of_blocks():
    images = np.array([[0, 4, 10, 10, 1], [4, 8, 10, 10, 1], [0, 0, 20, 40, 1], [0, 0, 60, 80, 1]], dtype=np.uint8)[None, None]
    assert shrink(images, 3)[0, 0].tolist() == [[4, 10], [0, 50]]
    assert shrink(images, 5) is images


def test_png_gives_the_pixels_back_and_the_same_bytes_again():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png(pixels)))), pixels)
    assert png(pixels) == png(pixels)


def test_a_png_too_large_has_fewer_levels_and_no_more_than_needed():
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    assert png_within(pixels, 10_000) == png(pixels)
    small = png_within(pixels, 3_000)
    assert len(small) <= 3_000
    shown = np.asarray(Image.open(io.BytesIO(small)))
    levels = len(np.unique(shown))
    assert len(png(coarse(pixels, 2 * levels))) > 3_000
    assert np.abs(shown.astype(int) - pixels).max() <= 255 / (levels - 1) / 2 + 1


def test_coarse_levels():
    assert coarse(np.array([[0, 63, 64, 128, 191, 192, 255]], np.uint8), 3).tolist() == [[0, 0, 128, 128, 128, 255, 255]]
