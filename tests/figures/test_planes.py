"""Runs in planes lie where their numbers are."""

from __future__ import annotations

import numpy as np
import pytest

from unbraid.figures.planes import rate_distortion, trade_off
from unbraid.metrics.intervals import mean_interval

RATE = np.array([10.0, 12.0, 3.0, 5.0, 7.0])
DISTORTION = np.array([20.0, 22.0, 40.0, 42.0, 30.0])
BETA = np.array([1.0, 1.0, 4.0, 4.0, np.nan])
KINDS = ["b", "b", "b", "b", "v"]


def lines(ax):
    return {line.get_label(): line for line in ax.get_lines() if not line.get_label().startswith("_")}


def test_means_over_seeds_are_joined_in_order_of_beta_and_named():
    (ax,) = rate_distortion(RATE, DISTORTION, KINDS, along=BETA).axes
    own = lines(ax)["b"]
    assert own.get_xydata().tolist() == [[11, 21], [4, 41]]
    assert lines(ax)["v"].get_xydata().tolist() == [[7, 30]]
    named = {text.get_text(): text.xy for text in ax.texts if hasattr(text, "xy")}
    assert named == {"beta 1": (11, 21), "beta 4": (4, 41)}
    dots = [line for line in ax.get_lines() if line.get_marker() == "."]
    assert dots[0].get_xydata().tolist() == [[10, 20], [12, 22], [3, 40], [5, 42]]


def test_bounds_are_equal_along_dashed_lines():
    (ax,) = rate_distortion(RATE, DISTORTION, KINDS, along=BETA).axes
    dashed = [line.get_xydata() for line in ax.get_lines() if line.get_linestyle() == "--"]
    assert len(dashed) >= 3
    for ends in dashed:
        assert ends[0].sum() == pytest.approx(ends[1].sum())
    said = [text for text in ax.texts if "ELBO" in text.get_text()]
    assert said
    for text in said:
        assert sum(text.get_position()) == pytest.approx(float(text.get_text().split()[-1]))
    left, right = ax.get_xlim()
    assert left < RATE.min() < RATE.max() < right


def test_trade_off_shows_means_with_intervals_cut_at_the_limits():
    score = np.array([0.9, 1.0, 0.1, 0.2, 0.5])
    (ax,) = trade_off(DISTORTION, score, KINDS, name="MIG", limits=(0.0, 1.0)).axes
    assert lines(ax)["b"].get_xydata().tolist() == [[31, pytest.approx(0.55)]]
    bars = [line.get_xydata() for line in ax.get_lines() if len(line.get_xydata()) == 2 and line.get_marker() == "None"]
    across, up = bars
    assert across[:, 0].tolist() == pytest.approx(mean_interval(DISTORTION[:4].tolist()))
    assert up[:, 1].tolist() == [0.0, 1.0], "the interval ends where scores do"
    assert mean_interval(score[:4].tolist())[1] > 1
    assert "MIG" in ax.get_ylabel()


def test_kinds_differ_in_color_and_marker():
    (ax,) = rate_distortion(RATE, DISTORTION, KINDS).axes
    own = lines(ax)
    assert own["b"].get_color() != own["v"].get_color()
    assert own["b"].get_marker() != own["v"].get_marker()


def test_points_of_one_name_that_lie_together_are_named_once():
    rate, distortion = np.array([3.0, 3.1, 10.0, 14.0]), np.array([40.0, 40.2, 20.0, 21.0])
    (ax,) = rate_distortion(rate, distortion, list("abab"), along=np.array([4.0, 4.0, 1.0, 1.0])).axes
    assert sorted(text.get_text() for text in ax.texts if hasattr(text, "xy")) == ["beta 1", "beta 1", "beta 4"]
