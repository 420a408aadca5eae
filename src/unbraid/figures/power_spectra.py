"""How sharp images are: how much of their brightness varies over how short a distance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from unbraid.figures.style import FAINT, INK, drawing, kind_of, panels

FINE = 0.5
"""Fine detail begins at this share of the largest frequency: waves of 4 pixels and shorter."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Power of images by spatial frequency.

    Args:
        frequency: waves across the image, from 1 to half its side in pixels.
        power: mean power at that frequency, over all directions and all images.
        fine: power of all waves of 4 pixels or shorter together.
        checkerboard: power of waves of 2 pixels along rows, columns or both, which is what strided layers leave.
        total: power of all waves together.
    """

    frequency: Float[np.ndarray, "f"]
    power: Float[np.ndarray, "f"]
    fine: float
    checkerboard: float
    total: float


def spectrum(images: UInt8[np.ndarray, "n c h w"]) -> Spectrum:
    r"""The radially averaged power spectrum of images.

    Borders are faded out by a Hann window, after the mean brightness is subtracted.

    .. math:: P(k) = \operatorname{mean}_{|f| \in [k - 1/2, k + 1/2)} |\mathrm{FFT}[w \cdot (x - \bar x)](f)|^2 / (h w)

    Without the window the jump from one border to the opposite one would look like fine detail. Frequencies are in waves
    across the shorter side.

    >>> checkerboard = (np.indices((1, 1, 16, 16)).sum(0) % 2 * 255).astype(np.uint8)
    >>> found = unbraid.figures.spectrum(checkerboard)
    >>> found.checkerboard / found.total > 0.9
    True
    """
    n, channels, height, width = images.shape
    side = min(height, width)
    window = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
    power = np.zeros((height, width))
    for image in images.astype(np.float64) / 255:
        centered = (image - image.mean((1, 2), keepdims=True)) * window
        power += (np.abs(np.fft.fft2(centered)) ** 2).sum(0)
    power /= n * channels * height * width
    y, x = np.abs(np.fft.fftfreq(height))[:, None], np.abs(np.fft.fftfreq(width))[None]
    ring = np.rint(np.hypot(y, x) * side).astype(np.int64)
    frequency = np.arange(1, side // 2 + 1)
    count, total = np.bincount(ring.ravel()), np.bincount(ring.ravel(), power.ravel())
    near = (0.5 - 1 / np.array([height, width])) - 1e-9  # the window spreads a wave over the frequencies next to it
    at_end = ((y >= near[0]) & ((x >= near[1]) | (x <= 1 / width + 1e-9))) | ((x >= near[1]) & (y <= 1 / height + 1e-9))
    return Spectrum(
        frequency.astype(np.float64),
        total[frequency] / count[frequency],
        float(power[np.hypot(y, x) >= FINE / 2].sum()),
        float(power[at_end].sum()),
        float(power.sum()),
    )


def spectra(originals: UInt8[np.ndarray, "n c h w"], decoded: Mapping[str, UInt8[np.ndarray, "n c h w"]]) -> Figure:
    """Power by size of detail, of images and reconstructions, and the share that reconstructions keep.

    A blurred reconstruction keeps coarse detail (left) and loses fine detail (right). A rise at the right end above what the
    images have is a checkerboard, which strided layers can leave. The legend says what share of all fine detail (waves of 4
    pixels or shorter) is kept, and how strong the pattern of 2 pixels is compared with the images'.

    Args:
        decoded: for each model reconstructions of these images.

    >>> images = np.random.default_rng(0).integers(0, 256, (4, 1, 16, 16), np.uint8)
    >>> figure = unbraid.figures.spectra(images, {"vae": images // 2 + 64})
    >>> [axes.get_title("left") for axes in figure.axes]
    ['Power, by size of detail', 'Share kept by reconstructions']
    """
    wanted = spectrum(originals)
    with drawing():
        figure, (left, right) = panels(2, 2, 400, 330 + 18 * len(decoded))
        left.set_title("Power, by size of detail")
        handles = dict(zip(["images"], left.plot(wanted.frequency, wanted.power, color=INK, linewidth=2.4), strict=True))
        right.set_title("Share kept by reconstructions")
        right.axhline(1, color=INK, linewidth=1, zorder=1)
        for place, (name, images) in enumerate(decoded.items()):
            found, color = spectrum(images), kind_of(place)[0]
            (line,) = left.plot(found.frequency, found.power, color=color)
            kept = np.divide(found.power, wanted.power, out=np.full_like(found.power, np.nan), where=wanted.power > 0)
            right.plot(wanted.frequency, kept, color=color)
            handles[f"{name}: {_kept(found, wanted)}"] = line
        left.set_yscale("log")
        left.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
        right.set_ylim(0, None)
        right.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:.0f} %"))
        for ax in (left, right):
            _frequency_axis(ax, int(wanted.frequency[-1]))
        figure.legend(handles.values(), handles, loc="outside lower left")
        return figure


def _kept(found: Spectrum, wanted: Spectrum) -> str:
    parts = []
    if wanted.fine > 0:
        parts.append(f"keeps {100 * found.fine / wanted.fine:.0f} % of fine detail")
    if wanted.checkerboard > 0:
        parts.append(f"2-pixel pattern × {found.checkerboard / wanted.checkerboard:.2g}")
    return ", ".join(parts) or "images have no fine detail"


def _frequency_axis(ax: Axes, end: int) -> None:
    ax.set_xlim(1, end)
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.set_xlabel("waves across the image")
    ax.annotate(
        "coarse", (0, 0), xycoords="axes fraction", xytext=(0, -30), textcoords="offset points", fontsize=10, color=FAINT
    )
    ax.annotate("fine", (1, 0), xycoords="axes fraction", xytext=(0, -30), textcoords="offset points", fontsize=10, color=FAINT,
                ha="right")  # fmt: skip
