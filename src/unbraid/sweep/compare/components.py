"""Where scores vary: between objectives, between settings of an objective, between seeds of a setting."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from unbraid.metrics.intervals import COVERAGE

RESAMPLES = 2_000
ROUNDING = 1e-24
"""Variance that is no more than this share of the largest square is that of rounding."""
LEVELS = ("objective", "setting", "seed")

Nested = Mapping[str, Mapping[str, Sequence[float]]]
"""By objective and setting, one value per seed."""


@dataclass(frozen=True)
class Components:
    """Components of variance of objectives, of settings within an objective, of seeds within a setting.

    Args:
        estimates: of the three, in the square of the score's unit. Those of objective and setting may be negative: less than
            seeds alone would make.
        shares: of each in their sum, negative ones counted as 0; NaN where nothing varies.
        intervals: 95 % of the shares.
        fitted: share of the total sum of squares that a least-squares fit by objective takes, and one by objective and setting.
            It grows with the number of groups, whatever they mean.
        counts: objectives, settings, runs.
    """

    estimates: tuple[float, float, float]
    shares: tuple[float, float, float]
    intervals: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    fitted: tuple[float, float]
    counts: tuple[int, int, int]

    @property
    def negative(self) -> tuple[str, ...]:
        """Which components are estimated below 0."""
        return tuple(name for name, value in zip(LEVELS, self.estimates, strict=True) if value < 0)


def components(values: Nested) -> Components | str:
    r"""Components of variance by the nested analysis of variance, for any numbers of settings and seeds.

    .. math:: y_{ijk} = \mu + a_i + b_{ij} + e_{ijk}, \qquad
        \mathrm{Var}\, y = \sigma_a^2 + \sigma_b^2 + \sigma_e^2

    for seed k of setting j of objective i. Mean squares are set equal to what they are expected to be: with N runs,
    :math:`n_{ij}` of a setting and :math:`n_i` of an objective, `a` objectives and `b` settings in all,

    .. math:: E\,MS_e = \sigma_e^2, \quad
        E\,MS_b = \sigma_e^2 + \frac{N - \sum_{ij} n_{ij}^2 / n_i}{b - a} \sigma_b^2, \quad
        E\,MS_a = \sigma_e^2 + \frac{\sum_{ij} n_{ij}^2 (1 / n_i - 1 / N)}{a - 1} \sigma_b^2
        + \frac{N - \sum_i n_i^2 / N}{a - 1} \sigma_a^2

    Estimates have no bias, and may be negative. Intervals of the shares are generalized confidence intervals: the equations
    are solved with each mean square times its degrees of freedom over a draw of chi-squared with so many, 2,000 times, and
    what comes out below 0 is 0. Effects are taken to be normal, objectives and settings for a sample of those there could be.
    Where numbers of runs differ, mean squares of settings and objectives only nearly have that distribution.

    Args:
        values: those not finite are left out, and so are objectives with a single setting, which say nothing of settings.

    Returns what is missing, in words, where there are too few runs.
    Sources: Searle, Casella and McCulloch (1992), Variance Components, 3 and 5 (Henderson's method I); Weerahandi (1993),
    Generalized confidence intervals.
    """
    kept: list[list[np.ndarray]] = []
    for settings in values.values():
        own = [np.array([value for value in runs if math.isfinite(value)], np.float64) for runs in settings.values()]
        own = [runs for runs in own if len(runs)]
        if len(own) > 1:
            kept.append(own)
    sizes = [[len(runs) for runs in own] for own in kept]
    if len(kept) < 2:
        return "fewer than two objectives with two settings each"
    if all(n == 1 for own in sizes for n in own):
        return "no setting with two seeds"
    y = np.concatenate([runs for own in kept for runs in own])[None]
    design = _Design.of(sizes)
    found = design.estimates(y)[0]
    base = np.maximum(found, 0.0)
    total = float(base.sum())
    counts = (len(kept), sum(map(len, sizes)), y.shape[1])
    if total <= ROUNDING * float((y**2).max()):
        unknown = (math.nan, math.nan)
        return Components(_three(found), (math.nan, math.nan, math.nan), (unknown, unknown, unknown), unknown, counts)
    drawn = np.maximum(design.could_be(y, RESAMPLES, np.random.default_rng(0)), 0.0)
    shares = drawn / drawn.sum(1, keepdims=True)
    low, high = np.quantile(shares, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2], axis=0)
    ends = [(float(a), float(b)) for a, b in zip(low, high, strict=True)]
    fitted = design.fitted(y)[0]
    return Components(
        _three(found), _three(base / total), (ends[0], ends[1], ends[2]), (float(fitted[0]), float(fitted[1])), counts
    )


def _three(values: Float64[np.ndarray, "3"]) -> tuple[float, float, float]:
    first, second, third = map(float, values)
    return first, second, third


@dataclass(frozen=True)
class _Design:
    """Which run is of which setting, and which setting of which objective."""

    setting: Int64[np.ndarray, "n"]
    objective: Int64[np.ndarray, "n"]
    by_setting: Float64[np.ndarray, "b n"]
    """Takes the mean of each setting's runs."""
    by_objective: Float64[np.ndarray, "a n"]
    sizes: tuple[Float64[np.ndarray, "a"], Float64[np.ndarray, "b"]]
    of_setting: Int64[np.ndarray, "b"]
    """The objective of each setting."""

    @classmethod
    def of(cls, sizes: Sequence[Sequence[int]]) -> _Design:
        of_setting = np.repeat(np.arange(len(sizes)), [len(own) for own in sizes])
        each = np.array([n for own in sizes for n in own])
        setting = np.repeat(np.arange(len(each)), each)
        objective = of_setting[setting]
        in_settings = (setting == np.arange(len(each))[:, None]).astype(np.float64)
        in_objectives = (objective == np.arange(len(sizes))[:, None]).astype(np.float64)
        return cls(
            setting,
            objective,
            in_settings / in_settings.sum(1, keepdims=True),
            in_objectives / in_objectives.sum(1, keepdims=True),
            (in_objectives.sum(1), in_settings.sum(1)),
            of_setting,
        )

    def _squares(self, y: Float64[np.ndarray, "r n"]) -> Float64[np.ndarray, "r 3"]:
        """Sums of squares between objectives, between settings within them, and between seeds within those."""
        objectives, settings = (y @ self.by_objective.T)[:, self.objective], (y @ self.by_setting.T)[:, self.setting]
        parts = (objectives - y.mean(1, keepdims=True), settings - objectives, y - settings)
        return np.stack([(part**2).sum(1) for part in parts], axis=1)

    @property
    def _freedom(self) -> Float64[np.ndarray, "3"]:
        """Degrees of freedom of these sums."""
        a, b, n = len(self.sizes[0]), len(self.sizes[1]), len(self.setting)
        return np.array([a - 1, b - a, n - b], np.float64)

    def estimates(self, y: Float64[np.ndarray, "r n"]) -> Float64[np.ndarray, "r 3"]:
        return self._solved(self._squares(y) / self._freedom)

    def could_be(self, y: Float64[np.ndarray, "1 n"], times: int, rng: np.random.Generator) -> Float64[np.ndarray, "r 3"]:
        """Draws of the components that could have made these sums of squares."""
        return self._solved(self._squares(y) / rng.chisquare(self._freedom, (times, 3)))

    def _solved(self, means: Float64[np.ndarray, "r 3"]) -> Float64[np.ndarray, "r 3"]:
        """The components whose mean squares are expected to be these."""
        n_a, n_b = self.sizes
        a, b, n = len(n_a), len(n_b), len(self.setting)
        inside = (n_b**2 / n_a[self.of_setting]).sum()
        between, within, seed = means.T
        setting = (within - seed) / ((n - inside) / (b - a))
        carried = (inside - (n_b**2).sum() / n) / (a - 1)
        objective = (between - seed - carried * setting) / ((n - (n_a**2).sum() / n) / (a - 1))
        return np.stack([objective, setting, seed], axis=1)

    def fitted(self, y: Float64[np.ndarray, "r n"]) -> Float64[np.ndarray, "r 2"]:
        squares = self._squares(y)
        return squares.cumsum(1)[:, :2] / squares.sum(1, keepdims=True)
