"""Runs as points in a plane: rate against distortion, disentanglement against reconstruction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from unbraid.figures.style import FAINT, GRID, PAPER, canvas, drawing, kind_of
from unbraid.metrics.intervals import mean_interval

WIDTH, HEIGHT = 620, 420
BOUNDS = 5
"""About so many lines of equal evidence lower bound."""
TOGETHER = 0.06
"""Share of the range within which points of one name are named once."""


def rate_distortion(
    rate: Float[np.ndarray, "n"],
    distortion: Float[np.ndarray, "n"],
    kinds: Sequence[str],
    *,
    along: Float[np.ndarray, "n"] | None = None,
    option: str = "beta",
) -> Figure:
    """Runs in the rate-distortion plane: KL along x, -log p(x|z) along y, in nats per image.

    On a dashed line the evidence lower bound, minus the sum of both, is the same; towards the lower left it is better.
    Small dots are runs, large ones means over runs of one kind and one value of the option, joined in order of that value.

    Args:
        kinds: what each run is, such as the name of its model; one color each.
        along: value of an option in each run, such as beta; NaN where a kind has no such option.
        option: how it is called in labels.

    >>> rate, distortion = np.array([20.0, 15.0, 8.0]), np.array([60.0, 63.0, 75.0])
    >>> figure = unbraid.figures.rate_distortion(rate, distortion, ["beta_vae"] * 3, along=np.array([1.0, 4.0, 16.0]))
    >>> figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()
    ('rate: KL to the prior', 'distortion: −log p(x|z)')
    """
    values = np.full(len(rate), np.nan) if along is None else along
    with drawing():
        figure, ax = canvas(WIDTH, HEIGHT)
        ax.set_title("Rate and distortion, nats per image")
        named: list[tuple[str, tuple[float, float], str]] = []
        for place, kind in enumerate(dict.fromkeys(kinds)):
            own = np.array([one == kind for one in kinds])
            means = _curve(ax, rate[own], distortion[own], values[own], place, kind)
            named += [(f"{option} {value:g}", mean, kind_of(place)[0]) for value, mean in means]
        _name(ax, named, (float(np.ptp(rate)), float(np.ptp(distortion))))
        ax.set_xlabel("rate: KL to the prior")
        ax.set_ylabel("distortion: −log p(x|z)")
        ax.margins(0.1)
        ax.xaxis.set_major_locator(MaxNLocator(6))
        ax.grid(visible=False)
        _equal_bounds(ax)
        ax.legend(loc="upper right")
        return figure


def _curve(
    ax: Axes, x: np.ndarray, y: np.ndarray, values: np.ndarray, place: int, kind: str
) -> list[tuple[float, tuple[float, float]]]:
    """Draw the runs of a kind; the mean of those of each value of the option."""
    color, marker = kind_of(place)
    ax.plot(x, y, ".", color=color, markersize=5, alpha=0.6, zorder=3)
    known = np.unique(values[np.isfinite(values)])
    groups = [values == value for value in known] or [np.ones(len(x), dtype=bool)]
    means = np.array([(x[own].mean(), y[own].mean()) for own in groups])
    ax.plot(means[:, 0], means[:, 1], color=color, marker=marker, markersize=8, markeredgecolor=PAPER, label=kind, zorder=4)
    return [(float(value), (float(mean[0]), float(mean[1]))) for value, mean in zip(known, means, strict=False)]


def _name(ax: Axes, named: Sequence[tuple[str, tuple[float, float], str]], spans: tuple[float, float]) -> None:
    """Write what points are beside them, once where several of one name lie together."""
    written: list[tuple[str, tuple[float, float]]] = []
    for words, at, color in named:
        near = [
            all(abs(a - b) < TOGETHER * (span or 1) for a, b, span in zip(at, other, spans, strict=True))
            for said, other in written
            if said == words
        ]
        if not any(near):
            written.append((words, at))
            ax.annotate(words, at, xytext=(7, 6), textcoords="offset points", fontsize=10.5, color=color, zorder=5)


def _equal_bounds(ax: Axes) -> None:
    """Lines x + y = c within the plot, which then keeps its limits."""
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    for total in MaxNLocator(BOUNDS).tick_values(left + low, right + high):
        ax.plot([left, right], [total - left, total - right], "--", color=GRID, linewidth=1, zorder=0)
        if low < total - left < high - 0.06 * (high - low):
            ax.text(left, total - left, f" −ELBO {total:g}", fontsize=9, color=FAINT, va="bottom", ha="left", zorder=1)
    ax.set_xlim(left, right)
    ax.set_ylim(low, high)


def trade_off(
    reconstruction: Float[np.ndarray, "n"],
    score: Float[np.ndarray, "n"],
    kinds: Sequence[str],
    *,
    name: str = "disentanglement",
    limits: tuple[float, float] = (-np.inf, np.inf),
) -> Figure:
    """Disentanglement against reconstruction over runs; up and to the left is better.

    Small dots are runs; large ones means over runs of a kind, with 95 % intervals of both means where there are several runs.

    Args:
        reconstruction: -log p(x|z) in nats per image.
        score: of disentanglement, more is better.
        kinds: what each run is; one color each.
        name: of the score.
        limits: least and largest score there can be, where intervals end.

    >>> nll, mig = np.array([60.0, 61.0, 70.0]), np.array([0.1, 0.2, 0.4])
    >>> figure = unbraid.figures.trade_off(nll, mig, ["vae", "vae", "beta_vae"], name="MIG", limits=(0, 1))
    >>> figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()
    ('reconstruction: −log p(x|z), nats per image (← better)', 'MIG (better →)')
    """
    with drawing():
        figure, ax = canvas(WIDTH, HEIGHT)
        ax.set_title(f"{name} against reconstruction")
        for place, kind in enumerate(dict.fromkeys(kinds)):
            own = np.array([one == kind for one in kinds])
            color, marker = kind_of(place)
            x, y = reconstruction[own], score[own]
            ax.plot(x, y, ".", color=color, markersize=6, alpha=0.6, zorder=3)
            center = (float(x.mean()), float(y.mean()))
            if len(x) > 1:
                for ends, at in ((mean_interval(x.tolist()), 0), (np.clip(mean_interval(y.tolist()), *limits), 1)):
                    bar = [ends, (center[1], center[1])] if at == 0 else [(center[0], center[0]), ends]
                    ax.plot(*bar, color=color, linewidth=1.4, alpha=0.8, zorder=3)
            ax.plot(*center, marker, color=color, markersize=9, markeredgecolor=PAPER, label=kind, zorder=4)
        ax.set_xlabel("reconstruction: −log p(x|z), nats per image (← better)")
        ax.set_ylabel(f"{name} (better →)")
        ax.margins(0.1)
        ax.grid(axis="both")
        ax.legend(loc="best")
        return figure
