"""Columns of csv, tsv, txt and parquet files, by name: as classes or as numbers."""

from __future__ import annotations

import csv
import re
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Literal, TextIO, TypeVar

import numpy as np
from jaxtyping import Float64

from unbraid.data.files.columns import Column
from unbraid.errors import CorruptFile, DataUnavailable, UsageError
from unbraid.files import os_errors

MOST_COLUMNS, MOST_ROWS = 10_000, 10_000_000
"""Of a table."""
MOST_BYTES = 1 << 31
"""Of one column of a parquet file, before it is compressed."""
MOST_MEMORY = 4_000_000_000
"""Bytes that the values of a table may take, 8 each, unless its reader allows more."""
INDEX = "Unnamed: 0"
"""What a first column without a name is called, as pandas calls it when it reads an index back."""

_MISSING = frozenset({"", "na", "n/a", "nan", "null"})
_LONGEST_LINE = 1 << 20
_DELIMITERS = {".csv": ",", ".tsv": "\t", ".txt": " "}
_PARQUET = (".parquet", ".pq")
ENDINGS = (*_DELIMITERS, *_PARQUET)
"""Of the names of tables."""
_DECIMAL_COMMA = re.compile(r"([+-]?\d+),(\d+)")

Kind = Literal["number", "text", "other"]


def column_kinds(path: Path) -> dict[str, Kind]:
    """Names of the columns and what they hold, by their type, or else by their first row.

    Raises `UsageError` for a file that is not there, another ending and names that stand twice, `CorruptFile` for a file that
    is no table, `DataUnavailable` where the package that reads it is not installed.
    """
    _require_table(path)
    kinds: list[Kind]
    with os_errors(f"read {path}", "Check that the file may be read."):
        if _is_parquet(path):
            with _parquet(path) as file:
                import pyarrow as pa

                header = [own.name for own in file.schema_arrow]
                kinds = [_kind(pa, own.type) for own in file.schema_arrow]
        else:
            with _text_rows(path) as (header, rows):
                first = next(rows, [""] * len(header))
                kinds = ["text" if _numbers([text.strip()]) is None else "number" for text in first]
    counts = Counter(header)
    if len(counts) != len(header) or "" in counts:
        twice = sorted(name for name, n in counts.items() if n > 1 or not name)
        raise UsageError(f"{path} has {len(header)} columns; each needs a name of its own, {_few(twice)} do not.")
    return dict(zip(header, kinds, strict=True))


def _few(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:8])) + (f" and {len(names) - 8:,} more" if len(names) > 8 else "")


def read_classes(
    path: Path, names: Sequence[str], *, each: str = "image", texts: Collection[str] = (), most: int = MOST_MEMORY
) -> dict[str, Column]:
    """Columns as classes; empty cells, NA and NaN are missing values.

    Args:
        names: of the columns, which exist.
        each: what a row is of, for errors.
        texts: columns that stay texts even if they hold numbers.
        most: bytes that the values may take.

    Raises `UsageError` for a table without rows or with too many and `CorruptFile` for a file that is no such table.
    """
    with os_errors(f"read {path}", "Check that the file may be read."):
        if _is_parquet(path):
            found = {name: _classes_of_parquet(name, read, path, each) for name, read in _parquet_columns(path, names, most)}
        else:
            readings = _read_text(path, {name: _Classes() for name in names}, most)
            where = {name: f"Column {name!r} of {path}" for name in names}
            found = {
                name: Column(name, reading.values(name in texts), np.array(reading.codes, np.int64), where[name], each)
                for name, reading in readings.items()
            }
    return found


def read_numbers(path: Path, names: Sequence[str], *, most: int = MOST_MEMORY) -> Float64[np.ndarray, "n column"]:
    """Columns side by side as numbers, NaN for missing values.

    Raises as `read_classes` does, and `UsageError` for texts.
    """
    with os_errors(f"read {path}", "Check that the file may be read."):
        if _is_parquet(path):
            columns = [_numbers_of_parquet(name, read, path) for name, read in _parquet_columns(path, names, most)]
        else:
            readings = _read_text(path, {name: _Numbers(f"Column {name!r} of {path}") for name in names}, most)
            columns = [np.array(reading.values) for reading in readings.values()]
    return np.stack(columns, axis=1)


def _require_table(path: Path) -> None:
    if not path.is_file():
        raise UsageError(f"There is no table {path}; give a .csv, .tsv, .txt or .parquet file.")
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"{path} ends in {path.suffix.lower()!r}; a table is a .csv, .tsv, .txt or .parquet file.")


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


def _read_text(path: Path, readings: dict[str, R], most: int) -> dict[str, R]:
    with _text_rows(path) as (header, rows):
        number = {name: i for i, name in enumerate(header)}
        places = [(number[name], reading) for name, reading in readings.items()]
        n = 0
        for row in rows:
            n += 1
            _check_rows(n, path)
            require_memory(n * len(places) * 8, most, path)
            for place, reading in places:
                reading.add(row[place].strip())
    if not n:
        _check_rows(n, path)
    return readings


