"""Codes of samples beside their factors, as files hold them, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Real, Shaped

from unbraid.data.codes.latent_names import Spread
from unbraid.data.files.columns import Column, known_of
from unbraid.errors import UnknownName, UsageError
from unbraid.metrics.samples import is_continuous

ROWS = "rows and columns are counted from 0"


@dataclass(frozen=True, eq=False)
class CodeArrays:
    """Plain arrays, one row per sample.

    Args:
        codes: latents, or the means of their posteriors.
        factors: classes, one column per factor; floats where one of them is continuous, whose size is then 0.
        variance: of the posteriors, where the file holds them.
        untrained: codes of the same samples by an untrained encoder, where the file holds them.
        left_out: columns of a table that are neither latents nor factors.
        notes: what to beware of, a sentence each.
        periods: of continuous factors that are cyclic, by name.
    """

    codes: Float64[np.ndarray, "n d"]
    factors: Real[np.ndarray, "n k"]
    factor_names: tuple[str, ...]
    latent_names: tuple[str, ...]
    factor_sizes: tuple[int, ...]
    variance: Float64[np.ndarray, "n d"] | None = None
    untrained: Float64[np.ndarray, "n c"] | None = None
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    periods: Mapping[str, float] = field(default_factory=dict)

    @property
    def values_of_factors(self) -> dict[str, int]:
        """The number of values of each factor, by its name.

        It is 1 for one that scores leave out, and 0 for a continuous one.
        """
        return dict(zip(self.factor_names, self.factor_sizes, strict=True))

    @property
    def continuous(self) -> tuple[str, ...]:
        """Names of the continuous factors."""
        return tuple(name for name, size in self.values_of_factors.items() if not size)


def finite(values: Shaped[np.ndarray, "n d"], names: Sequence[str], where: str) -> Float64[np.ndarray, "n d"]:
    """The values in double precision; raises `UsageError` with row and column of one that is not finite."""
    wide = values.astype(np.float64)
    bad = np.argwhere(~np.isfinite(wide))
    if len(bad):
        row, column = (int(place) for place in bad[0])
        raise UsageError(
            f"{where}: {names[column]} is {wide[row, column]} in row {row}, column {column} ({ROWS}); allowed: finite numbers. "
            f"In all {len(bad):,} values are not. Mend them, or leave these rows out."
        )
    return wide


def variances(
    values: Shaped[np.ndarray, "n d"], spread: Spread, names: Sequence[str], where: str
) -> Float64[np.ndarray, "n d"]:
    """Variances of what `spread` reads; raises `UsageError` where one is not finite or not above 0."""
    given = finite(values, names, where)
    made = spread(given)
    bad = np.argwhere(~(np.isfinite(made) & (made > 0)))
    if len(bad):
        row, column = (int(place) for place in bad[0])
        raise UsageError(
            f"{where}: {names[column]} is {given[row, column]:g} in row {row}, column {column} ({ROWS}), a variance of "
            f"{made[row, column]:g}; variances must be finite and above 0. Mend them, or leave all of them "
            "out to score the means alone."
        )
    return made


def factors_of(
    columns: Sequence[Column], path: Path, continuous: Sequence[str] = (), grouped: Sequence[str] = ()
) -> tuple[Real[np.ndarray, "n k"], tuple[str, ...], tuple[int, ...]]:
    """Columns of factors as classes in ascending or alphabetical order, with names and sizes.

    Continuous ones keep their numbers, and have size 0: those named so, and those of fractions of which hardly any occurs
    twice, unless they are named in `grouped`. Raises `UsageError` where there are no factors, or one is said to be both.
    """
    both = [name for name in grouped if name in continuous]
    if both:
        raise UsageError(f"{both[0]!r} is said to have classes and to be continuous; say one of them.")
    for name in grouped:
        if name not in [column.name for column in columns]:
            raise UnknownName("factor", name, [column.name for column in columns], where="--classes")
    found = [column.name for column in columns if column.name not in (*continuous, *grouped) and _of_fractions(column)]
    known = known_of(columns, None, [*continuous, *found])
    if known.factors is None or known.space is None:
        raise UsageError(f"{path} holds no factors, and scores compare codes with factors. Add at least one.")
    codes = known.factors.astype(np.int64) if known.space.is_grid else known.factors
    return codes, known.space.names, known.space.sizes


def _of_fractions(column: Column) -> bool:
    values = column.distinct
    return all(isinstance(value, float) for value in values) and is_continuous(np.array(values, np.float64)[column.codes])
