"""Rows of images: every pixel where it belongs, every word beside its row."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.shown_rows import numbered, shown, words
from unbraid.figures.grids import strip
from unbraid.figures.rows import FOOT, NOTE, Key, Row, image_rows
from unbraid.figures.style import bitmap


def test_rows_hold_their_images_from_the_top_with_their_labels_in_the_middle():
    rows = [Row("first", numbered(3)), None, Row("second", numbered(3, first=40), "a note")]
    figure = image_rows(rows)
    for found, row in zip(shown(figure), (rows[0], rows[2]), strict=True):
        np.testing.assert_array_equal(found, strip(row.images))
    heights = {text.get_text(): text.get_position()[1] for text in figure.texts}
    assert heights["first"] > heights["second"] > heights["a note"]
    upper, lower = sorted((ax.get_position() for ax in figure.axes), key=lambda box: -box.y0)
    assert upper.y0 < heights["first"] < upper.y1
    assert upper.y0 - lower.y1 > (upper.y1 - lower.y1) / 8, "None leaves a gap"


def test_pixels_are_squares_of_whole_size():
    figure = image_rows([Row("", numbered(4, size=10))], tile=33)
    dots = bitmap(figure)
    inside = (dots[..., 0] < 190).any(1).sum(), (dots[..., 0] < 190).any(0).sum()
    assert inside[0] == 30, "each pixel of 10 is 3 dots"
    assert (dots[..., 0] < 190).sum() == 4 * 30 * 30
    assert inside[1] == 4 * 30


def test_a_row_breaks_into_parts_with_headings_above_each():
    figure = image_rows([Row("", numbered(5))], breaks=[2], headings=("left", "a very long heading of the right part"))
    left, right = shown(figure)
    np.testing.assert_array_equal(left, strip(numbered(2)))
    np.testing.assert_array_equal(right, strip(numbered(3, first=2)))
    places = {text.get_text(): text.get_position()[0] for text in figure.texts}
    starts = sorted(ax.get_position().x0 for ax in figure.axes)
    assert list(places.values()) == pytest.approx(starts)


def test_headings_never_run_into_each_other():
    figure = image_rows([Row("", numbered(2, size=4))], breaks=[1], headings=("a heading that is wide", "b"), tile=4)
    first, second = sorted(ax.get_position().x0 for ax in figure.axes)
    width = figure.get_size_inches()[0] * 72
    from unbraid.figures.style import width_of

    assert (second - first) * width >= width_of("a heading that is wide", 11.0)


def test_feet_stand_below_at_the_ends_and_in_the_middle():
    figure = image_rows([Row("", numbered(3))], feet=("low", "mid", "high"))
    low, mid, high = [text for text in figure.texts if text.get_fontsize() == FOOT]
    box = figure.axes[0].get_position()
    assert [one.get_position()[0] for one in (low, mid, high)] == pytest.approx([box.x0, (box.x0 + box.x1) / 2, box.x1])
    assert [one.get_ha() for one in (low, mid, high)] == ["left", "center", "right"]
    assert low.get_position()[1] < box.y0


def test_large_images_are_shown_as_means_of_blocks():
    images = np.zeros((1, 1, 256, 256), np.uint8)
    images[..., ::2] = 100
    assert (shown(image_rows([Row("", images)]))[0] == 50).all()


def test_a_key_shows_its_colors_below():
    key = Key(np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8), ("red", "blue"))
    figure = image_rows([Row("", numbered(2), "x")], key=key)
    row, bar = shown(figure)
    np.testing.assert_array_equal(bar, key.pixels)
    assert row.shape[0] == 8
    assert words(figure, FOOT) == ["red", "blue"]
    assert words(figure, NOTE) == ["x"]


def test_gray_values_are_shown_as_they_are():
    dots = bitmap(image_rows([Row("", numbered(64, size=1, first=64 * quarter)) for quarter in range(4)], tile=1))
    assert set(dots[..., 0].ravel().tolist()) == set(range(256))
