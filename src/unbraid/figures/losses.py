"""A term of the loss over training: a line for training batches, marks for evaluations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from unbraid.figures.series import Series
from unbraid.figures.style import OKABE_ITO, canvas, drawing, nothing_to_draw

FAR = 8.0
"""A quantity that fell to less than one part in so many has a logarithmic axis, or its end could not be seen."""
WIDTH, HEIGHT = 460, 270
_MARKERS = ("o", "s", "^", "D", "v", "P")


def curves(
    title: str, lines: Sequence[Series], marks: Sequence[Series] = (), *, limits: tuple[float, float] | None = None
) -> Figure:
    """Quantities over training in one plot.

    Args:
        title: what is shown, with its unit.
        lines: drawn as lines; means over the steps between two entries.
        marks: drawn as single points; evaluations.
        limits: of the vertical axis; by default those of the values, logarithmic where they fell far.
    """
    with drawing():
        figure, ax = canvas(WIDTH, HEIGHT)
        ax.set_title(title)
        drawn = [_draw_line(ax, one.finite, OKABE_ITO[i % 8]) for i, one in enumerate(lines) if len(one.finite)]
        shift = len(lines)
        for i, one in enumerate(marks):
            if len(one.finite):
                drawn.append(_draw_marks(ax, one.finite, OKABE_ITO[(shift + i) % 8], _MARKERS[i % len(_MARKERS)]))
        if not drawn:
            nothing_to_draw(ax, "no finite values")
            return figure
        step_axis(ax)
        _value_axis(ax, np.concatenate(drawn), limits, fall=float(drawn[0][0] / drawn[0][-1]) if drawn[0][-1] else 1.0)
        if len(drawn) > 1:
            ax.legend(loc="best", handlelength=1.4, borderaxespad=0.2, labelspacing=0.3)
        return figure


def step_axis(ax: Axes) -> None:
    """Steps along the horizontal axis, from 0, with few whole ticks."""
    ax.set_xlim(left=0)
    ax.set_xlabel("step", loc="right")
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))


def _draw_line(ax: Axes, one: Series, colour: str) -> Float[np.ndarray, "t"]:
    lone = len(one) == 1  # a line of one point cannot be seen
    ax.plot(one.steps, one.values, color=colour, label=one.label, marker="o" if lone else "", zorder=2)
    return one.values


def _draw_marks(ax: Axes, one: Series, colour: str, marker: str) -> Float[np.ndarray, "t"]:
    ax.plot(one.steps, one.values, marker, color=colour, label=one.label, markersize=6, markeredgecolor="white",
            markeredgewidth=0.6, zorder=3)  # fmt: skip
    return one.values


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
