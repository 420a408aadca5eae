"""Histograms of a network's weights: where most are near zero, fewer would do."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from unbraid.figures.style import drawing, kind_of, panels

BINS = 101
SMALL = 0.01
"""Weights no larger than this count as near zero."""

Weights = Mapping[str, Mapping[str, Float[np.ndarray, "_"]]]


def near_zero(weights: Float[np.ndarray, "_"], limit: float = SMALL) -> float:
    """Share of weights whose size is at most the limit."""
    return float((np.abs(weights) <= limit).mean())


def weight_histograms(weights: Weights) -> Figure:
    """How large the weights of each network are, one line per model, with the share near zero.

    With weight decay (an L2 penalty) weights that nothing needs shrink to zero: the line has a peak there.

    Args:
        weights: for each model, for each of its networks ("encoder", "decoder"), all weights in one array.

    >>> weights = np.random.default_rng(0).normal(0, 0.1, 1000).astype(np.float32)
    >>> figure = unbraid.figures.weight_histograms({"vae": {"encoder": weights, "decoder": weights * 0.01}})
    >>> [axes.get_title("left") for axes in figure.axes]
    ['Weights of the encoder', 'Weights of the decoder']
    """
    networks = list(dict.fromkeys(name for own in weights.values() for name in own))
    with drawing():
        figure, axes = panels(len(networks), 2, 400, 320)
        for ax, network in zip(axes, networks, strict=True):
            ax.set_title(f"Weights of the {network}")
            found = {model: own[network] for model, own in weights.items() if network in own}
            end = max(float(np.abs(own).max()) for own in found.values()) or 1.0
            edges = np.linspace(-end, end, BINS + 1)
            for place, (model, own) in enumerate(found.items()):
                share = np.histogram(own, edges)[0] / len(own)
                words = f"{model}: {100 * near_zero(own):.0f} % within ±{SMALL:g}"
                ax.stairs(share, edges, color=kind_of(place)[0], label=words, linewidth=1.6)
            ax.set_yscale("log")
            ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:g} %"))
            ax.xaxis.set_major_locator(MaxNLocator(5))
            ax.set_xlabel("value of a weight")
            low, high = ax.get_ylim()
            ax.set_ylim(low, high * (high / low) ** (0.08 + 0.07 * len(found)))  # room for the legend
            ax.legend(loc="upper left")
        return figure
