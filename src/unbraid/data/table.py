"""Tables of factors and labels, one row an image: csv, tsv or parquet."""

from __future__ import annotations

import csv
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import numpy as np

from unbraid.data.columns import Column, Known, known_of
from unbraid.errors import CorruptFile, DataUnavailable, UnknownName, UsageError
from unbraid.files import os_errors

FILE, LABEL = "file", "label"
"""Columns that say of which image of a folder a row is, and its class."""
_MISSING = frozenset({"", "na", "n/a", "nan", "null"})
_LONGEST_LINE = 1 << 20
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_PARQUET = (".parquet", ".pq")


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
        if len(set(header)) != len(header) or not all(header):
            twice = sorted({name for name in header if header.count(name) > 1})
            raise UsageError(
                f"{path} has columns {', '.join(map(repr, header))}; each needs a name of its own, {twice} do not."
            )
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


@dataclass
class _Reading:
    """A column as it is read, a text at a time: the texts that occur, and which each row has."""

    distinct: dict[str, int] = field(default_factory=dict)
    codes: array[int] = field(default_factory=lambda: array("q"))

    def add(self, text: str) -> None:
        self.codes.append(self.distinct.setdefault(text, len(self.distinct)))


def read_table(path: Path, wanted: Wanted) -> Known:
    """Factors and labels of a table, in the order of the images.

    Rows stand in that order, unless a column `file` names the image of each. Columns whose values are all numbers are numbers;
    empty cells, NA and NaN are missing values, which are refused.

    Raises `UsageError` for columns, rows and values that do not fit, `CorruptFile` for a file that is no such table and
    `DataUnavailable` where the package that reads it is not installed.
    """
    if not path.is_file():
        raise UsageError(f"There is no table {path}; give a .csv, .tsv or .parquet file.")
    ending = path.suffix.lower()
    if ending not in (*_DELIMITERS, *_PARQUET):
        raise UsageError(f"{path} ends in {ending!r}; a table is a .csv, .tsv or .parquet file.")
    with os_errors(f"read {path}", "Check that the file may be read."):
        read = _read_parquet if ending in _PARQUET else _read_text
        columns, factors, label, by_file = read(path, wanted)
    if by_file:
        order = _order(columns[FILE], wanted.files or (), path)
        columns = {name: Column(name, c.distinct, c.codes[order], c.where) for name, c in columns.items()}
    return known_of([columns[name] for name in factors], columns[label] if label else None)


_Read = tuple[dict[str, Column], list[str], str | None, bool]


def _read_text(path: Path, wanted: Wanted) -> _Read:
    delimiter = _DELIMITERS[path.suffix.lower()]
    with path.open(encoding="utf-8-sig", newline="") as handle, _text_errors(path):
        rows = csv.reader(_lines(handle, path), delimiter=delimiter, strict=True)
        header = [name.strip() for name in next(rows, [])]
        if not header:
            raise CorruptFile(f"{path} is empty; its first line must name the columns.")
        factors, label, by_file = wanted.columns(header, path)
        chosen = [*factors, *filter(None, [label]), *([FILE] if by_file else [])]
        places = {name: (header.index(name), _Reading()) for name in chosen}
        n = 0
        for row in filter(None, rows):
            if len(row) != len(header):
                raise CorruptFile(
                    f"{path}, line {rows.line_num}: {len(row)} cells, but the first line names {len(header)} columns "
                    f"({delimiter!r} between them)."
                )
            n += 1
            _check_rows(n, wanted.n, path, more=True)
            for place, reading in places.values():
                reading.add(row[place].strip())
    _check_rows(n, wanted.n, path)
    return {name: _column(name, reading, path) for name, (_, reading) in places.items()}, factors, label, by_file


def _lines(handle: TextIO, path: Path) -> Iterator[str]:
    while line := handle.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE and not line.endswith("\n"):
            raise CorruptFile(f"{path} has a line of more than {_LONGEST_LINE:,} characters; it is no table.")
        yield line


@contextmanager
def _text_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise CorruptFile(f"{path} is not UTF-8 text (byte {error.start} of a block); save it as UTF-8.") from None
    except csv.Error as error:
        raise CorruptFile(f"{path} is no sound table: {error}.") from None


def _check_rows(n: int, images: int, path: Path, *, more: bool = False) -> None:
    if n > images or (n != images and not more):
        has = f"more than {images:,}" if more else f"{n:,}"
        raise UsageError(f"{path} has {has} rows below its first line, but there are {images:,} images; give one row an image.")


def _column(name: str, reading: _Reading, path: Path) -> Column:
    texts = [None if text.lower() in _MISSING else text for text in reading.distinct]
    values = texts if name == FILE else _numbers(texts) or texts
    return Column(name, values, np.array(reading.codes, dtype=np.int64), f"Column {name!r} of {path}")


def _numbers(texts: Sequence[str | None]) -> list[float | None] | None:
    try:
        return [None if text is None else float(text) for text in texts]
    except ValueError:
        return None


def _read_parquet(path: Path, wanted: Wanted) -> _Read:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise DataUnavailable(
            f"Reading {path} needs the package pyarrow: pip install 'unbraid[parquet]'. Or save the table as .csv."
        ) from None
    try:
        with pq.ParquetFile(path) as file:
            factors, label, by_file = wanted.columns(file.schema_arrow.names, path)
            _check_rows(file.metadata.num_rows, wanted.n, path)
            chosen = [*factors, *filter(None, [label]), *([FILE] if by_file else [])]
            columns = {}
            for name in chosen:
                read = file.read(columns=[name]).column(0).combine_chunks()
                if len(read) != wanted.n:
                    raise CorruptFile(f"{path} announces {wanted.n} rows and holds {len(read)}. Write it again.")
                if pa.types.is_dictionary(read.type):  # whose dictionary may hold values that do not occur
                    read = read.dictionary_decode()
                kind = read.type
                is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
                if not (is_text or pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
                    raise UsageError(f"Column {name!r} of {path} holds {kind}; allowed: numbers, booleans and texts.")
                coded = read.dictionary_encode("encode")
                codes = coded.indices.fill_null(len(coded.dictionary)).to_numpy(zero_copy_only=False).astype(np.int64)
                columns[name] = Column(
                    name,
                    [*coded.dictionary.to_pylist(), *([None] if coded.null_count else [])],
                    codes,
                    f"Column {name!r} of {path}",
                )
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CorruptFile(f"{path} is no sound parquet file ({reason}). Write it again.") from None
    return columns, factors, label, by_file


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
