"""A term of the loss over training: a line for training batches, marks for evaluations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from unbraid.figures.series import Series
from unbraid.figures.style import OKABE_ITO, PAPER, canvas, drawing, kind_of, nothing_to_draw, panels, width_of

FAR = 8.0
"""A quantity that fell by more than this factor has a logarithmic axis, to show its end."""
WIDTH, HEIGHT = 460, 270
MANY = 4
"""More names than this would cover the lines, and stand beside them."""


def curves(
    title: str, lines: Sequence[Series], marks: Sequence[Series] = (), *, limits: tuple[float, float] | None = None
) -> Figure:
    """Quantities over training in one plot.

    Args:
        title: what is shown, with its unit.
        lines: drawn as lines; means over the steps between two entries.
        marks: drawn as single points; evaluations.
        limits: of the vertical axis; by default those of the values, logarithmic where they fell far.

    >>> from unbraid.figures.series import Series
    >>> loss = Series("beta_vae", np.array([0, 500, 1000]), np.array([90.0, 40.0, 35.0]))
    >>> figure = unbraid.figures.curves("Loss in nats per image", [loss])
    >>> figure.axes[0].get_xlabel(), figure.axes[0].get_title("left")
    ('step', 'Loss in nats per image')
    """
    with drawing():
        figure, ax = canvas(WIDTH, HEIGHT)
        count = _draw(ax, Panel(title, lines, marks), _places([*lines, *marks]), limits)
        if count > MANY:
            figure.legend(loc="outside right upper", handlelength=1.4, labelspacing=0.3)
        elif count > 1:
            ax.legend(loc="best", handlelength=1.4, borderaxespad=0.2, labelspacing=0.3)
        return figure


@dataclass(frozen=True)
class Panel:
    """One of several plots over training; `marks` are evaluations, drawn as points."""

    title: str
    lines: Sequence[Series]
    marks: Sequence[Series] = ()


def curve_panels(plots: Sequence[Panel], *, columns: int = 2, labels: Sequence[str] = ()) -> Figure:
    """Quantities over training, one plot each; series of one label have one color in all plots.

    Args:
        columns: plots side by side.
        labels: that colors go to first, in this order, so that figures of the same runs agree.

    >>> from unbraid.figures.losses import Panel
    >>> from unbraid.figures.series import Series
    >>> steps, nll, kl = np.array([0, 500, 1000]), np.array([90.0, 40.0, 35.0]), np.array([0.1, 9.0, 12.0])
    >>> plots = [Panel("Reconstruction", [Series("vae", steps, nll)]), Panel("KL", [Series("vae", steps, kl)])]
    >>> [axes.get_title("left") for axes in unbraid.figures.curve_panels(plots).axes]
    ['Reconstruction', 'KL']
    """
    found = [one.label for plot in plots for one in (*plot.lines, *plot.marks)]
    places = {label: place for place, label in enumerate(dict.fromkeys([*labels, *found]))}
    with drawing():
        figure, axes = panels(len(plots), columns, WIDTH, HEIGHT)
        for ax, plot in zip(axes, plots, strict=True):
            _draw(ax, plot, places, None)
        handles = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
        if len(places) > 1 and handles:
            shown = [label for label in places if label in handles]
            wide = max(map(width_of, shown)) + 60
            ncols = max(1, int(min(columns, len(plots)) * WIDTH // wide))
            figure.legend([handles[label] for label in shown], shown, loc="outside lower left", ncols=ncols)
        return figure


def _places(series: Sequence[Series]) -> dict[str, int]:
    """The place of each label among the different ones, which decides its color."""
    return {label: place for place, label in enumerate(dict.fromkeys(one.label for one in series))}


def _draw(ax: Axes, plot: Panel, places: Mapping[str, int], limits: tuple[float, float] | None) -> int:
    """Draw all series that hold finite values; how many different labels those have."""
    ax.set_title(plot.title)
    known: list[str] = []
    drawn = []
    for series, draw in ((plot.lines, _draw_line), (plot.marks, _draw_marks)):
        for one in series:
            if len(one.finite):
                drawn.append(draw(ax, one.finite, places[one.label], one.label not in known))
                known.append(one.label)
    if not drawn:
        nothing_to_draw(ax, "no finite values")
        return 0
    step_axis(ax)
    _value_axis(ax, np.concatenate(drawn), limits, max(map(_fall, drawn[: len(plot.lines)] or drawn)))
    return len(set(known))


def step_axis(ax: Axes) -> None:
    """Steps along the horizontal axis, from 0, with few whole ticks."""
    ax.set_xlim(left=0)
    ax.set_xlabel("step", loc="right")
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))


def _draw_line(ax: Axes, one: Series, place: int, named: bool) -> Float[np.ndarray, "t"]:
    lone = len(one) == 1  # a line of one point cannot be seen
    label = one.label if named else "_nolegend_"
    style = "-" if place < len(OKABE_ITO) else "--"  # where colors come again
    ax.plot(one.steps, one.values, style, color=kind_of(place)[0], label=label, marker="o" if lone else "", zorder=2)
    return one.values


def _draw_marks(ax: Axes, one: Series, place: int, named: bool) -> Float[np.ndarray, "t"]:
    color, marker = kind_of(place)
    ax.plot(one.steps, one.values, marker, color=color, label=one.label if named else "_nolegend_", markersize=6,
            markeredgecolor=PAPER, markeredgewidth=0.6, zorder=3)  # fmt: skip
    return one.values


def _fall(values: Float[np.ndarray, "t"]) -> float:
    return float(values[0] / values[-1]) if values[-1] else 1.0


def _value_axis(ax: Axes, values: Float[np.ndarray, "_"], limits: tuple[float, float] | None, fall: float) -> None:
    low, high = float(values.min()), float(values.max())
    if limits is not None:
        ax.set_ylim(*limits)
    elif low > 0 and fall >= FAR:
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(FixedLocator(round_numbers(low, high)))
        ax.yaxis.set_minor_locator(NullLocator())
        ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,g}"))
        ax.margins(y=0.08)
        return
    else:
        ax.margins(y=0.08)
    ax.yaxis.set_major_locator(MaxNLocator(5))


def round_numbers(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten about a positive range; powers alone where that would be many."""
    first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
    steps = (1, 2, 5) if last - first <= 3 else (1,)
    every = max(1, (last - first) // 6)
    return [float(step * 10.0**power) for power in range(first, last + 1, every) for step in steps]
