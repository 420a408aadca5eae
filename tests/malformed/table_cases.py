"""Malformed tables of factors and labels, beside six sound images."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from malformed.case import Build, Case, built
from malformed.npz_cases import GOOD

SOUND = b"x,shape,label\n0,ball,a\n1,cube,b\n2,ball,a\n0,ball,b\n1,cube,a\n2,cube,b\n"


def table(says: str, data: bytes, name: str = "t.csv", **options: object) -> Build:
    """A table of the given bytes."""

    def build(place: Path) -> Case:
        np.savez(place / "x.npz", images=GOOD)
        (place / name).write_bytes(data)
        return Case(f"npz:{place / 'x.npz'}", says, {"table": str(place / name), **options})

    return build


def parquet(says: str, columns: Callable[[], dict[str, object]], spoil: Callable[[bytes], bytes] = bytes) -> Build:
    """A parquet file of columns, spoilt afterwards."""

    def build(place: Path) -> Case:
        import pyarrow as pa
        import pyarrow.parquet as pq

        np.savez(place / "x.npz", images=GOOD)
        pq.write_table(pa.table(columns()), place / "t.parquet")
        (place / "t.parquet").write_bytes(spoil((place / "t.parquet").read_bytes()))
        return Case(f"npz:{place / 'x.npz'}", says, {"table": str(place / "t.parquet")})

    return build


def missing(place: Path) -> Case:
    np.savez(place / "x.npz", images=GOOD)
    return Case(f"npz:{place / 'x.npz'}", "There is no table", {"table": str(place / "none.csv")})


def footer_of_zeros(data: bytes) -> bytes:
    return data[:-80] + bytes(72) + data[-8:]


def footer_length(data: bytes) -> bytes:
    return data[:-8] + struct.pack("<I", 0x7FFFFFFF) + data[-4:]


def not_utf8() -> dict[str, object]:
    import pyarrow as pa

    raw = pa.array([b"ball", b"b\xe4ll", b"cube"] * 2)
    return {"shape": pa.Array.from_buffers(pa.string(), 6, raw.buffers())}


def spoilt_name(data: bytes) -> bytes:
    return data.replace(b"shapes", b"sh\xe4pes")


def zeros(n: int) -> object:
    import pyarrow as pa

    return pa.array(np.zeros(n, np.int8))


def wide(columns: int) -> bytes:
    rows = [[f"c{i}" for i in range(columns)], *[["1"] * columns] * 6]
    return "\n".join(",".join(row) for row in rows).encode()


def pipe(place: Path) -> Case:
    np.savez(place / "x.npz", images=GOOD)
    os.mkfifo(place / "t.csv")
    return Case(f"npz:{place / 'x.npz'}", "There is no table", {"table": str(place / "t.csv")})


def device(place: Path) -> Case:
    np.savez(place / "x.npz", images=GOOD)
    (place / "t.csv").symlink_to("/dev/zero")
    return Case(f"npz:{place / 'x.npz'}", "There is no table", {"table": str(place / "t.csv")})


BUILDERS: dict[str, Build] = {
    "missing": missing,
    "unknown ending": table("'.xlsx'", SOUND, "t.xlsx"),
    "empty": table("is empty", b""),
    "header alone": table("has no rows", b"x,y\n"),
    "row too few": table("5 rows", SOUND[: SOUND.rindex(b"2,cube")]),
    "row too many": table("7 rows", SOUND + b"0,ball,a\n"),
    "cell too few": table("line 3: 2 cells", SOUND.replace(b"1,cube,b", b"1,cube")),
    "cell too many": table("line 3: 4 cells", SOUND.replace(b"1,cube,b", b"1,cube,b,")),
    "semicolons": table("2 rows", b"x;y\n1;2\n2;3\n"),
    "empty cell": table("the value of image 1 is missing", SOUND.replace(b"1,cube,b", b",cube,b")),
    "NA": table("the value of image 4 is missing", SOUND.replace(b"1,cube,a", b"NA,cube,a")),
    "NaN": table("the value of image 0 is missing", SOUND.replace(b"0,ball,a", b"nan,ball,a")),
    "inf": table("the value of image 0 is inf", SOUND.replace(b"0,ball,a", b"inf,ball,a")),
    "missing label": table("the value of image 5 is missing", SOUND.replace(b"2,cube,b", b"2,cube,")),
    "one name twice": table("name of its own", SOUND.replace(b"shape", b"x", 1)),
    "column without a name": table("name of its own", SOUND.replace(b"shape", b"", 1)),
    "not UTF-8": table("not UTF-8", SOUND.replace(b"ball", b"b\xe4ll")),
    "UTF-16": table("not UTF-8", SOUND.decode().encode("utf-16")),
    "quote that never ends": table("no sound table", SOUND.replace(b"2,cube,b", b'2,"cube,b')),
    "endless line": table("a line of more than", b"x," + b"1" * 3_000_000),
    "endless cell": table("no sound table", b"x\n" + b"1" * 200_000 + b"\n"),
    "bytes": table("", bytes(range(256)) * 10),
    "unknown factor": table("Did you mean 'shape'", SOUND, factors="shap"),
    "unknown label": table("Unknown column", SOUND, label="kind"),
    "factor named twice": table("once", SOUND, factors="x,x"),
    "label among factors": table("once", SOUND, factors="x,label"),
    "no column left": table("no column of factors", b"file\n" + b"a.png\n" * 6),
    "too many values": table("", b"x\n" + b"".join(b"%d.5\n" % i for i in range(2000))),
    "parquet that is text": table("no sound parquet", SOUND, "t.parquet"),
    "parquet empty": table("no sound parquet", b"", "t.parquet"),
    "parquet truncated": parquet("no sound parquet", lambda: {"x": [0, 1, 2, 0, 1, 2]}, lambda data: data[: len(data) // 2]),
    "parquet with a footer of zeros": parquet("Write it again", lambda: {"x": [0, 1, 2, 0, 1, 2]}, footer_of_zeros),
    "parquet with a huge footer": parquet("no sound parquet", lambda: {"x": [0, 1, 2, 0, 1, 2]}, footer_length),
    "parquet with many rows": parquet("but there are 6 images", lambda: {"x": np.zeros(1_000_000, np.int64)}),
    "parquet with nulls": parquet("the value of image 2 is missing", lambda: {"x": [0, 1, None, 0, 1, 2]}),
    "parquet with lists": parquet("holds list", lambda: {"x": [[0], [1], [2], [0], [1], [2]]}),
    "parquet with dates": parquet("holds timestamp", lambda: {"x": np.zeros(6, "M8[ns]")}),
    "parquet with a text that is not UTF-8": parquet("not UTF-8", not_utf8),
    "parquet with a name that is not UTF-8": parquet("Write it again", lambda: {"shapes": list("abcabc")}, spoilt_name),
    "parquet bomb of rows": parquet("has more than 10,000,000 rows", lambda: {"x": zeros(60_000_000)}),
    "40,000 columns": table("40,000 columns; allowed: 10,000", wide(40_000)),
    "a pipe": pipe,
    "a device": device,
    "spaces with a cell too few": table("line 3: 1 cells", b"x shape\n0 ball\n1\n", "t.txt"),
    "parquet with NaN": parquet("the value of image 1 is nan", lambda: {"x": [0.5, float("nan"), 1, 0, 1, 2]}),
}


def cases(folder: Path) -> dict[str, Case]:
    """All of them, written below a folder."""
    return built(BUILDERS, folder)
