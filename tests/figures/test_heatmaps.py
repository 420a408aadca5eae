"""Heat maps show the numbers they were given."""

from __future__ import annotations

import numpy as np
import pytest

from unbraid.figures.heatmaps import UNSEEN, diverging_pixels, information_heatmap, means_over_positions


def test_means_over_positions_are_the_means_over_the_images_there():
    rng = np.random.default_rng(0)
    n_x, n_y = 3, 5
    x, y = rng.integers(0, n_x, 400), rng.integers(0, n_y, 400)
    mean = rng.normal(size=(400, 2)).astype(np.float32)
    maps = means_over_positions(mean, x, y, (n_x, n_y))
    assert maps.shape == (2, n_y, n_x)
    for j in range(2):
        for column in range(n_x):
            for row in range(n_y):
                there = (x == column) & (y == row)
                assert maps[j, row, column] == pytest.approx(mean[there, j].astype(np.float64).mean(), abs=1e-12)


def test_a_latent_of_x_varies_along_the_rows_of_its_map():
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(4), np.arange(2)))
    maps = means_over_positions(x[:, None].astype(np.float32), x, y, (4, 2))
    assert maps[0].tolist() == [[0, 1, 2, 3], [0, 1, 2, 3]]


def test_positions_without_images_have_no_mean_and_are_grey():
    maps = means_over_positions(np.ones((1, 1), np.float32), np.array([1]), np.array([0]), (2, 2))
    assert np.isnan(maps[0]).tolist() == [[True, False], [True, True]]
    assert tuple(diverging_pixels(maps[0], 2.0)[0, 0]) == UNSEEN


def test_diverging_colours_are_blue_below_red_above_white_between():
    low, middle, high, beyond = diverging_pixels(np.array([[-2.0, 0.0, 2.0, 9.0]]), 2.0)[0].astype(int)
    assert low[2] > low[0]
    assert high[0] > high[2]
    assert middle.min() > 240
    assert (beyond == high).all()


def test_information_heatmap_holds_the_shares_and_writes_them_in_the_cells():
    shares = np.array([[0.5, 0.02], [0.0, np.nan]])
    figure = information_heatmap(shares, ["z1", "z0"], ["x", "scale"], np.array([[True, False], [False, False]]))
    (ax,) = figure.axes
    drawn = np.ma.filled(ax.collections[0].get_array().astype(float), np.nan)
    np.testing.assert_array_equal(drawn, shares)
    assert [text.get_text() for text in ax.texts] == ["50 %", "2 %", "0 %", "–"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["z1", "z0"]
    assert ax.get_ylim() == (2, 0), "the first row is at the top"
    assert len(ax.patches) == 1
    assert ax.patches[0].get_xy() == pytest.approx((0.04, 0.1))
