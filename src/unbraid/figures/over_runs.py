"""Scores over runs: seeds with intervals, and what few labels are enough for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from unbraid.figures.style import FAINT, INK, PAPER, drawing, kind_of, panels, width_of
from unbraid.metrics.intervals import mean_interval

PLOT, ROW, FRAME = 270, 30, 100
"""In CSS pixels: width of a plot, height of a row, height of what surrounds the rows."""
_BACK = ("--", "-.", ":")
"""Lines of kinds that stand back."""
REFERENCES = {"chance": (":", FAINT), "ceiling": ("--", FAINT)}

Scores = Mapping[str, Mapping[str, Sequence[float]]]


def seeds(
    scores: Scores,
    *,
    references: Mapping[str, Mapping[str, float]] | None = None,
    limits: Mapping[str, tuple[float, float]] | None = None,
) -> Figure:
    """Every run's score as a dot, the mean over runs as a bar across, and its 95 % interval as a line.

    The interval says where the mean of other seeds would lie; it is wide for few seeds, and one seed has none.

    Args:
        scores: for each metric, for each kind of run, the scores of its runs.
        references: for each metric, values to compare with: "chance", "ceiling".
        limits: for each metric the least and largest score there can be, where intervals end.

    >>> scores = {"MIG": {"vae": [0.1, 0.12, 0.3], "beta_vae": [0.2, 0.3, 0.28]}}
    >>> figure = unbraid.figures.seeds(scores, references={"MIG": {"chance": 0.0}}, limits={"MIG": (0, 1)})
    >>> figure.axes[0].get_title("left")
    'MIG'
    """
    names = list(scores)
    kinds = list(dict.fromkeys(kind for own in scores.values() for kind in own))
    label = max(width_of(kind, 11.0) for kind in kinds)
    with drawing():
        figure, axes = panels(len(names), 2, PLOT + label, FRAME + ROW * len(kinds))
        for ax, name in zip(axes, names, strict=True):
            ax.set_title(name, pad=22)
            ends = (limits or {}).get(name, (-np.inf, np.inf))
            for row, kind in enumerate(kinds):
                _runs(ax, row, np.asarray(scores[name].get(kind, ()), dtype=np.float64), *kind_of(row), ends)
            for what, value in (references or {}).get(name, {}).items():
                style, color = REFERENCES.get(what, ("-.", FAINT))
                ax.axvline(value, linestyle=style, color=color, linewidth=1, zorder=1)
                ax.annotate(what, (value, 1), xycoords=("data", "axes fraction"), xytext=(0, 1), textcoords="offset points",
                            fontsize=9, color=color, ha="center", va="bottom")  # fmt: skip
            ax.set_yticks(range(len(kinds)), kinds)
            ax.set_ylim(len(kinds) - 0.5, -0.5)
            ax.tick_params(axis="y", length=0)
            ax.spines["left"].set_visible(False)
            ax.grid(visible=False)
            ax.grid(visible=True, axis="x")
            ax.xaxis.set_major_locator(MaxNLocator(5))
        return figure


def _runs(ax: Axes, row: int, values: np.ndarray, color: str, marker: str, ends: tuple[float, float]) -> None:
    known = values[np.isfinite(values)]
    if not len(known):
        return
    if len(known) > 1:
        ax.plot(
            np.clip(mean_interval(known.tolist()), *ends),
            (row, row),
            color=color,
            linewidth=2.4,
            solid_capstyle="butt",
            zorder=2,
        )
    mean = float(known.mean())
    ax.plot((mean, mean), (row - 0.3, row + 0.3), color=INK, linewidth=2, zorder=2.5)
    ax.plot(known, np.full(len(known), row), marker, color=color, markersize=6.5, markeredgecolor=PAPER, markeredgewidth=0.7,
            zorder=3)  # fmt: skip


def label_efficiency(
    labels: Sequence[int], accuracies: Mapping[str, Sequence[Sequence[float]]], *, title: str = "Accuracy of a linear probe"
) -> Figure:
    """How often a classifier names the factors right, by the number of labeled images it learns from.

    Lines are means over runs of a kind, bands their 95 % intervals, dots runs.

    Args:
        labels: numbers of labeled images, ascending.
        accuracies: for each kind of run, for each run, the accuracy with so many labels.

    >>> accuracies = {"vae": [[0.3, 0.5, 0.6]], "beta_vae": [[0.4, 0.7, 0.7]]}  # one run of each
    >>> figure = unbraid.figures.label_efficiency([10, 100, 1000], accuracies)
    >>> figure.axes[0].get_xlabel(), figure.axes[0].get_title("left")
    ('labeled images', 'Accuracy of a linear probe')
    """
    return label_curves(labels, {title: accuracies})


def label_curves(
    labels: Sequence[int],
    plots: Mapping[str, Mapping[str, Sequence[Sequence[float]]]],
    *,
    chance: float | None = None,
    limits: tuple[float, float | None] = (0.0, 1.02),
    references: Sequence[str] = (),
) -> Figure:
    """Quantities by the number of labeled images, in plots side by side.

    Lines are means over the rows of a kind, bands their 95 % intervals, dots rows.

    Args:
        labels: numbers of labeled images, ascending.
        plots: by title, for each kind, rows of one number per number of labels: one row per run, or per draw of labels.
        chance: drawn as a dotted line.
        limits: of the vertical axis; None ends it where the means do.
        references: kinds that stand back, in gray; they take no color.

    >>> plots = {"Accuracy": {"vae": [[0.3, 0.6], [0.2, 0.7]]}, "Loss": {"vae": [[1.2, 0.8], [1.3, 0.7]]}}
    >>> figure = unbraid.figures.label_curves([10, 100], plots, limits=(0.0, None))
    >>> [axes.get_title("left") for axes in figure.axes]
    ['Accuracy', 'Loss']
    """
    kinds = [kind for kind in dict.fromkeys(kind for own in plots.values() for kind in own) if kind not in references]
    with drawing():
        figure, axes = panels(len(plots), 2, 560 if len(plots) == 1 else 440, 360)
        for ax, (title, own) in zip(axes, plots.items(), strict=True):
            ax.set_title(title)
            for kind, rows in own.items():
                values = np.asarray(rows, dtype=np.float64)
                if kind in references:
                    style = _BACK[references.index(kind) % len(_BACK)]
                    ax.plot(labels, values.mean(0), style, color=FAINT, linewidth=1.6, label=kind, zorder=3)
                else:
                    _label_curve(ax, labels, kind, values, kinds.index(kind))
            if chance is not None:
                ax.axhline(chance, linestyle=":", color=FAINT, linewidth=1, zorder=1, label="chance")
            ax.set_xscale("log")
            ax.set_xticks(list(labels))
            ax.minorticks_off()
            ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
            ax.set_xlabel("labeled images")
            ax.set_ylim(*limits)
        axes[0].legend(loc="best")
        return figure


def _label_curve(ax: Axes, labels: Sequence[int], kind: str, rows: np.ndarray, place: int) -> None:
    color, marker = kind_of(place)
    ax.plot(labels, rows.mean(0), color=color, marker=marker, markersize=7, markeredgecolor=PAPER, label=kind, zorder=4)
    if len(rows) > 1:
        ends = np.array([mean_interval(column.tolist()) for column in rows.T])
        ax.fill_between(labels, ends[:, 0], ends[:, 1], color=color, alpha=0.15, linewidth=0, zorder=1)
        for row in rows:
            ax.plot(labels, row, ".", color=color, markersize=4, alpha=0.7, zorder=3)
