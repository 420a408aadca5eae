"""Tables of factors and labels, one row per image: csv, tsv, parquet, or txt with aligned columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Int

from unbraid.data.files.columns import Column, Known, known_of
from unbraid.data.files.image_files import ENDINGS
from unbraid.data.files.table_file import INDEX, column_kinds, read_classes
from unbraid.errors import UnknownName, UsageError

LABEL = "label"
"""Column of the class."""
_FILES = frozenset(
    f"{what}{part}"
    for what in ("image", "img", "file", "photo", "picture")
    for part in ("id", "file", "filename", "name", "path")
) | {"file", "files", "filename", "filenames", "path", "paths"}
"""Names of columns that say of which image a row is, in small letters without marks."""
_NUMBERS = frozenset({"id", "index", "idx", "row", "number", "image", "img", "key", "name", "indexlevel0", "unnamed0"})
"""Names of columns that may say so, where no value stands twice."""
_FEWEST = 4
"""Rows from which on texts that all differ are names and no categories."""


def listed(names: str | None) -> list[str]:
    """Names with commas between; none where none are given."""
    return [name.strip() for name in names.split(",")] if names else []


@dataclass(frozen=True)
class Wanted:
    """Which columns of a table to read.

    Args:
        n: number of images.
        factors: names of factors, commas between; empty for all that are left.
        label: name of the class; empty for `label` where there is one.
        continuous: names of factors that are continuous, commas between.
        files: paths of the images in their folder; None where images have none.
    """

    n: int
    factors: str = ""
    label: str = ""
    continuous: str | None = None
    files: Sequence[str] | None = None

    @property
    def listed(self) -> list[str]:
        """The factors that were named."""
        return listed(self.factors)

    def columns(self, header: Sequence[str], path: Path) -> tuple[list[str], str | None]:
        """Names of factors and label among those of a table; raises `UsageError`."""
        known = set(header)
        for name in filter(None, (self.label, *self.listed, *listed(self.continuous))):
            if name not in known:
                raise UnknownName("column", name, header, where=str(path))
        label = self.label or (LABEL if LABEL in known else None)
        factors = self.listed or [name for name in header if name != label]
        if len(set(factors)) != len(factors) or label in factors:
            raise UsageError(f"--factors {self.factors} --label {label}: name each column once.")
        return factors, label


def read_table(path: Path, wanted: Wanted) -> Known:
    """Factors and labels of a table, in the order of the images.

    A column that names the images says of which image a row is: by path or file name, with or without ending. Images without
    files are numbered: a column `index` or `id` with the numbers from 0 or from 1 says which. Only where no column does are
    rows taken in the order of the images. Such columns are no factors, nor are texts of which each stands once, unless they
    are asked for by name. Columns whose values are all numbers are numbers; empty cells, NA and NaN are missing values, which
    are refused.

    Raises `UsageError` for columns, rows and values that do not fit, `CorruptFile` for a file that is no such table and
    `DataUnavailable` where the package that reads it is not installed.
    """
    kinds = column_kinds(path)
    factors, label = wanted.columns(list(kinds), path)
    continuous = listed(wanted.continuous)
    asked = {*wanted.listed, *continuous, *filter(None, [label])}
    named = {name for name in kinds if _plain(name) in _FILES | _NUMBERS and name not in asked and kinds[name] != "other"}
    texts = {name for name, kind in kinds.items() if kind == "text" and name not in asked}
    chosen = dict.fromkeys([*factors, *filter(None, [label]), *named, *texts])
    columns = read_classes(path, list(chosen), texts=named & texts)
    candidates = {name: columns[name] for name in columns if name in named | texts and _names_rows(name, columns[name])}
    paired = _by_number(candidates, wanted.n, path) if wanted.files is None else _by_file(candidates, wanted.files, path)
    factors = [name for name in factors if name not in candidates]
    if not factors and label is None:
        raise UsageError(f"{path} has no column of factors or labels, only {_quoted(kinds)}.")
    rows = len(next(iter(columns.values())).codes)
    if paired is None:
        if rows != wanted.n:
            raise UsageError(f"{path} has {rows:,} rows, but there are {wanted.n:,} images; give one row per image.")
        notes = [f"Rows of {path.name} are paired with images by their order: no column says of which image a row is."]
        order = np.arange(rows)
    else:
        notes, order = [paired.note], paired.order
    left_out = [name for name in candidates if (paired is None or name != paired.name) and name != INDEX]
    if left_out:
        notes.append(f"Left out, since they name rows: {_quoted(left_out)}. To have one as a factor, name it: --factors.")
    taken = {name: _rows(columns[name], order) for name in (*factors, *filter(None, [label]))}
    known = known_of([taken[name] for name in factors], taken[label] if label else None, continuous)
    return replace(known, notes=(*notes, *known.notes))


@dataclass(frozen=True, eq=False)
class _Paired:
    """Which column pairs rows with images, how it is said, and the row of each image."""

    name: str
    note: str
    order: Int[np.ndarray, "n"]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _quoted(names: Sequence[str] | Mapping[str, object]) -> str:
    return ", ".join(map(repr, list(names)[:12])) + (f" and {len(names) - 12:,} more" if len(names) > 12 else "")


def _names_rows(name: str, column: Column) -> bool:
    """Whether a column can say of which image a row is."""
    distinct = len(column.distinct) == len(column.codes)
    if _plain(name) in _FILES or name == INDEX:
        return True
    return distinct and (_plain(name) in _NUMBERS or len(column.codes) >= _FEWEST)


def _rows(column: Column, order: Int[np.ndarray, "n"]) -> Column:
    """Some rows of a column, with those values alone that occur in them."""
    used, codes = np.unique(column.codes[order], return_inverse=True)
    return replace(column, distinct=[column.distinct[code] for code in used], codes=codes.astype(np.int64))


def _by_number(candidates: Mapping[str, Column], n: int, path: Path) -> _Paired | None:
    """The pairing by the one column that numbers the images; None where there is none."""
    found = []
    for name, column in candidates.items():
        values = np.array([v if isinstance(v, (int, float)) else np.nan for v in column.distinct], np.float64)[column.codes]
        first = values.min() if len(values) == n else np.nan
        if first in (0, 1) and np.array_equal(np.sort(values) - first, np.arange(n)):
            order = np.argsort(values)
            found.append(
                _Paired(name, f"Rows of {path.name} are paired with images by their number in column {name!r}.", order)
            )
    return _agreed(found, path)


def _agreed(found: Sequence[_Paired], path: Path) -> _Paired | None:
    for other in found[1:]:
        if not np.array_equal(other.order, found[0].order):
            raise UsageError(
                f"{path}: columns {found[0].name!r} and {other.name!r} both say of which image a row is, and differ. Remove "
                f"one, or make it a factor: --factors {other.name}."
            )
    return found[0] if found else None


def _stem(path: str) -> str:
    start, dot, ending = path.rpartition(".")
    return start if f"{dot}{ending}".lower() in ENDINGS else path


_KEYS: Sequence[Callable[[str], str]] = (
    lambda path: path,
    lambda path: _stem(path).casefold(),
    lambda path: path.rpartition("/")[2].casefold(),
    lambda path: _stem(path.rpartition("/")[2]).casefold(),
    lambda path: _stem(path.rpartition("/")[2]).lstrip("0") or "0",
)
"""What a row may name an image by, the surest first: its path, file name, either without the ending, its number."""


def _by_file(candidates: Mapping[str, Column], files: Sequence[str], path: Path) -> _Paired | None:
    """The pairing by the one column that names each file; None where no column names any.

    Raises `UsageError` for a column that names some files, or is called like one that does, but not each once.
    """
    found, problems = [], []
    for name, column in candidates.items():
        named = [_path(column.distinct[code]) for code in column.codes]
        attempts = [_attempt(named, files, key) for key in _KEYS]
        best = next((a for a in attempts if a.order is not None), max(attempts, key=lambda a: a.matched))
        if best.order is not None:
            strangers = f" {best.strangers:,} rows are of no image." if best.strangers else ""
            note = f"Rows of {path.name} are paired with images by column {name!r}.{strangers}"
            found.append(_Paired(name, note, best.order))
        elif _plain(name) in _FILES or best.matched > len(named) / 2:
            problems.append(f"{path}: column {name!r} must name each image once, by its path or file name; {best.problem}.")
    agreed = _agreed(found, path)
    if agreed is None and problems:
        raise UsageError(problems[0])
    return agreed


def _path(value: float | str | None) -> str:
    text = str(int(value) if isinstance(value, float) and value.is_integer() else value)
    return text.replace("\\", "/").removeprefix("./")


@dataclass(frozen=True, eq=False)
class _Attempt:
    matched: int
    strangers: int
    problem: str
    order: Int[np.ndarray, "n"] | None


def _attempt(named: Sequence[str], files: Sequence[str], key: Callable[[str], str]) -> _Attempt:
    """Rows matched with files by a key of both; an order where each file has one row."""
    rows, known = [key(name) for name in named], [key(file) for file in files]
    count, of_files, place = Counter(rows), Counter(known), {name: row for row, name in enumerate(rows)}
    strangers = [name for name, own in zip(named, rows, strict=True) if own not in of_files]
    missing = [file for file, own in zip(files, known, strict=True) if own not in count]
    twice = [file for file, own in zip(files, known, strict=True) if count[own] > 1]
    alike = [file for file, own in zip(files, known, strict=True) if of_files[own] > 1]
    found = "; ".join(
        f"{what} {', '.join(map(repr, names[:3]))}{' and others' if len(names) > 3 else ''}"
        for what, names in (
            ("no row is of", missing),
            ("more than one row is of", twice),
            ("one name is that of", alike),
            ("no image is", strangers),
        )
        if names
    )
    order = None if missing or twice or alike else np.array([place[own] for own in known])
    return _Attempt(len(named) - len(strangers), len(strangers), found, order)
