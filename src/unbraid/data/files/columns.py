"""What is known of each image, column by column: factors and labels."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int, Int16, Int64, Shaped

from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.errors import UnknownName, UsageError

MOST_VALUES = 1_000
"""A factor has no more distinct values than this: they are scored as classes; otherwise every image would be its own class."""
_MOST_CAUTIONS = 3


@dataclass(frozen=True, eq=False)
class Column:
    """A value for each image, or whatever a row is of.

    Args:
        name: of the factor or label.
        distinct: the values that occur, numbers or texts, each once, in any order; None for one that is missing.
        codes: for each image, which of them it has.
        where: how errors call it.
        each: what a row stands for, in errors.
    """

    name: str
    distinct: Sequence[float | str | None]
    codes: Int[np.ndarray, "n"]
    where: str
    each: str = "image"

    def sorted(self) -> tuple[list[float] | list[str], Int64[np.ndarray, "n"]]:
        """The values in ascending order and for each image which it has.

        Raises `UsageError`, naming the first row, where a value is missing, NaN or infinite.
        """
        text = any(isinstance(value, str) for value in self.distinct)
        for code, value in enumerate(self.distinct):
            if value is None or not (isinstance(value, str) or np.isfinite(value)):
                row = int(np.flatnonzero(self.codes == code)[0])
                given = "missing" if value is None else str(value)
                raise UsageError(f"{self.where}: the value of {self.each} {row} is {given}; every {self.each} needs one.")
        array = np.array([str(value) if text else value for value in self.distinct])
        values, places = np.unique(array, return_inverse=True)
        return values.tolist(), places.astype(np.int64)[self.codes]


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of images, in the form that `Dataset` takes.

    Args:
        notes: how it was read, and what to beware of; a sentence each.
    """

    space: FactorSpace | None = None
    factors: Int16[np.ndarray, "n k"] | Float64[np.ndarray, "n k"] | None = None
    labels: Int64[np.ndarray, "n"] | None = None
    label_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def column_of(name: str, values: Shaped[np.ndarray, "..."], where: str, each: str = "image") -> Column:
    """A column of an array of numbers, booleans or texts, one per image.

    Raises `UsageError` for anything else.
    """
    if values.dtype == object and all(isinstance(value, str) for value in values.flat):
        values = values.astype(str)
    if values.ndim != 1 or values.dtype.kind not in "buifUS":
        raise UsageError(f"{where} is {values.dtype} of shape {values.shape}; give one number or text per image.")
    if values.dtype.kind == "S":
        values = np.char.decode(values, "latin-1")
    distinct, codes = np.unique(values, return_inverse=True)
    return Column(name, distinct.tolist(), codes.astype(np.int64), where, each)


def known_of(factors: Sequence[Column], label: Column | None, continuous: Collection[str] = ()) -> Known:
    """Factor space, codes and labels of columns.

    Numbers become ordinal factors with their values in ascending order, texts categorical ones in alphabetical order. The grid
    that the factors span need not be full: not every combination need occur. Of the columns named in `continuous` the numbers
    stay as they are, and the range of the factor is the one that occurs.

    Raises `UnknownName` where one of these is no factor, and `UsageError` where it holds texts or one number alone.
    """
    for name in continuous:
        if name not in [column.name for column in factors]:
            raise UnknownName("factor", name, [column.name for column in factors], where="--continuous or --cyclic")
    made = [_quantity(column) if column.name in continuous else _factor(column) for column in factors]
    labels: Int64[np.ndarray, "n"] | None = None
    names: tuple[str, ...] = ()
    if label is not None:
        values, labels = label.sorted()
        names = tuple(str(int(value) if not isinstance(value, str) and value == int(value) else value) for value in values)
    if not made:
        return Known(labels=labels, label_names=names)
    space = FactorSpace(tuple(factor for factor, _ in made))
    codes = np.stack([codes for _, codes in made], axis=1)
    return Known(space, codes, labels, names, cautions_of(column for column in factors if column.name not in continuous))


def cautions_of(columns: Iterable[Column]) -> tuple[str, ...]:
    """A caution about each factor of which most values occur once; of many, those about the first."""
    found = [*filter(None, map(_caution_of, columns))]
    more = len(found) - _MOST_CAUTIONS
    return (*found[:_MOST_CAUTIONS], f"The same holds of {more:,} more factors.") if more > 1 else tuple(found)


def _caution_of(column: Column) -> str:
    counts = np.bincount(column.codes)
    once = int((counts == 1).sum())
    if once <= len(column.codes) / 2 or len(column.codes) < 2:
        return ""
    return (
        f"Factor {column.name!r} has {len(column.distinct):,} values in {len(column.codes):,} rows, {once:,} of which stand "
        "once: as classes they cannot be told apart from noise. Round them to fewer values."
    )


def _quantity(column: Column) -> tuple[Factor, Float64[np.ndarray, "n"]]:
    values, codes = column.sorted()
    if isinstance(values[0], str) or len(values) < 2:
        held = "texts" if isinstance(values[0], str) else "the same number everywhere"
        raise UsageError(f"{column.where} holds {held}, and --continuous names it; give different numbers.")
    numbers = np.array(values, np.float64)
    return Factor(column.name, (0.0,)).over(numbers[0], numbers[-1]), numbers[codes]


def _factor(column: Column) -> tuple[Factor, Int16[np.ndarray, "n"]]:
    values, codes = column.sorted()
    if len(values) > MOST_VALUES:
        raise UsageError(
            f"{column.where} has {len(values):,} distinct values; a factor has at most {MOST_VALUES:,}. Round them, leave "
            "the column out (--factors with the names of the others), or say that it is continuous: "
            f"--continuous {column.name}."
        )
    if isinstance(values[0], str):
        labels = tuple(str(value) for value in values)
        return Factor(column.name, tuple(map(float, range(len(values)))), "categorical", labels=labels), codes.astype(np.int16)
    return Factor(column.name, tuple(float(value) for value in values)), codes.astype(np.int16)
