"""Codes of any encoder, read from a file of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from unbraid.data.codes.annotated import is_annotated, read_code_annotated
from unbraid.data.codes.arrays import CodeArrays
from unbraid.data.codes.columns import read_code_columns
from unbraid.data.codes.npz import read_code_npz
from unbraid.data.files.table_file import ENDINGS, MOST_MEMORY
from unbraid.errors import UsageError

KINDS = f".npz, {', '.join(ENDINGS[:-1])}, .h5ad or .zarr"
"""Endings of files of codes."""


def read_codes(
    path: Path,
    factors: Sequence[str] = (),
    latents: Sequence[str] = (),
    *,
    continuous: Sequence[str] = (),
    grouped: Sequence[str] = (),
    most: int = MOST_MEMORY,
) -> CodeArrays:
    """Codes and factors of an .npz file, a table, or annotated data.

    They are read by `read_code_npz`, `read_code_columns` and `read_code_annotated`.

    Args:
        factors: names of the factors to take.
        latents: names of the columns of a table that are latents, or the entry of annotated data.
        continuous: names of factors that are continuous, whose numbers stay as they are. Of others columns of
            fractions of which hardly any occurs twice are.
        grouped: names of factors that are not continuous, whatever their values.
        most: bytes that codes, variances and factors may take together, 8 per number.

    Raises `UsageError` for a path and values that do not fit, `CorruptFile` for a damaged file and `DataUnavailable` where the
    package that reads it is not installed.
    """
    if is_annotated(path):
        return read_code_annotated(path, factors, latents, continuous=continuous, grouped=grouped, most=most)
    if not path.is_file():
        raise UsageError(f"There is no file {path}; give codes as {KINDS}.")
    if path.suffix.lower() in ENDINGS:
        return read_code_columns(path, factors, latents, continuous=continuous, grouped=grouped, most=most)
    if path.suffix.lower() == ".npy":
        raise UsageError(
            f"{path} holds codes alone, and scores compare codes with factors. Save both: numpy.savez('codes.npz', "
            "codes=codes, factors=factors)."
        )
    if path.suffix.lower() != ".npz":
        raise UsageError(f"{path} ends in {path.suffix.lower()!r}; give codes as {KINDS}.")
    if latents:
        raise UsageError(f"--latents names columns of a table, and {path} is an .npz file: its latents are `codes` or `mean`.")
    return read_code_npz(path, factors, continuous=continuous, grouped=grouped, most=most)
