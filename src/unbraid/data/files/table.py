"""Tables of factors and labels, one row an image: csv, tsv or parquet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from unbraid.data.files.columns import Column, Known, known_of
from unbraid.data.files.table_file import names_of, read_classes
from unbraid.errors import UnknownName, UsageError

FILE, LABEL = "file", "label"
"""Columns that say of which image of a folder a row is, and its class."""


@dataclass(frozen=True)
class Wanted:
    """Which columns of a table to read.

    Args:
        factors: names of factors, commas between; empty for all that are left.
        label: name of the class; empty for `label` where there is one.
        files: paths of the images, as the column `file` has them; None where images have none.
        n: number of images.
    """

    n: int
    factors: str = ""
    label: str = ""
    files: Sequence[str] | None = None

    def columns(self, header: Sequence[str], path: Path) -> tuple[list[str], str | None, bool]:
        """Names of factors and label among those of a table, and whether its rows name files; raises `UsageError`."""
        for name in filter(None, (self.label, *self._listed())):
            if name not in header:
                raise UnknownName("column", name, header, where=str(path))
        label = self.label or (LABEL if LABEL in header else None)
        factors = self._listed() or [name for name in header if name not in (label, FILE)]
        if len(set(factors)) != len(factors) or label in factors:
            raise UsageError(f"--factors {self.factors} --label {label}: name each column once.")
        if not factors and label is None:
            raise UsageError(f"{path} has no column of factors or labels, only {', '.join(map(repr, header))}.")
        return factors, label, FILE in header and self.files is not None

    def _listed(self) -> list[str]:
        return [name.strip() for name in self.factors.split(",")] if self.factors else []


def read_table(path: Path, wanted: Wanted) -> Known:
    """Factors and labels of a table, in the order of the images.

    Rows stand in that order, unless a column `file` names the image of each. Columns whose values are all numbers are numbers;
    empty cells, NA and NaN are missing values, which are refused.

    Raises `UsageError` for columns, rows and values that do not fit, `CorruptFile` for a file that is no such table and
    `DataUnavailable` where the package that reads it is not installed.
    """
    factors, label, by_file = wanted.columns(names_of(path), path)
    chosen = [*factors, *filter(None, [label]), *([FILE] if by_file else [])]
    columns = read_classes(path, chosen, rows=wanted.n, texts=(FILE,))
    if by_file:
        order = _order(columns[FILE], wanted.files or (), path)
        columns = {name: replace(c, codes=c.codes[order]) for name, c in columns.items()}
    return known_of([columns[name] for name in factors], columns[label] if label else None)


def _order(column: Column, files: Sequence[str], path: Path) -> np.ndarray:
    """For each image, the row that names it."""
    named = [str(column.distinct[code]).replace("\\", "/").removeprefix("./") for code in column.codes]
    rows = {name: row for row, name in enumerate(named)}
    known = set(files)
    strangers = [name for name in named if name not in known]
    missing = [name for name in files if name not in rows]
    if strangers or missing or len(rows) != len(named):
        twice = [name for name, n in Counter(named).items() if n > 1]
        found = [
            f"{what} {', '.join(map(repr, names[:3]))}{' and others' if len(names) > 3 else ''}"
            for what, names in (("no image is", strangers), ("no row is of", missing), ("more than one row is of", twice))
            if names
        ]
        raise UsageError(f"{path}: column {FILE!r} must name each image once, by its path in the folder; {'; '.join(found)}.")
    return np.array([rows[name] for name in files])
