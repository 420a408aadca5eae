"""Codes and factors in an .npz file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from unbraid.data.codes.arrays import CodeArrays, factors_of, finite, variances
from unbraid.data.codes.latent_names import MEANS, SPREADS, plain
from unbraid.data.files.columns import Column, cautions_of, column_of
from unbraid.data.files.npz_members import Member, Members, open_npz
from unbraid.data.files.table_file import MOST_MEMORY, require_memory
from unbraid.errors import UnknownName, UsageError

FACTORS, NAMES, SIZES, UNTRAINED = "factors", "factor_names", "factor_sizes", "untrained"


def read_code_npz(
    path: Path,
    factors: Sequence[str] = (),
    *,
    continuous: Sequence[str] = (),
    grouped: Sequence[str] = (),
    most: int = MOST_MEMORY,
) -> CodeArrays:
    """Arrays `codes` or `mean`, `factors`; and, if present, `variance` or `logvar`, names and `untrained`.

    Args:
        factors: names of the factors to take; all by default.
        continuous: names of those that are continuous; in the codes of a run also those whose `factor_sizes` are 0.
        grouped: names of those that are not, whatever their values.
        most: bytes that the arrays may take.

    Raises `UsageError` for arrays that do not fit and `CorruptFile` for a file that is damaged; never unpickles.
    """
    with open_npz(path) as members:
        means = _one_of([name for name in members.every if plain(name) in {*MEANS, "codes"}], members, path)
        if means is None:
            raise UsageError(
                f"{path} holds no codes: give an array `codes` or `mean`, one row per sample. It holds {_held(members)}."
            )
        names = _numbered(means)
        _require_rows(members, means, path)
        spread = _one_of([name for name in members.every if plain(name) in SPREADS], members, path)
        if spread is not None and spread[1].shape != means[1].shape:
            raise UsageError(f"The array {spread[1].where} has shape {spread[1].shape}, and the codes have {means[1].shape}.")
        used = [
            means[1],
            members[FACTORS],
            *([spread[1]] if spread else []),
            *([members[UNTRAINED]] if UNTRAINED in members else []),
        ]
        require_memory(sum(8 * math.prod(member.shape) for member in used), most, path)
        untrained = (UNTRAINED, members[UNTRAINED]) if UNTRAINED in members else None
        columns = _columns(members, path, factors)
        lines = list(dict.fromkeys([*continuous, *_told_continuous(members, columns)]))
        chosen, factor_names, sizes = factors_of(columns, path, lines, grouped)
        return CodeArrays(
            codes=finite(means[1].read(), names, means[1].where),
            factors=chosen,
            factor_names=factor_names,
            latent_names=names,
            factor_sizes=sizes,
            variance=None if spread is None else variances(spread[1].read(), SPREADS[plain(spread[0])], names, spread[1].where),
            untrained=None if untrained is None else finite(untrained[1].read(), _numbered(untrained), untrained[1].where),
            notes=cautions_of(column for column, size in zip(columns, sizes, strict=True) if size),
        )


def _told_continuous(members: Members, columns: Sequence[Column]) -> list[str]:
    """Factors of size 0 in a file that a run wrote, which are continuous."""
    if SIZES not in members or NAMES not in members:
        return []
    sizes, names = members[SIZES].read(), _names(members, members[FACTORS].shape[1])
    if sizes.shape != (len(names),):
        return []
    taken = [column.name for column in columns]
    return [name for name, size in zip(names, sizes.tolist(), strict=True) if size == 0 and name in taken]


def _held(members: Mapping[str, Member]) -> str:
    return ", ".join(f"{name} {member.dtype} {member.shape}" for name, member in members.items())


def _one_of(names: Sequence[str], members: Members, path: Path) -> tuple[str, Member] | None:
    if len(names) > 1:
        raise UsageError(f"{path} holds {' and '.join(names)}, which say the same in two ways; leave all but one out.")
    return (names[0], members[names[0]]) if names else None


def _numbered(found: tuple[str, Member]) -> tuple[str, ...]:
    """Names of the latents; raises `UsageError` for an array that is no table of real numbers."""
    member = found[1]
    if len(member.shape) != 2 or 0 in member.shape or member.dtype.kind not in "buif":
        raise UsageError(
            f"The array {member.where} is {member.dtype} of shape {member.shape}; give numbers (samples, latents), one or more "
            "of each."
        )
    return tuple(f"z{j}" for j in range(member.shape[1]))


def _require_rows(members: Members, means: tuple[str, Member], path: Path) -> None:
    """Raise `UsageError` unless there are factors and all arrays have a row for each sample."""
    if FACTORS not in members:
        raise UsageError(
            f"{path} holds no factors, and scores compare codes with factors: add an array `factors` (samples, factors). "
            f"It holds {_held(members)}."
        )
    n, shape = means[1].shape[0], members[FACTORS].shape
    if len(shape) != 2 or not shape[1]:
        raise UsageError(f"The factors {members[FACTORS].where} have shape {shape}; give ({n}, number of factors).")
    for name in (FACTORS, UNTRAINED):
        if name in members and members[name].shape[:1] != (n,):
            other = members[name].shape
            turned = other[-1:] == (n,) or means[1].shape[1:] == other[:1]
            raise UsageError(
                f"{path} holds {means[0]} of shape {means[1].shape} and {name} of shape {other}; each needs one row per sample."
                + (" One of them looks transposed." if turned else "")
            )


def _columns(members: Members, path: Path, wanted: Sequence[str]) -> list[Column]:
    where, values = members[FACTORS].where, members[FACTORS].read()
    names = _names(members, values.shape[1])
    for name in wanted:
        if name not in names:
            raise UnknownName("factor", name, names, where=str(path))
    kept = [k for k, name in enumerate(names) if name in wanted or not wanted]
    return [column_of(names[k], _own_kind(values[:, k]), f"Factor {names[k]!r}, {where}", "row") for k in kept]


def _own_kind(column: Shaped[np.ndarray, "n"]) -> Shaped[np.ndarray, "n"]:
    """Numbers if all texts are numbers, since an array of both turns numbers into texts."""
    if column.dtype.kind not in "US":
        return column
    try:
        return column.astype(np.float64)
    except ValueError:
        return column


def _names(members: Members, k: int) -> list[str]:
    if NAMES not in members:
        return [f"factor_{i}" for i in range(k)]
    where, given = members[NAMES].where, members[NAMES].read()
    if given.shape != (k,) or given.dtype.kind not in "US":
        raise UsageError(f"{where} are {given.dtype} of shape {given.shape}; give {k} texts, one per factor.")
    texts = [str(name) for name in (np.char.decode(given, "latin-1") if given.dtype.kind == "S" else given)]
    if len(set(texts)) != k or not all(texts):
        raise UsageError(f"{where} are {', '.join(map(repr, texts))}; each factor needs a name of its own.")
    return texts
