"""Columns of csv, tsv and parquet files, by name: as classes or as numbers."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO, TypeVar

import numpy as np
from jaxtyping import Float64

from unbraid.data.files.columns import Column
from unbraid.errors import CorruptFile, DataUnavailable, UsageError
from unbraid.files import os_errors

_MISSING = frozenset({"", "na", "n/a", "nan", "null"})
_LONGEST_LINE = 1 << 20
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_PARQUET = (".parquet", ".pq")
ENDINGS = (*_DELIMITERS, *_PARQUET)
"""Of the names of tables."""


def names_of(path: Path) -> list[str]:
    """Names of the columns, each with a name of its own.

    Raises `UsageError` for a file that is not there, another ending and names that stand twice, `CorruptFile` for a file that
    is no table, `DataUnavailable` where the package that reads it is not installed.
    """
    _require_table(path)
    with os_errors(f"read {path}", "Check that the file may be read."):
        if _is_parquet(path):
            with _parquet(path) as file:
                header = list(file.schema_arrow.names)
        else:
            with _text_rows(path) as (header, _):
                pass
    if len(set(header)) != len(header) or not all(header):
        twice = sorted({name for name in header if header.count(name) > 1})
        raise UsageError(f"{path} has columns {', '.join(map(repr, header))}; each needs a name of its own, {twice} do not.")
    return header


def text_columns(path: Path) -> set[str]:
    """Names of the columns that hold no numbers: by their type, or by their first row where they have none."""
    with os_errors(f"read {path}", "Check that the file may be read."):
        if _is_parquet(path):
            import pyarrow as pa

            with _parquet(path) as file:
                return {own.name for own in file.schema_arrow if not (_is_number(pa, own.type))}
        with _text_rows(path) as (header, rows):
            first = next(rows, [])
            return {name for name, text in zip(header, first, strict=False) if _numbers([text.strip()]) is None}


def read_classes(
    path: Path, names: Sequence[str], *, rows: int | None = None, each: str = "image", texts: Collection[str] = ()
) -> dict[str, Column]:
    """Columns as classes; empty cells, NA and NaN are missing values.

    Args:
        names: of the columns, which exist.
        rows: how many there must be; any number but none by default.
        each: what a row is of, for errors.
        texts: columns that stay texts even if they hold numbers.

    Raises `UsageError` for rows that do not fit and `CorruptFile` for a file that is no such table.
    """
    with os_errors(f"read {path}", "Check that the file may be read."):
        if _is_parquet(path):
            found = {name: _classes_of_parquet(name, read, path, each) for name, read in _parquet_columns(path, names, rows)}
        else:
            readings = _read_text(path, {name: _Classes() for name in names}, rows)
            where = {name: f"Column {name!r} of {path}" for name in names}
            found = {
                name: Column(name, reading.values(name in texts), np.array(reading.codes, np.int64), where[name], each)
                for name, reading in readings.items()
            }
    return found


def read_numbers(path: Path, names: Sequence[str]) -> Float64[np.ndarray, "n column"]:
    """Columns side by side as numbers, NaN for missing values; raises as `read_classes`, and `UsageError` for texts."""
    with os_errors(f"read {path}", "Check that the file may be read."):
        if _is_parquet(path):
            columns = [_numbers_of_parquet(name, read, path) for name, read in _parquet_columns(path, names, None)]
        else:
            readings = _read_text(path, {name: _Numbers(f"Column {name!r} of {path}") for name in names}, None)
            columns = [np.array(reading.values) for reading in readings.values()]
    return np.stack(columns, axis=1)


def _require_table(path: Path) -> None:
    if not path.is_file():
        raise UsageError(f"There is no table {path}; give a .csv, .tsv or .parquet file.")
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"{path} ends in {path.suffix.lower()!r}; a table is a .csv, .tsv or .parquet file.")


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() in _PARQUET


@dataclass
class _Classes:
    """The texts that occur, and which each row has."""

    distinct: dict[str, int] = field(default_factory=dict)
    codes: array[int] = field(default_factory=lambda: array("q"))

    def add(self, text: str) -> None:
        self.codes.append(self.distinct.setdefault(text, len(self.distinct)))

    def values(self, as_text: bool) -> Sequence[float | str | None]:
        """Numbers where all of them are."""
        found = None if as_text else _numbers(self.distinct)
        return found or [None if text.lower() in _MISSING else text for text in self.distinct]


@dataclass
class _Numbers:
    where: str
    values: array[float] = field(default_factory=lambda: array("d"))

    def add(self, text: str) -> None:
        found = _numbers([text])
        if found is None:
            raise UsageError(
                f"{self.where} holds {text[:50]!r} in row {len(self.values)} (counted from 0); codes are numbers. Mend it, or "
                "name the columns of latents (--latents) and factors (--factors) without it."
            )
        self.values.append(np.nan if found[0] is None else found[0])


R = TypeVar("R", _Classes, _Numbers)


def _numbers(texts: Iterable[str]) -> list[float | None] | None:
    """Texts as numbers, None for one that is missing; None where one is no number."""
    try:
        return [None if text.lower() in _MISSING else float(text) for text in texts]
    except ValueError:
        return None


def _read_text(path: Path, readings: dict[str, R], wanted: int | None) -> dict[str, R]:
    with _text_rows(path) as (header, rows):
        places = [(header.index(name), reading) for name, reading in readings.items()]
        n = 0
        for row in rows:
            n += 1
            _check_rows(n, wanted, path, more=True)
            for place, reading in places:
                reading.add(row[place].strip())
    _check_rows(n, wanted, path)
    return readings


@contextmanager
def _text_rows(path: Path) -> Iterator[tuple[list[str], Iterator[list[str]]]]:
    """The first line, and the rows below it, each as long; read them while this lasts."""
    delimiter = _DELIMITERS[path.suffix.lower()]
    with path.open(encoding="utf-8-sig", newline="") as handle, _text_errors(path):
        rows = csv.reader(_lines(handle, path), delimiter=delimiter, strict=True)
        header = [name.strip() for name in next(rows, [])]
        if not header:
            raise CorruptFile(f"{path} is empty; its first line must name the columns.")

        def checked() -> Iterator[list[str]]:
            for row in filter(None, rows):
                if len(row) != len(header):
                    raise CorruptFile(
                        f"{path}, line {rows.line_num}: {len(row)} cells, but the first line names {len(header)} columns "
                        f"({delimiter!r} between them)."
                    )
                yield row

        yield header, checked()


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


def _check_rows(n: int, wanted: int | None, path: Path, *, more: bool = False) -> None:
    if wanted is None and not n:
        raise UsageError(f"{path} has no rows below its first line; give one row a sample.")
    if wanted is not None and (n > wanted or (n != wanted and not more)):
        has = f"more than {wanted:,}" if more else f"{n:,}"
        raise UsageError(f"{path} has {has} rows below its first line, but there are {wanted:,} images; give one row an image.")


@contextmanager
def _parquet(path: Path) -> Iterator[Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise DataUnavailable(
            f"Reading {path} needs the package pyarrow: pip install 'unbraid[parquet]'. Or save the table as .csv."
        ) from None
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CorruptFile(f"{path} is no sound parquet file ({reason}). Write it again.") from None


def _parquet_columns(path: Path, names: Sequence[str], wanted: int | None) -> Iterator[tuple[str, Any]]:
    with _parquet(path) as file:
        import pyarrow as pa

        announced = file.metadata.num_rows
        _check_rows(announced, wanted, path)
        for name in names:
            read = file.read(columns=[name]).column(0).combine_chunks()
            if len(read) != announced:
                raise CorruptFile(f"{path} announces {announced} rows and holds {len(read)}. Write it again.")
            yield name, read.dictionary_decode() if pa.types.is_dictionary(read.type) else read  # which may hold more values


def _is_number(pa: Any, kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def _classes_of_parquet(name: str, read: Any, path: Path, each: str) -> Column:
    import pyarrow as pa

    kind = read.type
    if not (_is_number(pa, kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise UsageError(f"Column {name!r} of {path} holds {kind}; allowed: numbers, booleans and texts.")
    coded = read.dictionary_encode("encode")
    codes = coded.indices.fill_null(len(coded.dictionary)).to_numpy(zero_copy_only=False).astype(np.int64)
    distinct = [*coded.dictionary.to_pylist(), *([None] if coded.null_count else [])]
    return Column(name, distinct, codes, f"Column {name!r} of {path}", each)


def _numbers_of_parquet(name: str, read: Any, path: Path) -> Float64[np.ndarray, "n"]:
    import pyarrow as pa

    if not _is_number(pa, read.type):
        raise UsageError(f"Column {name!r} of {path} holds {read.type}; codes are numbers.")
    return np.asarray(read.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
