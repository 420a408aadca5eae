"""Heat maps show the numbers they were given."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from unbraid.figures.heatmaps import (
    UNSEEN,
    correlation_grid,
    diverging_pixels,
    importance_heatmap,
    information_heatmap,
    means_over_positions,
    score_grid,
)
from unbraid.figures.style import CELL, INK, OKABE_ITO, PAPER


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


def test_positions_without_images_have_no_mean_and_are_gray():
    maps = means_over_positions(np.ones((1, 1), np.float32), np.array([1]), np.array([0]), (2, 2))
    assert np.isnan(maps[0]).tolist() == [[True, False], [True, True]]
    assert tuple(diverging_pixels(maps[0], 2.0)[0, 0]) == UNSEEN


def test_diverging_colors_are_blue_below_red_above_white_between():
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


def cells_of(ax):
    return np.ma.filled(ax.collections[0].get_array().astype(float), np.nan)


def test_importances_are_shares_of_each_column():
    importance = np.array([[3.0, 0.0, 0.5], [1.0, 0.0, 1.5]])
    figure = importance_heatmap(importance, ["z0", "z1"], ["x", "none", "y"], marked=importance == importance.max(0))
    (ax,) = figure.axes
    np.testing.assert_allclose(cells_of(ax), [[0.75, 0, 0.25], [0.25, 0, 0.75]])
    assert [text.get_text() for text in ax.texts] == ["75 %", "0 %", "25 %", "25 %", "0 %", "75 %"]


def test_a_grid_of_scores_has_the_smallest_values_at_the_lower_left():
    scores = np.array([[0.1, 0.2, np.nan], [0.3, 0.4, 0.5]])
    figure = score_grid(scores, [0.5, 1.0, 16.0], [2.0, 10.0], title="MIG", runs=np.array([[1, 2, 0], [1, 1, 1]]))
    (ax,) = figure.axes
    np.testing.assert_array_equal(cells_of(ax), scores[::-1])
    assert ax.get_ylim() == (2, 0)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["10", "2"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.5", "1", "16"]
    assert [text.get_text() for text in ax.texts] == ["0.30 (1)", "0.40 (1)", "0.50 (1)", "0.10 (1)", "0.20 (2)", "–"]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title(loc="left")) == ("beta", "latents", "MIG")
    even = score_grid(scores, [0.5, 1.0, 16.0], [2.0, 10.0], runs=np.array([[1, 1, 0], [1, 1, 1]]))
    assert even.axes[0].texts[0].get_text() == "0.30", "counts are said where they differ"


def test_text_of_cells_is_light_on_dark_and_dark_on_light():
    figure = information_heatmap(np.array([[0.0, 1.0]]), ["z"], ["a", "b"], np.zeros((1, 2), bool))
    light, dark = (text.get_color() for text in figure.axes[0].texts)
    assert dark == PAPER
    assert light == INK


def test_correlations_are_blue_above_0_and_orange_below():
    """Both as dark as they are strong, and 0 the paper."""
    values = np.array([[np.nan, 1.0, 0.25], [-1.0, np.nan, 0.0]])
    figure = correlation_grid(values, ["one", "other"], ["one", "two words", "third"])
    (ax,) = figure.axes
    assert [text.get_text() for text in ax.texts] == ["", "1.00", "0.25", "−1.00", "", "0.00"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["one", "two\nwords", "third"]
    assert [text.get_color() == PAPER for text in ax.texts] == [False, True, False, True, False, False]
    mesh = ax.collections[0]
    figure.canvas.draw()
    colors = mesh.to_rgba(np.array([1.0, 0.25, 0.0, -1.0]))
    assert to_hex(colors[0]) == to_hex(colors[1]) == CELL
    assert to_hex(colors[3]) == OKABE_ITO[1]
    assert colors[:, 3] == pytest.approx([1, 0.25, 0, 1], abs=0.01)
