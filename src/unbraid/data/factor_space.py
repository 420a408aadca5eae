"""Factor spaces: the generative factors behind a data set, and arithmetic on the grid they form.

Factors are integer codes, one column per factor; images of a full grid are numbered with the last factor changing
fastest. A continuous factor has no codes: its column holds its values, and a space that has one is no grid. No torch here:
metrics and tests use factor spaces alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Float, Int, Integer, Real

from unbraid.errors import UnknownName, UsageError

Kind = Literal["ordinal", "circular", "categorical"]


def as_label(text: str, otherwise: str) -> str:
    """A text as the label of a value: lower case, with _ between its words.

    >>> as_label("DejaVu Sans (Bold)", "font")
    'dejavu_sans_bold'
    """
    return re.sub(r"\W+", "_", text).strip("_").lower() or otherwise


@dataclass(frozen=True)
class Factor:
    """One generative factor.

    Args:
        name: how tables and figures call it.
        values: what each code stands for, in `unit`; for a categorical factor any distinct numbers. Of a continuous factor the
            two ends of its range, the lower first.
        kind: `ordinal` (a line), `circular` (the last value is next to the first) or `categorical` (no order). The ends of a
            continuous circular factor are the same place.
        unit: of the values, empty where there is none.
        labels: names of the values of a categorical factor.
        continuous: whether it takes every value of a range; see `over`.

    >>> shape = unbraid.Factor("shape", (0.0, 1.0), "categorical", labels=("square", "heart"))
    >>> shape.size, shape.in_words(1)
    (2, 'shape heart')
    >>> unbraid.Factor("angle", (0.0, 90.0, 180.0, 270.0), "circular", "degrees").in_words(1)
    'angle 90 degrees'
    """

    name: str
    values: tuple[float, ...]
    kind: Kind = "ordinal"
    unit: str = ""
    labels: tuple[str, ...] = ()
    continuous: bool = field(default=False, repr=False)  # digests of earlier runs hold the representation

    def __post_init__(self) -> None:
        if not self.values:
            raise UsageError(f"Factor {self.name!r} has no values; give at least one.")
        if self.continuous and not (
            len(self.values) == 2 and -np.inf < self.values[0] < self.values[1] < np.inf and self.kind != "categorical"
        ):
            raise UsageError(
                f"Factor {self.name!r} is continuous, {self.kind}, with values {self.values}; give the two finite ends of its "
                "range, the lower first, and no categories."
            )
        if self.labels and len(self.labels) != len(self.values):
            raise UsageError(f"Factor {self.name!r} has {len(self.values)} values but {len(self.labels)} labels.")

    @property
    def size(self) -> int:
        """Number of values; 0 for a continuous factor, which has no number of them."""
        return 0 if self.continuous else len(self.values)

    @property
    def extent(self) -> str:
        """How many values it has, or from where to where it reaches, as in "6" or "0.5 to 1"."""
        return f"{self.values[0]:.4g} to {self.values[1]:.4g}" if self.continuous else str(self.size)

    def over(self, low: float, high: float) -> Factor:
        """The same factor with every value from `low` to `high`."""
        return Factor(self.name, (float(low), float(high)), self.kind, self.unit, continuous=True)

    def in_words(self, code: float) -> str:
        """One value with its factor, as in "shape heart", "scale 0.6" or "orientation 90 degrees"."""
        value = self.labels[int(code)] if self.labels else f"{code if self.continuous else self.values[int(code)]:.3g}"
        return " ".join(part for part in (self.name, value, self.unit) if part)

    def select(self, codes: Sequence[int]) -> Factor:
        """The same factor with only some of its values, in the given order."""
        if self.continuous:
            raise UsageError(f"Factor {self.name!r} is continuous and has no codes; give a part of its range.")
        bad = [code for code in codes if not 0 <= code < self.size]
        if bad or not len(codes) or len(set(codes)) != len(codes):
            raise UsageError(f"Codes {list(codes)} of factor {self.name!r}: give distinct codes from 0 to {self.size - 1}.")
        labels = tuple(self.labels[code] for code in codes) if self.labels else ()
        whole_circle = self.kind != "circular" or len(codes) == self.size
        kind: Kind = self.kind if whole_circle else "ordinal"
        return Factor(self.name, tuple(self.values[code] for code in codes), kind, self.unit, labels)


@dataclass(frozen=True)
class FactorSpace:
    """Factors of a data set; a full grid, where none is continuous.

    On a grid there are a bijection between image index and factor codes, sub-grids and traversals. With a continuous factor
    there is no grid: codes become floats, `sizes` has 0 for the factor, and only `column`, `values` and `sample` work.

    >>> space = FactorSpace((Factor("side", (1.0, 2.0)), Factor("angle", (0.0, 30.0, 60.0), unit="degrees")))
    >>> len(space), space.sizes
    (6, (2, 3))
    >>> space.at(np.array([4])).tolist()
    [[1, 1]]
    >>> space.index(np.array([[1, 1]])).tolist()
    [4]
    >>> space.rows(angle=0).tolist()
    [0, 3]
    """

    factors: tuple[Factor, ...]

    def __post_init__(self) -> None:
        if not self.factors:
            raise UsageError("A factor space needs at least one factor.")
        if len(set(self.names)) != len(self.names):
            raise UsageError(f"Factor names must differ, given {list(self.names)}.")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the factors, in column order."""
        return tuple(factor.name for factor in self.factors)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of values of each factor; 0 for a continuous one."""
        return tuple(factor.size for factor in self.factors)

    @property
    def continuous(self) -> tuple[str, ...]:
        """Names of the continuous factors."""
        return tuple(factor.name for factor in self.factors if factor.continuous)

    @property
    def is_grid(self) -> bool:
        """Whether no factor is continuous."""
        return not self.continuous

    def _require_grid(self, what: str) -> None:
        if not self.is_grid:
            raise UsageError(
                f"{what} needs a grid, and {', '.join(self.continuous)} of {', '.join(self.names)} are continuous."
            )

    def __bool__(self) -> bool:
        return True  # even where there is no length

    def __len__(self) -> int:
        self._require_grid("The number of combinations")
        return int(np.prod(self.sizes, dtype=np.int64))

    @cached_property
    def _bases(self) -> Int[np.ndarray, "factor"]:
        # number of images between two neighboring values of a factor
        self._require_grid("Numbering images")
        return np.concatenate([np.cumprod(self.sizes[:0:-1], dtype=np.int64)[::-1], [1]]).astype(np.int64)

    def column(self, name: str) -> int:
        """Column of a factor, by name."""
        if name not in self.names:
            raise UnknownName("factor", name, self.names)
        return self.names.index(name)

    def checked(self, factors: Real[np.ndarray, "n factor"]) -> Real[np.ndarray, "n factor"]:
        """The same factor codes. Raises `UsageError` where a row has a value that a factor does not have."""
        factors = np.asarray(factors)
        if factors.ndim != 2 or factors.shape[1] != len(self.factors):
            raise UsageError(
                f"Factor codes of shape {factors.shape}; give one row per image with {len(self.factors)} columns: "
                f"{', '.join(self.names)}."
            )
        low = [factor.values[0] if factor.continuous else 0 for factor in self.factors]
        high = [factor.values[1] if factor.continuous else factor.size - 1 for factor in self.factors]
        bad = ~((factors >= low) & (factors <= high))  # so that NaN is bad
        if np.issubdtype(factors.dtype, np.floating):
            bad |= (factors != np.floor(factors)) & ~np.array([factor.continuous for factor in self.factors])
        if bad.any():
            row, column = np.argwhere(bad)[0]
            ends = f"{low[column]:g} to {high[column]:g}"
            allowed = ends if self.factors[column].continuous else f"{ends}, whole numbers"
            raise UsageError(f"Row {row} has {self.names[column]} = {factors[row, column]}; allowed: {allowed}.")
        return factors

    def index(self, factors: Integer[np.ndarray, "n factor"]) -> Int[np.ndarray, "n"]:
        """Image index of each row of factor codes."""
        self._require_grid("The index of an image")
        index: Int[np.ndarray, "n"] = self.checked(factors).astype(np.int64) @ self._bases
        return index

    def at(self, index: Integer[np.ndarray, "n"]) -> Int[np.ndarray, "n factor"]:
        """Factor codes of each image index."""
        self._require_grid("The image of an index")
        index = np.asarray(index, dtype=np.int64)
        if index.size and (index.min() < 0 or index.max() >= len(self)):
            wrong = index[(index < 0) | (index >= len(self))][0]
            raise UsageError(f"Image index {wrong} is out of range; allowed: 0 to {len(self) - 1}.")
        factors: Int[np.ndarray, "n factor"] = index[:, None] // self._bases % np.asarray(self.sizes)
        return factors

    def values(self, factors: Real[np.ndarray, "n factor"]) -> Float[np.ndarray, "n factor"]:
        """What the codes stand for, in the units of the factors; continuous factors stand for themselves."""
        factors = self.checked(factors)
        columns = [
            column if factor.continuous else np.asarray(factor.values, dtype=np.float64)[column.astype(np.int64)]
            for factor, column in zip(self.factors, factors.T, strict=True)
        ]
        return np.stack(columns, 1).astype(np.float64)

    def _fixed(self, fixed: Mapping[str, float]) -> dict[int, float]:
        columns = {}
        for name, code in fixed.items():
            column = self.column(name)
            factor = self.factors[column]
            low, high = factor.values if factor.continuous else (0, factor.size - 1)
            if not low <= code <= high:
                raise UsageError(f"{name} = {code}; allowed: {low:g} to {high:g}.")
            columns[column] = code
        return columns

    def sample(self, n: int, *, rng: np.random.Generator, **fixed: float) -> Real[np.ndarray, "n factor"]:
        """Independent uniform factor codes; some factors may be fixed: `space.sample(64, rng=rng, scale=3)`.

        They are floats where a factor is continuous, and whole numbers elsewhere.
        """
        columns = self._fixed(fixed)
        codes: Real[np.ndarray, "n factor"]
        if self.is_grid:
            codes = rng.integers(0, self.sizes, size=(n, len(self.sizes)))
        else:
            drawn = [
                rng.uniform(factor.values[0], factor.values[1], size=n)
                if factor.continuous
                else rng.integers(0, factor.size, size=n)
                for factor in self.factors
            ]
            codes = np.stack(drawn, 1).astype(np.float64)
        for column, code in columns.items():
            codes[:, column] = code
        return codes

    def traverse(self, base: Sequence[int] | Int[np.ndarray, "factor"], name: str) -> Int[np.ndarray, "value factor"]:
        """Codes that run through all values of one factor, the others as in `base`."""
        self._require_grid("A traversal")
        column = self.column(name)
        start = self.checked(np.atleast_2d(np.asarray(base, dtype=np.int64)))
        codes = start.repeat(self.sizes[column], axis=0)
        codes[:, column] = np.arange(self.sizes[column])
        return codes

    def rows(self, **fixed: int) -> Int[np.ndarray, "n"]:
        """Indices of all images with the given factors held fixed, ascending."""
        self._require_grid("Rows of images")
        columns = self._fixed(fixed)
        ranges = [np.array([int(columns[k])]) if k in columns else np.arange(size) for k, size in enumerate(self.sizes)]
        return self._grid(ranges)

    def _grid(self, ranges: list[Int[np.ndarray, "_"]]) -> Int[np.ndarray, "n"]:
        index = np.zeros(1, dtype=np.int64)
        for codes, base in zip(ranges, self._bases, strict=True):
            index = (index[:, None] + np.asarray(codes, dtype=np.int64) * base).reshape(-1)
        return index

    def subgrid(self, **keep: Sequence[int]) -> tuple[FactorSpace, Int[np.ndarray, "n"]]:
        """A coarser grid that keeps some codes of some factors.

        Returns the smaller space and, for each of its images, the index in this space:
        `space.subgrid(orientation=[0, 10, 20, 29])`. A circular factor that loses values becomes ordinal.
        """
        self._require_grid("A part of the grid")
        columns = {self.column(name): list(codes) for name, codes in keep.items()}
        factors = tuple(f.select(columns[k]) if k in columns else f for k, f in enumerate(self.factors))
        ranges = [np.asarray(columns.get(k, range(size)), dtype=np.int64) for k, size in enumerate(self.sizes)]
        return FactorSpace(factors), self._grid(ranges)
