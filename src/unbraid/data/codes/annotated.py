"""Codes and factors of annotated data: `.h5ad` and `.zarr`, as AnnData and its tools write them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from unbraid.data.codes.arrays import CodeArrays, factors_of, finite, variances
from unbraid.data.codes.latent_names import SPREADS, plain
from unbraid.data.files.columns import Column, cautions_of
from unbraid.data.files.table_file import MOST_MEMORY, require_memory
from unbraid.errors import CorruptFile, DataUnavailable, UnbraidError, UnknownName, UsageError

ENDINGS = (".h5ad", ".zarr")
X = "X"
"""What --latents calls the table of the samples themselves."""
_METADATA = ("zarr.json", ".zarray", ".zmetadata")


def is_annotated(path: Path) -> bool:
    """Whether a path is called like annotated data; a `.zarr` is a folder."""
    return path.suffix.lower() in ENDINGS


def read_code_annotated(
    path: Path,
    factors: Sequence[str] = (),
    latents: Sequence[str] = (),
    *,
    continuous: Sequence[str] = (),
    grouped: Sequence[str] = (),
    most: int = MOST_MEMORY,
) -> CodeArrays:
    """Codes in `obsm` or `X`, and columns of `obs` as factors.

    Nothing else is read, and nothing is unpickled.

    Args:
        factors: names of columns of `obs`; by default all but texts and whole numbers of which each stands once, and those
            with missing values.
        latents: the name of an entry of `obsm`, or X; by default the only entry, or X where there is none. An entry with
            `_var`, `_logvar` or `_std` behind its name says how wide posteriors are.
        continuous: names of factors that are continuous.
        grouped: names of factors that are not, whatever their values.
        most: bytes that codes, variances and factors may take together, 8 per number.

    Raises `UsageError` for what does not fit, `CorruptFile` for what is no annotated data or damaged, and `DataUnavailable`
    where the package that reads it is not installed.
    """
    if not (path.is_dir() if path.suffix.lower() == ".zarr" else path.is_file()):
        kind = "folder" if path.suffix.lower() == ".zarr" else "file"
        raise UsageError(f"There is no {kind} {path}; give annotated data as AnnData writes them.")
    with _opened(path) as (group, read):
        chosen, spread = _latents(path, group, latents)
        codes = _table(path, group, chosen, read, most)
        names = tuple(f"z{j}" for j in range(codes.shape[1]))
        wide = None if spread is None else _table(path, group, spread, read, most)
        if wide is not None and wide.shape != codes.shape:
            raise UsageError(
                f"{path}: {spread} has shape {wide.shape}, and {chosen} {codes.shape}; give one variance per latent."
            )
        require_memory(8 * _numbers(group["obs"]), most, path)
        columns, left_out = _columns(path, read(group["obs"]), factors, [*continuous, *grouped])
    if columns and len(columns[0].codes) != len(codes):
        raise CorruptFile(f"{path}: obs has {len(columns[0].codes):,} rows, and {chosen} {len(codes):,}.")
    require_memory(8 * len(codes) * (codes.shape[1] * (1 + (wide is not None)) + len(columns)), most, path)
    kept, factor_names, sizes = factors_of(columns, path, continuous, grouped)
    classes = [column for column, size in zip(columns, sizes, strict=True) if size]
    where = f"{chosen} of {path}"
    return CodeArrays(
        codes=finite(codes, names, where),
        factors=kept,
        factor_names=factor_names,
        latent_names=names,
        factor_sizes=sizes,
        variance=None if wide is None else variances(wide, SPREADS[_kind(spread, chosen)], names, f"{spread} of {path}"),
        left_out=tuple(left_out),
        notes=(f"Latents are {chosen}.", *cautions_of(classes)),
    )


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The open group and what reads an element of it; any error of theirs is one of a damaged file."""
    try:
        from anndata.io import read_elem

        if path.suffix.lower() == ".zarr":
            import zarr
        else:
            import h5py
    except ImportError as error:
        raise DataUnavailable(f"Reading {path} needs anndata: pip install 'unbraid[anndata]'.") from error
    try:
        if path.suffix.lower() == ".zarr":
            _require_no_pickles(path)
            yield zarr.open(str(path), mode="r"), read_elem
        else:
            with h5py.File(path, "r") as file:
                yield file, read_elem
    except UnbraidError:
        raise
    except Exception as error:  # whatever these readers raise on a damaged file
        raise CorruptFile(
            f"{path} is no annotated data, or is damaged ({type(error).__name__}: {error}). Write it again with AnnData, "
            "or get it again."
        ) from None


