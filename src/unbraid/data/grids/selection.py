"""Parts of a factor grid in words: sub-grids, combinations held out, and two factors drawn together.

The values of a factor are given by their index, counted from 0, or by name where they have names:
"shape=heart scale=2,3 x=0..15". Those of a continuous factor are given as intervals, in its unit: "x=0.2..0.4".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Real

from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.errors import UnknownName, UsageError

NARROWEST = 0.001
"""Smallest sigma of `pair_weights`: far below the step of any factor, so that nothing narrower would differ."""


Interval = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """Some values of some factors, together; every other factor takes all of its values.

    Args:
        codes: of factors with codes, ascending.
        intervals: of continuous factors, both ends included.
    """

    codes: Mapping[str, list[int]] = field(default_factory=dict)
    intervals: Mapping[str, list[Interval]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The factors of which it names values."""
        return [*self.codes, *self.intervals]

    def holds(self, factors: Real[np.ndarray, "n factor"], space: FactorSpace) -> Bool[np.ndarray, "n"]:
        """Which rows of factor codes lie in it."""
        inside = np.ones(len(factors), dtype=bool)
        for name, codes in self.codes.items():
            inside &= np.isin(factors[:, space.column(name)], codes)
        for name, intervals in self.intervals.items():
            values = factors[:, space.column(name)]
            inside &= np.any([(low <= values) & (values <= high) for low, high in intervals], axis=0)
        return inside

    def sample(self, n: int, space: FactorSpace, rng: np.random.Generator) -> Real[np.ndarray, "n factor"]:
        """Rows of factor codes, independent and uniform within it."""
        factors = space.sample(n, rng=rng)
        for name, codes in self.codes.items():
            factors[:, space.column(name)] = rng.choice(codes, size=n)
        for name, intervals in self.intervals.items():
            low, high = np.array(intervals).T
            which = rng.choice(len(low), size=n, p=(high - low) / (high - low).sum())
            factors[:, space.column(name)] = rng.uniform(low[which], high[which])
        return factors


def parse_selection(text: str, space: FactorSpace, flag: str) -> dict[str, list[int]]:
    """Codes of the factors of a grid in a text, ascending: {"shape": [2], "x": [0, 1, ..., 15]}.

    Arguments and errors as of `parse_box`.
    """
    return dict(parse_box(text, space, flag).codes)


def parse_box(text: str, space: FactorSpace, flag: str) -> Box:
    """The values of factors that a text names.

    Args:
        text: words NAME=VALUES; values are separated by commas, and a..b stands for a, a + 1, ..., b, or for an interval.
        space: the factors that can be named.
        flag: the option that the text was given for, for the error.

    Raises `UnknownName` for a factor or a named value that does not exist and `UsageError` for anything else that is no
    selection.
    """
    codes: dict[str, list[int]] = {}
    intervals: dict[str, list[Interval]] = {}
    if ";" in text:
        raise UsageError(f"{flag} {text!r} has a semicolon; {flag} takes the values of one part of the grid, without any.")
    for word in text.split():
        name, equals, values = word.partition("=")
        if not equals or not values:
            raise UsageError(f'{flag} {text!r}: {word!r} is not NAME=VALUES, as in "x=0..3 scale=2,5". {_known(space)}')
        if name not in space.names:
            raise UnknownName("factor", name, space.names, where=flag)
        if name in codes or name in intervals:
            raise UsageError(f'{flag} {text!r} names {name} twice; give all its values at once, as in "{name}=0,2..3".')
        factor, where = space.factors[space.column(name)], f"{flag} {text!r}"
        if factor.continuous:
            intervals[name] = _apart(sorted(_interval(part, factor, where) for part in values.split(",")), factor, where)
        else:
            codes[name] = sorted({code for part in values.split(",") for code in _codes(part, factor, where)})
    if not (codes or intervals):
        raise UsageError(f'{flag} {text!r} selects nothing; give words like "x=0..3". {_known(space)}')
    return Box(codes, intervals)


def parse_boxes(text: str, space: FactorSpace, flag: str) -> tuple[Box, ...]:
    """Several of them, with semicolons between: "shape=heart x=0..3; shape=square".

    Errors as of `parse_box`.
    """
    return tuple(parse_box(part, space, flag) for part in text.split(";"))


