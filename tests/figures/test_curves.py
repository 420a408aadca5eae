"""Line charts draw what the log says."""

from __future__ import annotations

from io import BytesIO

import matplotlib as mpl
import numpy as np
import pytest

from unbraid.figures.kl import end_labels, kl_over_training, spread
from unbraid.figures.losses import Panel, curve_panels, curves, round_numbers
from unbraid.figures.series import Series, scalar_names, scalar_series, thin, vector_series
from unbraid.figures.style import svg
from unbraid.log_entry import Entry

LOG = [
    Entry(kind="train", step=10, values={"loss": 5.0, "kl_per_dim": [1.0, 2.0]}, time=0.0, units={}),
    Entry(kind="evaluation", step=10, values={"test/nll": 4.0}, time=0.0, units={}),
    Entry(kind="train", step=20, values={"loss": float("nan"), "kl_per_dim": [1.5, 2.5]}, time=0.0, units={}),
]


def series(values, label="a"):
    return Series(label, np.arange(1, len(values) + 1), np.array(values, dtype=np.float64))


def test_series_are_read_from_their_own_kind_of_entry():
    loss = scalar_series(LOG, "train", "loss")
    assert loss.steps.tolist() == [10, 20]
    assert loss.finite.values.tolist() == [5.0]
    assert len(scalar_series(LOG, "evaluation", "loss")) == 0
    assert scalar_names(LOG, "train") == ["loss"]
    steps, kl = vector_series(LOG, "kl_per_dim", 2)
    assert steps.tolist() == [10, 20]
    assert kl.tolist() == [[1.0, 2.0], [1.5, 2.5]]
    assert vector_series(LOG, "kl_per_dim", 3)[1].shape == (0, 3)


def test_thinning_averages_neighbors_and_keeps_the_newest_step():
    steps, values = np.arange(1, 1001), np.arange(1000, dtype=np.float64)[:, None]
    fewer, means = thin(steps, values, 300)
    assert len(fewer) <= 300
    assert fewer[-1] == 1000
    assert means[-1, 0] == pytest.approx(values[-4:].mean())
    counts = np.diff(np.append(0, fewer))
    assert (means[:, 0] * counts).sum() == pytest.approx(values.sum())
    assert thin(steps, values, 1000)[1] is values


@pytest.mark.parametrize("n", [2, 4, 5, 9])
def test_names_never_lie_on_many_lines(n):
    figure = curves("t", [series([0.1 * i, 1.0], f"a long name {i}") for i in range(n)])
    figure.savefig(BytesIO())  # the layout is decided when it is drawn
    (legend,) = [*figure.legends, *(box for box in [figure.axes[0].get_legend()] if box)]
    assert [text.get_text() for text in legend.get_texts()] == [f"a long name {i}" for i in range(n)]
    beside = not legend.get_window_extent().overlaps(figure.axes[0].get_window_extent())
    assert beside == (n > 4)


def test_curves_draw_the_values_without_those_that_are_not_finite():
    figure = curves("t", [series([3.0, np.nan, 2.0])], [series([1.0], "b")])
    (ax,) = figure.axes
    line, marks = ax.get_lines()
    assert line.get_xdata().tolist() == [1, 3]
    assert line.get_ydata().tolist() == [3, 2]
    assert marks.get_ydata().tolist() == [1]
    assert ax.get_legend() is not None


def test_only_a_fall_over_a_wide_range_has_a_logarithmic_axis():
    assert curves("t", [series([800.0, 40.0, 30.0])]).axes[0].get_yscale() == "log"
    assert curves("t", [series([8.0, 0.01, 40.0])]).axes[0].get_yscale() == "linear", "a dip is no fall"
    assert curves("t", [series([0.01, 40.0, 30.0])]).axes[0].get_yscale() == "linear"
    assert curves("t", [series([800.0, -1.0])]).axes[0].get_yscale() == "linear"


