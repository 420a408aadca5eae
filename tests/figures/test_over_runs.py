"""Scores over runs: each dot a run, each interval that of its mean."""

from __future__ import annotations

import numpy as np
import pytest

from unbraid.figures.over_runs import label_efficiency, seeds
from unbraid.metrics.intervals import mean_interval

SCORES = {"MIG": {"vae": [0.1, 0.2, 0.3], "beta": [0.9, 1.0]}, "SAP": {"vae": [0.4]}}


def drawn(ax):
    """Dots by row, and all other lines."""
    dots = {
        round(float(line.get_ydata()[0])): line.get_xdata().tolist()
        for line in ax.get_lines()
        if line.get_linestyle() == "None"
    }
    return dots, [line for line in ax.get_lines() if line.get_linestyle() == "-"]


def test_every_run_has_a_dot_in_the_row_of_its_kind():
    mig, sap = seeds(SCORES).axes
    assert drawn(mig)[0] == {0: [0.1, 0.2, 0.3], 1: [0.9, 1.0]}
    assert drawn(sap)[0] == {0: [0.4]}
    assert [label.get_text() for label in mig.get_yticklabels()] == ["vae", "beta"]
    assert mig.get_ylim() == (1.5, -0.5), "the first kind is at the top"
    assert (mig.get_title(loc="left"), sap.get_title(loc="left")) == ("MIG", "SAP")


def test_lines_are_the_intervals_of_means_and_bars_the_means():
    mig, sap = seeds(SCORES, limits={"MIG": (0.0, 1.0)}).axes
    interval, mean, other, _ = drawn(mig)[1]
    assert interval.get_xdata().tolist() == pytest.approx(np.clip(mean_interval([0.1, 0.2, 0.3]), 0, 1).tolist())
    assert mean.get_xdata().tolist() == pytest.approx([0.2, 0.2])
    assert other.get_xdata()[1] == 1.0, "cut where scores end"
    assert mean_interval([0.9, 1.0])[1] > 1
    assert len(drawn(sap)[1]) == 1, "one run has no interval"


def test_chance_and_ceiling_stand_where_they_are():
    mig = seeds(SCORES, references={"MIG": {"chance": 0.05, "ceiling": 0.97}}).axes[0]
    said = {text.get_text(): text.xy[0] for text in mig.texts}
    assert said == {"chance": 0.05, "ceiling": 0.97}
    assert sorted(line.get_xdata()[0] for line in mig.get_lines() if line.get_linestyle() in (":", "--")) == [0.05, 0.97]


def test_label_efficiency_draws_means_bands_and_runs():
    runs = {"a": [[0.1, 0.5], [0.3, 0.7]], "b": [[0.2, 0.2]]}
    (ax,) = label_efficiency([10, 100], runs).axes
    named = {line.get_label(): line.get_ydata().tolist() for line in ax.get_lines() if not line.get_label().startswith("_")}
    assert named == {"a": pytest.approx([0.2, 0.6]), "b": [0.2, 0.2]}
    (band,) = ax.collections
    heights = band.get_paths()[0].vertices[:, 1]
    low, high = mean_interval([0.1, 0.3])
    assert low in heights
    assert high in heights
    assert ax.get_xscale() == "log"
    assert ax.get_xticks().tolist() == [10, 100]
    dots = [line.get_ydata().tolist() for line in ax.get_lines() if line.get_marker() == "."]
    assert dots == [[0.1, 0.5], [0.3, 0.7]]
