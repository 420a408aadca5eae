"""Quantities of many runs: over the values of an option, and against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from unbraid.figures.style import FAINT, canvas, drawing, kind_of
from unbraid.metrics.intervals import mean_interval

WIDTH, HEIGHT = 560, 360
WIDE_RANGE = 20.0
"""An option whose largest value is more than this many times its least, if positive, has a logarithmic axis."""


def lines_over_option(
    values: Mapping[str, Mapping[float, Sequence[float]]],
    option: str,
    *,
    title: str = "",
    limits: tuple[float, float] = (-np.inf, np.inf),
) -> Figure:
    """Means over seeds along an option, one line per kind; bands are 95 % t intervals, dots seeds.

    Args:
        values: for each kind, for each value of the option, one number per seed.
        option: what the option is called.
        title: what the numbers are.
        limits: the least and largest number there can be, where bands end.

    >>> values = {"beta_vae": {1.0: [0.1, 0.2], 4.0: [0.3, 0.4], 16.0: [0.2, 0.2]}}  # two seeds of each
    >>> figure = unbraid.figures.lines_over_option(values, "beta", title="MIG", limits=(0, 1))
    >>> figure.axes[0].get_xlabel(), figure.axes[0].get_title("left")
    ('beta', 'MIG')
    """
    with drawing():
        figure, ax = canvas(WIDTH, HEIGHT)
        ax.set_title(title)
        for place, (kind, own) in enumerate(values.items()):
            color, marker = kind_of(place)
            along = sorted(own)
            runs = [np.asarray([v for v in own[x] if np.isfinite(v)], dtype=np.float64) for x in along]
            means = [float(one.mean()) if len(one) else np.nan for one in runs]
            ends = np.array(
                [mean_interval(one.tolist()) if len(one) > 1 else (mean, mean) for one, mean in zip(runs, means, strict=True)]
            ).clip(*limits)
            ax.plot(along, means, color=color, marker=marker, markersize=7, markeredgecolor="white", label=kind, zorder=4)
            ax.fill_between(along, ends[:, 0], ends[:, 1], color=color, alpha=0.15, linewidth=0, zorder=1)
            for x, one in zip(along, runs, strict=True):
                ax.plot(np.full(len(one), x), one, ".", color=color, markersize=4, alpha=0.7, zorder=3)
        everywhere = sorted({x for own in values.values() for x in own})
        if everywhere[0] > 0 and everywhere[-1] > WIDE_RANGE * everywhere[0]:
            ax.set_xscale("log")
        ax.set_xticks(everywhere, [f"{x:g}" for x in everywhere])
        ax.minorticks_off()
        ax.set_xlabel(option)
        if len(values) > 1:
            ax.legend(loc="best")
        return figure


def agreement(
    x: Float[np.ndarray, "n"],
    y: Float[np.ndarray, "n"],
    kinds: Sequence[str],
    *,
    names: tuple[str, str],
) -> Figure:
    """Two quantities of every run against each other, with Spearman's rank correlation.

    The correlation over all runs stands in the title.

    Args:
        x, y: one number per run.
        kinds: what each run is; one color each.
        names: what the quantities are.

    >>> mig, dci = np.array([0.1, 0.2, 0.4]), np.array([0.2, 0.5, 0.6])
    >>> figure = unbraid.figures.agreement(mig, dci, ["vae", "vae", "beta_vae"], names=("MIG", "DCI"))
    >>> figure.axes[0].get_title("left")
    'rank correlation 1.00 over 3 runs'
    """
    from scipy.stats import spearmanr

    known = np.isfinite(x) & np.isfinite(y)
    varied = known.sum() > 2 and np.ptp(x[known]) > 0 and np.ptp(y[known]) > 0
    rho = f"rank correlation {spearmanr(x[known], y[known]).statistic:.2f}".replace("-", "−") if varied else "no correlation"
    with drawing():
        figure, ax = canvas(WIDTH * 0.8, HEIGHT)
        ax.set_title(f"{rho} over {known.sum()} runs")
        for place, kind in enumerate(dict.fromkeys(kinds)):
            own = known & np.array([one == kind for one in kinds])
            color, marker = kind_of(place)
            ax.plot(x[own], y[own], marker, color=color, markersize=6, markeredgecolor="white", label=kind)
        if not known.any():
            ax.text(0.5, 0.5, "no run has both", transform=ax.transAxes, ha="center", color=FAINT)
        ax.set_xlabel(names[0])
        ax.set_ylabel(names[1])
        ax.xaxis.set_major_locator(MaxNLocator(6))
        if len(set(kinds)) > 1:
            ax.legend(loc="best")
        return figure