def _require_no_pickles(folder: Path) -> None:
    """Raise `CorruptFile` for arrays of pickled objects, which would run code when they are read.

    So does what cannot be looked at: metadata that are no JSON, and folders that are links.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() and path.is_dir():
            raise CorruptFile(f"{path} is a link to a folder, which is not followed; put a copy in its place.")
        if path.name in _METADATA:
            try:
                content = json.loads(path.read_bytes())  # bytes, as zarr reads them: their encoding is found out
            except ValueError as error:
                raise CorruptFile(f"{path} is no JSON ({error}).") from None
            if _pickles(content):
                raise CorruptFile(f"{path} holds pickled objects, which are never loaded.")


def _pickles(content: Any) -> bool:
    if isinstance(content, dict):
        codec = [content.get(key) for key in ("id", "name")]
        return any(isinstance(one, str) and one.rpartition(".")[2] == "pickle" for one in codec) or any(
            map(_pickles, content.values())
        )
    return isinstance(content, list) and any(map(_pickles, content))


def _kind(spread: str | None, chosen: str) -> str:
    """What the ending of the name of an entry says of the widths in it."""
    return plain(spread.removeprefix(chosen)) if spread else ""


def _latents(path: Path, group: Any, asked: Sequence[str]) -> tuple[str, str | None]:
    """The entry that holds the codes, and the one that holds the widths of posteriors."""
    held = sorted(group["obsm"]) if "obsm" in group else []  # of a folder they come in the order of the disk
    spread_of = {
        name: one for one in held for name in held if name != one and one.startswith(name) and _kind(one, name) in SPREADS
    }
    possible = [name for name in held if name not in spread_of.values()]
    if len(asked) > 1 or (asked and asked[0] not in [*held, X]):
        if len(asked) == 1:
            raise UnknownName("entry of obsm", asked[0], [*held, X], where=str(path))
        raise UsageError(f"--latents {','.join(asked)}; of annotated data give one entry: {', '.join([*held, X])}.")
    if not asked and len(possible) > 1:
        raise UsageError(f"Which codes of {path}? Give --latents NAME: {', '.join([*possible, X])}.")
    chosen = asked[0] if asked else (possible[0] if possible else X)
    if chosen == X and X not in group:
        raise UsageError(f"{path} holds no codes: neither entries of obsm nor X.")
    return chosen, spread_of.get(chosen)


def _table(path: Path, group: Any, name: str, read: Any, most: int) -> np.ndarray:
    """A dense table of numbers; raises `UsageError` for what is none, or takes too much memory."""
    element = group[X] if name == X else group["obsm"][name]
    shape = getattr(element, "shape", None) or tuple(element.attrs.get("shape", ()))
    if shape:
        require_memory(8 * math.prod(int(n) for n in shape), most, path)
    found = read(element)
    if hasattr(found, "toarray"):
        found.check_format(full_check=True)  # SciPy writes wherever indices lead
        found = found.toarray()
    found = np.asarray(found)
    if found.ndim != 2 or 0 in found.shape or found.dtype.kind not in "buif":
        raise UsageError(
            f"{name} of {path} is {found.dtype} of shape {found.shape}; give numbers (samples, latents), one or more of each."
        )
    table: np.ndarray = found
    return table


def _numbers(element: Any, depth: int = 3) -> int:
    """How many numbers and texts an element of a file holds, before any is read."""
    shape = getattr(element, "shape", None)
    if shape is not None:
        return math.prod(int(n) for n in shape)
    return sum(_numbers(element[name], depth - 1) for name in element) if depth else 0


def _columns(path: Path, obs: Any, wanted: Sequence[str], named: Sequence[str]) -> tuple[list[Column], list[str]]:
    """Columns of `obs` that are factors, and the names of those that are left out."""
    names = [str(name) for name in obs.columns]
    for name in (*wanted, *named):
        if name not in names:
            raise UnknownName("column of obs", name, names, where=str(path))
    columns, left_out = [], []
    for name in wanted or names:
        column = _column(name, obs[name], f"Column {name!r} of obs, {path}")
        fractions = any(isinstance(value, float) and not value.is_integer() for value in column.distinct)
        names_rows = len(column.distinct) == len(column.codes) > 1 and not fractions
        if not wanted and name not in named and (names_rows or None in column.distinct):
            left_out.append(name)
        else:
            columns.append(column)
    if not columns:
        raise UsageError(
            f"{path} has no factors: its obs has {', '.join(map(repr, names)) or 'no columns'}. Name some: --factors."
        )
    return columns, left_out


def _column(name: str, series: Any, where: str) -> Column:
    codes, distinct = series.factorize()  # missing values have the code -1
    values: list[float | str | None] = []
    for value in distinct.tolist():
        values.append(
            value if isinstance(value, str) else float(value) if isinstance(value, (bool, int, float)) else str(value)
        )
    found: Int64[np.ndarray, "n"] = np.asarray(codes, np.int64)
    if (found < 0).any():
        found = np.where(found < 0, len(values), found)
        values.append(None)
    return Column(name, values, found, where, "row")
