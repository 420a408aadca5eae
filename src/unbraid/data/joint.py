"""Joint distributions of factors: what a data set draws the factors of its images from.

Factors are independent and uniform unless a table, two factors with a correlation, or a function says otherwise; holes are
combinations that never occur.
"""

from __future__ import annotations

import csv
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Real

from unbraid.data.factor_space import FactorSpace
from unbraid.data.grids.selection import Box, in_any, parse_box
from unbraid.errors import CorruptFile, DataUnavailable, UnbraidError, UsageError
from unbraid.trust import is_own, named_object

Factors = Real[np.ndarray, "n factor"]
Draw = Callable[[int, np.random.Generator], Mapping[str, np.ndarray]]
TAKES = ("n", "rng")
"""Arguments of a function that is named."""
BLOCK = 4096
"""Rows that are drawn at once, whatever the number asked for, so that fewer are the first of many."""
MOST_ROWS = 2_000
"""Rows of a table at most: a run's configuration holds them all."""
LEAST_LEFT = 0.002
"""Share of what is drawn that must lie outside the holes."""
WEIGHT = ("probability", "weight")
FACTORS_SEED = 20_261_201
"""Factors do not depend on a run's seed."""


@runtime_checkable
class Joint(Protocol):
    """A joint distribution of the factors of a space."""

    @property
    def description(self) -> str:
        """It in words, as in "x, y from a table of 12 rows, all others independent and uniform"."""
        ...

    def sample(self, n: int, rng: np.random.Generator) -> Factors:
        """Independent rows of factor codes, which are values for continuous factors."""
        ...


@dataclass(frozen=True)
class Independent:
    """All factors independent and uniform."""

    space: FactorSpace

    @property
    def description(self) -> str:
        """It in words."""
        return "all independent and uniform"

    def sample(self, n: int, rng: np.random.Generator) -> Factors:
        """Rows of factor codes."""
        return self.space.sample(n, rng=rng)


@dataclass(frozen=True)
class Table:
    """A mixture of boxes: p(v) = sum_i p_i U(v | box i), uniform within each.

    A box that names one value of each factor is one cell of a probability table. Factors that no box names are independent of
    all others and uniform.

    Args:
        space: of the factors.
        boxes: parts of the space, which may overlap.
        weights: p_i up to a factor.
    """

    space: FactorSpace
    boxes: tuple[Box, ...]
    weights: tuple[float, ...]

    @cached_property
    def _shares(self) -> Float[np.ndarray, "box"]:
        return np.asarray(self.weights) / np.sum(self.weights)

    @property
    def description(self) -> str:
        """It in words."""
        named = [name for name in self.space.names if any(name in box.names for box in self.boxes)]
        return f"{', '.join(named)} from a table of {len(self.boxes):,} rows{_others(self.space, named)}"

    def sample(self, n: int, rng: np.random.Generator) -> Factors:
        """Rows of factor codes."""
        which = rng.choice(len(self.boxes), size=n, p=self._shares)
        found = self.space.sample(n, rng=rng)
        for i, box in enumerate(self.boxes):
            rows = np.flatnonzero(which == i)
            found[rows] = box.sample(len(rows), self.space, rng)
        return found


@dataclass(frozen=True)
class Correlated:
    r"""Two factors that go together: uniform each, with a normal copula.

    z ~ N(0, [[1, rho], [rho, 1]]) and u = Phi(z); a continuous factor is u scaled to its range, and of k values a factor takes
    the one at floor(k u). The other factors are independent and uniform. Circular factors are cut open at their first value.

    Args:
        space: of the factors.
        pair: names of the two.
        rho: of the normal variables; the rank correlation of continuous factors is (6 / pi) arcsin(rho / 2).
    """

    space: FactorSpace
    pair: tuple[str, str]
    rho: float

    def __post_init__(self) -> None:
        columns = [self.space.factors[self.space.column(name)] for name in self.pair]
        for factor in columns:
            if factor.kind == "categorical":
                raise UsageError(f"Factor {factor.name!r} has no order, so it has no correlation; give a table.")
        if self.pair[0] == self.pair[1]:
            raise UsageError(f"Factors {self.pair[0]} and {self.pair[1]} are the same; give two different ones.")
        if not -1 < self.rho < 1:
            raise UsageError(f"A correlation of {self.rho:g}; allowed: above -1 and below 1.")

    @property
    def description(self) -> str:
        """It in words."""
        one, two = self.pair
        others = _others(self.space, self.pair)
        return f"{one} and {two} uniform with a normal copula of correlation {self.rho:g}{others}"

    def sample(self, n: int, rng: np.random.Generator) -> Factors:
        """Rows of factor codes."""
        from scipy.special import ndtr

        found = self.space.sample(n, rng=rng)
        normal = rng.standard_normal((n, 2))
        normal[:, 1] = self.rho * normal[:, 0] + np.sqrt(1 - self.rho**2) * normal[:, 1]
        for name, share in zip(self.pair, ndtr(normal).T, strict=True):
            column = self.space.column(name)
            factor = self.space.factors[column]
            if factor.continuous:
                low, high = factor.values
                found[:, column] = low + (high - low) * share
            else:
                found[:, column] = np.minimum(np.floor(share * factor.size), factor.size - 1)
        return found


