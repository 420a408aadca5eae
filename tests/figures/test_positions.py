"""Position maps: one row a latent, one column a selection, colors by value."""

from __future__ import annotations

import numpy as np

from helpers.shown_rows import shown, words
from unbraid.figures.heatmaps import UNSEEN, diverging_pixels
from unbraid.figures.positions import position_maps


def test_each_map_is_shown_under_its_heading_in_its_latents_row():
    maps = np.linspace(-3, 3, 2 * 3 * 4 * 4).reshape(2, 3, 4, 4)
    maps[0, 0, 0, 0] = np.nan
    figure = position_maps(maps, ["z0", "z1"], headings=("all images", "scale 0", "scale 1"))
    found = shown(figure)
    assert len(found) == 2 * 3 + 1
    for pixels, wanted in zip(found, maps.reshape(6, 4, 4), strict=False):
        np.testing.assert_array_equal(pixels, diverging_pixels(wanted, 2.0))
    assert tuple(found[0][0, 0]) == UNSEEN
    assert words(figure, 11) == ["all images", "scale 0", "scale 1"]
    assert words(figure, 12) == ["z0", "z1"]


def test_the_key_runs_from_the_lower_to_the_upper_limit():
    figure = position_maps(np.zeros((1, 1, 2, 2)), ["z0"], limit=1.5)
    bar = shown(figure)[-1].astype(int)
    assert bar[0, 0, 2] > bar[0, 0, 0], "blue at the left"
    assert bar[0, -1, 0] > bar[0, -1, 2], "red at the right"
    assert words(figure, 10.5) == ["−1.5 sd", "mean", "+1.5 sd"]