def test_a_lone_point_is_seen():
    assert curves("t", [series([1.0])]).axes[0].get_lines()[0].get_marker() == "o"


def test_nothing_finite_says_so():
    assert "no finite values" in svg(curves("t", [series([np.nan, np.inf])]), prefix="p", alt="a")
    assert "no finite values" in svg(
        kl_over_training(np.array([1]), np.full((1, 2), np.nan), ["z0", "z1"], [0, 1]), prefix="p", alt="a"
    )


def test_round_numbers_cover_the_range():
    assert round_numbers(30, 700) == [10, 20, 50, 100, 200, 500, 1000, 2000, 5000]


def test_kl_lines_are_named_at_their_ends():
    steps, kl = np.array([1, 2, 3]), np.array([[0.0, 0, 0, 0], [1.0, 1, 0, 0], [2.0, 1.5, 0.01, 0.02]])
    figure = kl_over_training(steps, kl, ["z0 x", "z1", "z2", "z3"], [0, 1, 3, 2])
    (ax,) = figure.axes
    assert [text.get_text() for text in ax.texts] == ["z0 x", "z1", "z2, z3"]
    drawn = [line.get_ydata().tolist() for line in ax.get_lines()[:4]]
    assert drawn == [kl[:, j].tolist() for j in (0, 1, 3, 2)]


def test_a_latent_without_a_finite_end_has_no_label():
    assert [text for _, text, _ in end_labels(np.array([1.0, np.nan]), ["z0", "z1"], [0, 1])] == ["z0"]


def test_labels_are_spread_no_closer_than_the_gap_and_no_further_than_needed():
    heights = np.array([5.0, 0.0, 0.1, 0.2, 9.0])
    placed = spread(heights, 1.0)
    assert (np.argsort(placed) == np.argsort(heights)).all()
    assert np.diff(np.sort(placed)).min() >= 1 - 1e-12
    assert placed[[0, 4]].tolist() == [5, 9]
    assert placed[[1, 2, 3]].mean() == pytest.approx(0.1)


def test_svg_keeps_text_as_text_refers_to_nothing_outside_and_repeats():
    before = dict(mpl.rcParams)
    first = svg(curves("a < b & $c", [series([3.0, 2.0])]), prefix="one", alt='say "x" <y>')
    again = svg(curves("a < b & $c", [series([3.0, 2.0])]), prefix="one", alt='say "x" <y>')
    assert first == again
    assert dict(mpl.rcParams) == before
    assert "a &lt; b &amp; $c</text>" in first
    assert "http" not in first
    assert 'aria-label="say &quot;x&quot; &lt;y&gt;"' in first
    assert "<metadata" not in first
    assert "<style" not in first


def test_panels_give_runs_of_one_label_one_color_in_all_plots():
    plots = [
        Panel("loss", [series([3.0, 2.0], "a"), series([5.0, 4.0], "a"), series([1.0, 1.0], "b")]),
        Panel("kl", [series([1.0, 2.0], "b")]),
    ]
    figure = curve_panels(plots, labels=["b", "a"])
    loss, kl = figure.axes
    assert [line.get_ydata().tolist() for line in loss.get_lines()] == [[3, 2], [5, 4], [1, 1]]
    colors = [line.get_color() for line in loss.get_lines()]
    assert colors[0] == colors[1] != colors[2] == kl.get_lines()[0].get_color()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["b", "a"]
    assert [ax.get_title(loc="left") for ax in (loss, kl)] == ["loss", "kl"]


def test_a_lone_label_needs_no_legend_and_one_of_many_does():
    assert not curve_panels([Panel("t", [series([1.0, 2.0])])]).legends
    assert curve_panels([Panel("t", [series([1.0, 2.0])])], labels=["a", "b"]).legends


def test_a_plot_is_logarithmic_where_any_of_its_lines_fell_far():
    panel = Panel("t", [series([20.0, 19.0], "a"), series([800.0, 30.0], "b")])
    assert curve_panels([panel]).axes[0].get_yscale() == "log"