@dataclass(frozen=True)
class Function:
    """A distribution that a function draws from, which is given or named by MODULE:NAME.

    Args:
        space: of the factors.
        function: called with a number n and a generator; returns columns of n codes, or values of continuous factors, by name.
            Factors that it does not return are independent and uniform.
        name: of the distribution.

    >>> from unbraid.data.factor_space import Factor
    >>> space = FactorSpace((Factor("x", (0.0, 1.0, 2.0, 3.0)), Factor("y", (0.0, 1.0, 2.0, 3.0))))
    >>> def falling(n, rng):
    ...     x = rng.integers(0, 4, n)
    ...     return {"x": x, "y": 3 - x}
    ...
    >>> codes = Function(space, falling, "falling").sample(100, np.random.default_rng(0))
    >>> np.unique(codes.sum(1)).tolist()
    [3]
    """

    space: FactorSpace
    function: Draw
    name: str

    @property
    def description(self) -> str:
        """It in words."""
        return f"by the function {self.name}"

    def sample(self, n: int, rng: np.random.Generator) -> Factors:
        """Rows of factor codes.

        Raises `UsageError` where the function fails, and for columns that do not fit the factors.
        """
        uniform = self.space.sample(n, rng=rng)
        found = uniform.astype(np.float64)  # whole numbers would take what is far too large for another number
        for name, column in self._columns(n, rng).items():
            drawn = np.asarray(column)
            if drawn.shape != (n,) or drawn.dtype.kind not in "iuf":
                raise UsageError(f"{self.name} returned {name} as {drawn.dtype} of shape {drawn.shape}; give {n} numbers.")
            place = self.space.column(name)
            if not self.space.factors[place].continuous and (drawn != np.floor(drawn)).any():
                raise UsageError(f"{self.name} returned values of {name} that are no whole numbers; give codes.")
            found[:, place] = drawn
        return self.space.checked(found).astype(uniform.dtype)

    def _columns(self, n: int, rng: np.random.Generator) -> Mapping[str, Any]:
        try:
            found = self.function(n, rng)
        except UnbraidError:
            raise
        except Exception as error:  # code of others
            raise UsageError(f"{self.name}({n}, rng) raised {type(error).__name__}: {error}") from error
        if not hasattr(found, "items"):  # data frames have it, as mappings do
            names = ", ".join(self.space.names)
            raise UsageError(f"{self.name} returned a {type(found).__name__}; give columns by the names of factors: {names}.")
        return found


@dataclass(frozen=True)
class Without:
    """A distribution given that a combination is in no hole: p(v | v in no hole)."""

    joint: Joint
    holes: tuple[Box, ...]
    space: FactorSpace

    @property
    def description(self) -> str:
        """It in words."""
        return f"{self.joint.description}, given that they lie in no hole"

    def sample(self, n: int, rng: np.random.Generator) -> Factors:
        """Rows of factor codes; at most n of them, those of n that lie in no hole."""
        drawn = self.joint.sample(n, rng)
        return drawn[~in_any(self.holes, drawn, self.space)]


def first_rows(joint: Joint, n: int, seed: int = FACTORS_SEED) -> Factors:
    """The first n rows of factor codes of an endless series, which the seed alone decides.

    Raises `UsageError` where holes leave hardly anything.
    """
    rng = np.random.default_rng(seed)
    found, have, tried = [], 0, 0
    while have < n:
        found.append(joint.sample(BLOCK, rng))
        have, tried = have + len(found[-1]), tried + BLOCK
        if tried >= 10 * BLOCK and have < LEAST_LEFT * tried:
            raise UsageError(
                f"Of {tried:,} combinations that were drawn {have:,} are outside the holes; leave at least {LEAST_LEFT:.1%} of "
                "what the joint distribution gives."
            )
    return np.concatenate(found)[:n]


