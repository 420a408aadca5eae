"""Codes and factors in the columns of a table: csv, tsv or parquet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unbraid.data.codes.arrays import CodeArrays, factors_of, finite, variances
from unbraid.data.codes.latent_names import CODES, SPREADS, numbered
from unbraid.data.files.columns import Column, cautions_of
from unbraid.data.files.table_file import INDEX, MOST_MEMORY, column_kinds, read_classes, read_numbers, require_memory
from unbraid.errors import UnknownName, UsageError


@dataclass(frozen=True)
class Roles:
    """What the columns of a table are.

    Args:
        latents: codes or means, in order.
        spreads: how wide their posteriors are, in the same order; empty where the table does not say.
        factors: known of the samples.
        named: whether the user named the factors.
        left_out: all others.
    """

    latents: tuple[str, ...]
    spreads: tuple[str, ...]
    factors: tuple[str, ...]
    named: bool
    left_out: tuple[str, ...]


def roles(
    header: Sequence[str], texts: set[str], path: Path, factors: Sequence[str] = (), latents: Sequence[str] = ()
) -> Roles:
    """Which columns are latents, variances and factors.

    Latents are those named by the user, or else those called z0, mean_0, mu0, code_0, latent_0 or 0, and so on, or else, where
    the user names the factors, all other columns of numbers. Columns var_0, variance_0, logvar_0 or std_0 and so on say how
    wide the posterior of the latent of that number is. Factors are those named by the user, or else all that are left.

    Raises `UsageError` where that leaves no latents, no factors or more than one choice.
    """
    _check_asked(header, factors, latents, path)
    asked = set(factors)
    marked = {name: place for name in header if name not in asked and (place := numbered(name))}
    wide = [name for name, (stem, _) in marked.items() if stem in SPREADS and name not in latents]
    rest = [name for name in header if name not in {*factors, *wide, INDEX}]
    chosen = list(latents) or _called_latents(marked, path) or [name for name in rest if factors and name not in texts]
    if not chosen:
        raise UsageError(
            f"Which columns of {path} are latents? It has {_few(header)}. Call them z0, z1 and so on, or name them: "
            "--latents a,b. Or name the factors, and all other numbers are latents: --factors shape,scale."
        )
    taken = {*chosen, *marked}
    left = list(factors) or [name for name in rest if name not in taken]
    if not left:
        raise UsageError(f"{path} has no column of factors beside the latents {_few(chosen)}; add one for each factor.")
    spreads = _spreads_of(chosen, wide, marked, path)
    used = {*chosen, *left, *spreads}
    return Roles(tuple(chosen), spreads, tuple(left), bool(factors), tuple(name for name in header if name not in used))


def _check_asked(header: Sequence[str], factors: Sequence[str], latents: Sequence[str], path: Path) -> None:
    known = set(header)
    for name in (*factors, *latents):
        if name not in known:
            raise UnknownName("column", name, header, where=str(path))
    if len({*factors, *latents}) != len(factors) + len(latents):
        raise UsageError(f"--factors {','.join(factors)} --latents {','.join(latents)}: name each column once.")


def _few(names: Sequence[str]) -> str:
    """The first of them, if there are many."""
    return ", ".join(map(repr, names[:12])) + (f" and {len(names) - 12:,} more" if len(names) > 12 else "")


def _called_latents(marked: dict[str, tuple[str, int]], path: Path) -> list[str]:
    found = sorted((number, name, stem) for name, (stem, number) in marked.items() if stem in CODES)
    if len({number for number, _, _ in found}) != len(found):
        raise UsageError(
            f"Columns {_few([name for _, name, _ in found])} of {path} number latents twice; name them: --latents a,b."
        )
    return [name for _, name, _ in found]


def _spreads_of(latents: Sequence[str], wide: Sequence[str], marked: dict[str, tuple[str, int]], path: Path) -> tuple[str, ...]:
    """The columns of the posterior widths of the latents; none if there are none of these latents."""
    by_number: dict[int, list[str]] = {}
    for name in wide:
        by_number.setdefault(marked[name][1], []).append(name)
    found = [by_number.get(marked[name][1], []) if name in marked else [] for name in latents]
    if not any(found):
        return ()
    if any(len(names) != 1 for names in found) or len({marked[names[0]][0] for names in found}) != 1:
        raise UsageError(
            f"{path} has columns {_few(wide)} beside the latents {_few(latents)}; give one variance for each latent, all in "
            "the same form (var_0, logvar_0 or std_0 and so on), or none."
        )
    return tuple(names[0] for names in found)


def read_code_columns(
    path: Path,
    factors: Sequence[str] = (),
    latents: Sequence[str] = (),
    *,
    continuous: Sequence[str] = (),
    grouped: Sequence[str] = (),
    most: int = MOST_MEMORY,
) -> CodeArrays:
    """Codes and factors of a table, whose columns are found by `roles`; they may take so many bytes.

    Raises `UsageError` for columns and values that do not fit, `CorruptFile` for a file that is no such table and
    `DataUnavailable` where the package that reads it is not installed.
    """
    kinds = column_kinds(path)
    found = roles(list(kinds), {name for name, kind in kinds.items() if kind != "number"}, path, factors, latents)
    columns = read_classes(path, found.factors, each="row", most=most)
    rows = len(next(iter(columns.values())).codes)
    require_memory(8 * rows * len((*found.factors, *found.latents, *found.spreads)), most, path)
    kept, names, sizes = factors_of(list(columns.values()), path, continuous, grouped)
    classes = {name: columns[name] for name, size in zip(names, sizes, strict=True) if size}
    if not found.named:
        _require_classes({name: column for name, column in classes.items() if name not in grouped}, found.latents)
    spread = None
    if found.spreads:
        place = numbered(found.spreads[0])
        spread = SPREADS[place[0]] if place else None
    return CodeArrays(
        codes=finite(read_numbers(path, found.latents, most=most), found.latents, str(path)),
        factors=kept,
        factor_names=names,
        latent_names=found.latents,
        factor_sizes=sizes,
        variance=variances(read_numbers(path, found.spreads, most=most), spread, found.spreads, str(path)) if spread else None,
        left_out=found.left_out,
        notes=cautions_of(classes.values()),
    )


def _require_classes(columns: dict[str, Column], latents: Sequence[str]) -> None:
    for name, column in columns.items():
        if len(column.distinct) == len(column.codes) > 1:
            others = ",".join(other for other in columns if other != name)
            named = ",".join([*latents, name]) if len(latents) < 12 else f"ALL,OF,THEM,{name}"
            raise UsageError(
                f"{column.where} has another value in every row, which is no class to score codes by. If it is a latent, name "
                f"all latents: --latents {named}; if it is a continuous factor, say so: --continuous {name}; if it is neither, "
                f"name the factors: --factors {others or 'a,b'}."
            )