def in_any(boxes: tuple[Box, ...], factors: Real[np.ndarray, "n factor"], space: FactorSpace) -> Bool[np.ndarray, "n"]:
    """Which rows of factor codes lie in one of the boxes."""
    inside = np.zeros(len(factors), dtype=bool)
    for box in boxes:
        inside |= box.holds(factors, space)
    return inside


def _known(space: FactorSpace) -> str:
    ends = [f.values if f.continuous else (0, f.size - 1) for f in space.factors]
    return (
        "Factors: " + ", ".join(f"{f.name} {low:g}..{high:g}" for f, (low, high) in zip(space.factors, ends, strict=True)) + "."
    )


def _interval(part: str, factor: Factor, where: str) -> Interval:
    first, dots, last = part.partition("..")
    least, most = factor.values
    try:
        low, high = float(first), float(last)
    except ValueError:
        low = high = np.nan
    if not (dots and least <= low < high <= most):
        raise UsageError(
            f"{where}: {factor.name}={part} is no interval of a continuous factor; give two numbers LOW..HIGH, the lower "
            f"first, from {least:g} to {most:g}."
        )
    return low, high


def _apart(intervals: list[Interval], factor: Factor, where: str) -> list[Interval]:
    for (_, high), (low, _) in pairwise(intervals):
        if low < high:
            raise UsageError(f"{where}: intervals of {factor.name} overlap; give each part of its range once.")
    return intervals


def _codes(part: str, factor: Factor, where: str) -> range:
    first, dots, last = part.partition("..")
    start = _code(first, factor, where)
    stop = _code(last, factor, where) if dots else start
    if stop < start:
        raise UsageError(f"{where}: {factor.name}={part} runs backwards; give {last}..{first}.")
    return range(start, stop + 1)


def _code(text: str, factor: Factor, where: str) -> int:
    if not text:
        raise UsageError(f"{where}: a value of {factor.name} is missing; write a..b with both ends, or a,b.")
    if text in factor.labels:
        return factor.labels.index(text)
    named = f" or {', '.join(factor.labels)}" if factor.labels else ""
    if not (text.isascii() and text.isdigit() and int(text) < factor.size):
        raise UsageError(f"{where}: {factor.name} has no value {text!r}; allowed: 0 to {factor.size - 1}{named}.")
    return int(text)


def pair_weights(text: str, space: FactorSpace) -> Float[np.ndarray, "n"]:
    r"""A weight for every image of a grid that correlates two factors, from a text "NAME,NAME,SIGMA".

    w = exp(-(a - b)^2 / (2 sigma^2)) for the codes a and b of the two factors, each scaled to run from 0 to 1. The smaller
    sigma, the closer the two keep together; the other factors stay independent and uniform.

    Source: Träuble et al. (2021), On Disentangled Representations Learned from Correlated Data.

    Raises `UnknownName` and `UsageError` for a text that names no two factors with several values each or no sigma.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3:
        raise UsageError(f'--correlate {text!r}: give two factors and sigma, as in "x,y,0.2". {_known(space)}')
    *names, width = parts
    factors, scaled = space.at(np.arange(len(space))), []
    for name in names:
        if name not in space.names:
            raise UnknownName("factor", name, space.names, where="--correlate")
        column = space.column(name)
        if space.sizes[column] == 1:
            raise UsageError(f"--correlate {text!r}: {name} has a single value, so nothing can go along with it.")
        scaled.append(factors[:, column] / (space.sizes[column] - 1))
    if names[0] == names[1]:
        raise UsageError(f"--correlate {text!r}: give two different factors. {_known(space)}")
    weights: Float[np.ndarray, "n"] = np.exp(-(((scaled[0] - scaled[1]) / _sigma(width, text)) ** 2) / 2)
    return weights


def _sigma(width: str, text: str) -> float:
    try:
        sigma = float(width)
    except ValueError:
        sigma = np.nan
    if not NARROWEST <= sigma < np.inf:
        raise UsageError(f"--correlate {text!r}: sigma is {width!r}; allowed: a finite number at least {NARROWEST}.")
    return sigma