def parse_joint(text: str, space: FactorSpace, flag: str = "--joint") -> Joint:
    """The distribution that a text stands for.

    "x,y,0.8" are two factors and their correlation (`Correlated`). "x=0..7 y=0..7 3; x=8..15 y=8..15 1" are rows of a `Table`:
    values of factors, and last how likely they are. "mylab.scenes:falling" is a function of a module (`joint_function`).

    Raises `UnknownName` and `UsageError` for anything else.
    """
    if is_function(text):
        return Function(space, joint_function(text), text)
    if "=" not in text:
        return _correlated(text, space, flag)
    boxes, weights = [], []
    rows = [row for row in text.split(";") if row.strip()]
    for row in rows:
        *words, last = row.split()
        weight = _number(last)
        if not (words and 0 <= weight < np.inf):
            raise UsageError(
                f'{flag}: row {row.strip()!r} must end with how likely it is, a number of at least 0, as in "x=0..7 y=3 0.25".'
            )
        boxes.append(parse_box(" ".join(words), space, flag))
        weights.append(weight)
    if len(rows) > MOST_ROWS or not 0 < sum(weights) < np.inf:
        raise UsageError(
            f"{flag}: {len(rows):,} rows that sum to {sum(weights):g}; allowed: {MOST_ROWS:,} that sum to more than 0."
        )
    return Table(space, tuple(boxes), tuple(weights))


def is_function(text: object) -> bool:
    """Whether a text names a function of a module, and is no table and no file of one."""
    return isinstance(text, str) and is_own(text) and "=" not in text and not _is_file(text)


def _is_file(text: str) -> bool:
    return text.lower().endswith(".csv")


def joint_function(name: str) -> Draw:
    """The function MODULE:NAME of two arguments n and rng.

    Raises `UsageError` where there is none, or its module is neither imported nor trusted (`unbraid.trust`).
    """
    found = named_object("joint distribution", name)
    taken = tuple(inspect.signature(found).parameters) if inspect.isfunction(found) else ()
    if taken != TAKES:  # required so that no other function can be called
        raise UsageError(
            f"joint {name!r} must be a function of {' and '.join(TAKES)}: a number and a generator. It returns columns of n "
            "codes, or of values of continuous factors, by the names of factors."
        )
    return found


def _correlated(text: str, space: FactorSpace, flag: str) -> Correlated:
    one, *more = [part.strip() for part in text.split(",")]
    if len(more) != 2 or not np.isfinite(_number(more[1])):
        raise UsageError(
            f'{flag} {text!r}; give a table FILE.csv, its rows as in "x=0..7 y=0..7 3; x=8..15 y=8..15 1", two factors and '
            f'their correlation as in "x,y,0.8", or MODULE:FUNCTION. Factors: {", ".join(space.names)}.'
        )
    return Correlated(space, (one, more[0]), _number(more[1]))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _others(space: FactorSpace, named: object) -> str:
    return "" if set(space.names) <= set(named) else ", all others independent and uniform"  # type: ignore[call-overload]


def joint_text(given: str) -> str:
    """A table in a file FILE.csv as the text that `parse_joint` reads; any other text as it is.

    So a run's configuration holds the distribution, and not where a file of it once lay. The table has a column per factor,
    with values as in `--only` (empty for all), and a column `probability`, or `weight`.

    Raises `DataUnavailable` where there is no such file, `CorruptFile` and `UsageError` for one that is no such table.
    """
    if not _is_file(given):
        return given
    path = Path(given).expanduser()
    if not path.is_file():
        raise DataUnavailable(f"--joint {given}: there is no such file.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            rows = [
                [cell.strip() for cell in row] for row, _ in zip(csv.reader(handle), range(MOST_ROWS + 2), strict=False) if row
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorruptFile(f"{path} cannot be read as a table: {error}.") from None
    header, *body = rows or [[]]
    last = [name for name in header if name in WEIGHT]
    if len(last) != 1 or not body or len(body) > MOST_ROWS or len(header) < 2:
        raise UsageError(
            f"{path} has columns {', '.join(header) or 'none'} and {len(body):,} rows or more; give a column per factor, one "
            f"column {' or '.join(WEIGHT)}, and 1 to {MOST_ROWS:,} rows."
        )
    place = header.index(last[0])
    texts = []
    for number, row in enumerate(body, 2):
        if len(row) != len(header) or any(set(cell) & set(" \t;=") for cell in row):
            raise UsageError(
                f"{path}, line {number}: {', '.join(row)!r}; give {len(header)} values without spaces, = and ;, like 0..3 or 2."
            )
        words = [f"{name}={cell}" for k, (name, cell) in enumerate(zip(header, row, strict=True)) if k != place and cell]
        if not words:
            raise UsageError(f"{path}, line {number} names no value of a factor; give one.")
        texts.append(" ".join([*words, row[place]]))
    return "; ".join(texts)