@contextmanager
def _text_rows(path: Path) -> Iterator[tuple[list[str], Iterator[list[str]]]]:
    """The first line, and the rows below it, each as long; read them while this lasts."""
    with path.open(encoding="utf-8-sig", newline="") as handle, _text_errors(path):
        lines = _lines(handle, path)
        first = next(lines, "")
        if path.suffix.lower() == ".txt":
            header, rows, between = *_spaced(first, lines), "spaces"
        else:
            between = _delimiter(first, _DELIMITERS[path.suffix.lower()])
            reader = csv.reader(chain([first], lines), delimiter=between, strict=True)
            header = [name.strip() for name in next(reader, [])]
            rows = ((reader.line_num, row) for row in reader)
        if not header:
            raise CorruptFile(f"{path} is empty; its first line must name the columns.")
        if len(header) > MOST_COLUMNS:
            raise UsageError(f"{path} has {len(header):,} columns; allowed: {MOST_COLUMNS:,}. Leave out those without a use.")
        if not header[0] and len(header) > 1:
            header[0] = INDEX

        def checked() -> Iterator[list[str]]:
            for number, row in rows:
                if len(row) != len(header) and row:
                    raise CorruptFile(
                        f"{path}, line {number}: {len(row)} cells, but the first line names {len(header)} columns "
                        f"({between!r} between them)."
                    )
                if row:
                    yield [_DECIMAL_COMMA.sub(r"\1.\2", cell) for cell in row] if between == ";" else row

        yield header, checked()


def _delimiter(first: str, usual: str) -> str:
    """The usual one, unless the first line holds none of it but of another."""
    if usual in first:
        return usual
    return next((other for other in (";", "\t", ",", "|") if other in first), usual)


def _spaced(first: str, lines: Iterator[str]) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Header and numbered rows of a table whose columns are separated by spaces, like that of CelebA.

    The number of rows may stand above the header. A header one name short leaves out the column of file names.
    """
    skipped = 2 if first.strip().isdecimal() else 1
    header = (next(lines, "") if skipped == 2 else first).split()
    rows = ((number, line.split()) for number, line in enumerate(lines, skipped + 1))
    top = next(((number, row) for number, row in rows if row), None)
    if top is not None and len(top[1]) == len(header) + 1:
        header = ["file", *header]
    return header, chain([top] if top is not None else [], rows)


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


def _check_rows(n: int, path: Path) -> None:
    if not 0 < n <= MOST_ROWS:
        has = f"more than {MOST_ROWS:,}" if n else "no"
        raise UsageError(f"{path} has {has} rows below its first line; allowed: 1 to {MOST_ROWS:,}, one per sample.")


def require_memory(size: int, most: int, path: Path) -> None:
    """Raise `UsageError` for values that take more bytes than allowed."""
    if size > most:
        raise UsageError(
            f"The values of {path} take {size / 1e9:.2g} GB or more; allowed: {most / 1e9:.2g} GB. Keep the rows and "
            "columns that count, or allow more where there is an option: --max-memory GIGABYTES."
        )


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
            texts = [own.name for own in file.schema_arrow if _kind(pa, own.type) == "text"]
        with pq.ParquetFile(path, read_dictionary=texts) as file:  # a long text that stands often is kept once
            yield file
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CorruptFile(f"{path} is no sound parquet file ({reason}). Write it again.") from None


def _parquet_columns(path: Path, names: Sequence[str], most: int) -> Iterator[tuple[str, Any]]:
    with _parquet(path) as file:
        about = file.metadata
        _check_rows(about.num_rows, path)
        require_memory(about.num_rows * len(names) * 8, most, path)
        if about.num_columns > MOST_COLUMNS:
            raise UsageError(f"{path} has {about.num_columns:,} columns; allowed: {MOST_COLUMNS:,}.")
        number = {name: i for i, name in enumerate(file.schema_arrow.names)}
        for name in names:
            parts = (about.row_group(group).column(number[name]) for group in range(about.num_row_groups))
            if (size := sum(part.total_uncompressed_size for part in parts)) > MOST_BYTES:
                raise UsageError(f"Column {name!r} of {path} holds {size:,} bytes; allowed: {MOST_BYTES:,}.")
            read = file.read(columns=[name]).column(0)
            if len(read) != about.num_rows:
                raise CorruptFile(f"{path} announces {about.num_rows} rows and holds {len(read)}. Write it again.")
            yield name, read


def _kind(pa: Any, kind: Any) -> Kind:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return "number"
    return "text" if pa.types.is_string(kind) or pa.types.is_large_string(kind) else "other"


def _classes_of_parquet(name: str, read: Any, path: Path, each: str) -> Column:
    import pyarrow as pa

    if _kind(pa, read.type) == "other":
        raise UsageError(f"Column {name!r} of {path} holds {read.type}; allowed: numbers, booleans and texts.")
    distinct: dict[float | str | None, int] = {}
    codes = []
    for chunk in read.chunks:
        coded = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode("encode")
        try:
            values = [*coded.dictionary.to_pylist(), None]
        except UnicodeDecodeError as error:
            raise CorruptFile(
                f"Column {name!r} of {path} holds text that is not UTF-8 ({error.reason}). Write it again."
            ) from None
        own = coded.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False).astype(np.int64)
        used, places = np.unique(own, return_inverse=True)
        codes.append(np.array([distinct.setdefault(values[i], len(distinct)) for i in used], np.int64)[places])
    return Column(name, list(distinct), np.concatenate(codes), f"Column {name!r} of {path}", each)


def _numbers_of_parquet(name: str, read: Any, path: Path) -> Float64[np.ndarray, "n"]:
    import pyarrow as pa

    if _kind(pa, read.type) != "number":
        raise UsageError(f"Column {name!r} of {path} holds {read.type}; codes are numbers.")
    read = read.combine_chunks()
    if pa.types.is_dictionary(read.type):
        read = read.dictionary_decode()
    return np.asarray(read.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
