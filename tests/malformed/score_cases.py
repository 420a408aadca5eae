"""Malformed files of codes and encoders, met by `unbraid evaluate --codes`, `--encoder` and `unbraid audit`."""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from helpers.tiny import TINY
from malformed.codes_cases import pickled
from malformed.corpus import Build, Place, Wrong
from malformed.npz_cases import describe, header, npy

CODES = np.random.default_rng(0).normal(size=(30, 3))
FACTORS = np.stack([np.arange(30) % 3, np.arange(30) % 5], axis=1)
SOUND: dict[str, Any] = {"mean": CODES, "variance": np.ones((30, 3)), "factors": FACTORS, "factor_names": np.array(["a", "b"])}
TABLE = "z0,z1,shape,x\n0.5,1,ball,1\n-1,2,cube,2\n0.25,3,ball,1\n"
COMMANDS = ("evaluate", "audit")


def scored(command: str, path: Path, *more: object) -> tuple[object, ...]:
    return ("audit", path, *more) if command == "audit" else ("evaluate", "--codes", path, *more)


def npz(*says: str, code: int = 2, more: tuple[object, ...] = (), **changes: Any) -> Build:
    """Arrays, changed: functions are applied, None leaves one out."""

    def build(place: Place) -> Wrong:
        arrays = {**SOUND, **{name: change for name, change in changes.items() if not callable(change)}}
        arrays |= {name: change(SOUND[name]) for name, change in changes.items() if callable(change)}
        path = place.folder / "c.npz"
        np.savez(path, allow_pickle=True, **{name: array for name, array in arrays.items() if array is not None})
        command = COMMANDS[sum(map(ord, "".join(says))) % 2]  # the two read alike; each meets half of the cases
        return Wrong(scored(command, path, *more), (str(path) if code != 2 else "", *says), code)

    return build


def member(data: bytes, *says: str, code: int = 1, repeat: int = 0) -> Build:
    """An archive whose means are of other bytes, followed by so many mebibytes of zeros."""

    def build(place: Place) -> Wrong:
        path = place.folder / "c.npz"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("factors.npy", npy(FACTORS))
            with archive.open("mean.npy", "w") as stream:
                stream.write(data)
                for _ in range(repeat):
                    stream.write(bytes(1 << 20))
        return Wrong(scored("evaluate", path), (str(path), *says), code)

    return build


def file(name: str, data: bytes, *says: str, code: int = 1, more: tuple[object, ...] = ()) -> Build:
    """A file of the given bytes."""

    def build(place: Place) -> Wrong:
        (place.folder / name).write_bytes(data)
        return Wrong(scored("audit", place.folder / name, *more), (name, *says), code)

    return build


def table(text: str, *says: str, more: tuple[object, ...] = (), code: int = 2) -> Build:
    def build(place: Place) -> Wrong:
        path = place.folder / "c.csv"
        path.write_text(text)
        return Wrong(scored("evaluate", path, *more), (str(path) if "--" not in says[0] else "", *says), code)

    return build


def changed(old: str, new: str, *says: str, **more: Any) -> Build:
    return table(TABLE.replace(old, new), *says, **more)


def sound_npz(place: Place) -> Path:
    path = place.folder / "c.npz"
    np.savez(path, **SOUND)
    return path


def truncated(keep: float) -> Build:
    def build(place: Place) -> Wrong:
        path = sound_npz(place)
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
        return Wrong(scored("evaluate", path), (str(path), "not a sound .npz file", "Save it again"), 1)

    return build


def asked(*tokens: object, says: tuple[str, ...], code: int = 2, command: str = "evaluate") -> Build:
    """A wrong request about a sound file."""
    return lambda place: Wrong(scored(command, sound_npz(place), *tokens), says, code)


def with_scores(command: str, ending: str) -> Build:
    def build(place: Place) -> Wrong:
        path = sound_npz(place)
        path.with_name(f"c.{ending}").write_text("mine")
        return Wrong(scored(command, path), (f"c.{ending}", "already", "--overwrite"), 2)

    return build


def out_is(kind: str, *says: str) -> Build:
    def build(place: Place) -> Wrong:
        path = sound_npz(place)
        (place.folder / "folder").mkdir()
        target = {"folder": place.folder / "folder", "codes": path}[kind]
        return Wrong(scored("audit", path, "--out", target, "--overwrite"), ("--out", *says), 2)

    return build


def run_without(name: str) -> Build:
    def build(place: Place) -> Wrong:
        run = place.run()
        (run / name).unlink()
        return Wrong(("audit", run), (str(run), name, "unbraid evaluate"), 2)

    return build


def damaged_run(place: Place) -> Wrong:
    run = place.run()
    (run / "codes.npz").write_bytes((run / "codes.npz").read_bytes()[:900])
    return Wrong(("audit", run), ("codes.npz", "unbraid evaluate RUN"), 1)


def onnx(*says: str, code: int = 2, data: str = TINY, damage: Callable[[bytes], bytes] | None = None, **made: Any) -> Build:
    """An encoder and a data set that do not go together, or an encoder that is none."""

    def build(place: Place) -> Wrong:
        from helpers.onnx_models import encoder

        path = encoder(place.folder / "e.onnx", **made)
        if damage is not None:
            path.write_bytes(damage(path.read_bytes()))
        return Wrong(("evaluate", "--encoder", path, "--data", data, "--metrics", "mig"), says, code)

    return build


def bytes_onnx(data: bytes, *says: str) -> Build:
    def build(place: Place) -> Wrong:
        (place.folder / "e.onnx").write_bytes(data)
        return Wrong(("evaluate", "--encoder", place.folder / "e.onnx", "--data", TINY), ("e.onnx", *says), 1)

    return build


def without_factors(place: Place) -> Wrong:
    from helpers.onnx_models import encoder

    np.savez(place.folder / "x.npz", images=np.zeros((6, 32, 32), np.uint8))
    path = encoder(place.folder / "e.onnx")
    return Wrong(("evaluate", "--encoder", path, "--data", f"npz:{place.folder / 'x.npz'}"), ("has no factors",), 2)


def spoilt(value: float, row: int = 17, column: int = 2) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array = array.astype(np.float64)
        array[row, column] = value
        return array

    return change


def parquet(columns: Callable[[], dict[str, object]], *says: str, code: int, more: tuple[object, ...] = ()) -> Build:
    """A table of these columns."""

    def build(place: Place) -> Wrong:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table(columns()), place.folder / "c.parquet", row_group_size=1 << 20)
        return Wrong(scored("evaluate", place.folder / "c.parquet", *more), ("c.parquet", *says), code)

    return build


def many_rows(n: int) -> Callable[[], dict[str, object]]:
    def columns() -> dict[str, object]:
        import pyarrow as pa

        zeros = pa.array(np.zeros(n, np.int8))
        return {"z0": zeros, "z1": zeros, "shape": zeros}

    return columns


def not_utf8() -> dict[str, object]:
    import pyarrow as pa

    raw = pa.array([b"ball", b"b\xe4ll"] * 3)
    return {"z0": np.arange(6.0), "shape": pa.Array.from_buffers(pa.string(), 6, raw.buffers())}


def a_pipe(name: str) -> Build:
    def build(place: Place) -> Wrong:
        os.mkfifo(place.folder / name)
        return Wrong(scored("evaluate", place.folder / name), ("There is no file", name), 2)

    return build


def wide(columns: int) -> str:
    names = ["shape", *(f"z{i}" for i in range(columns - 1))]
    return "\n".join([",".join(names), *[",".join(["1"] * columns)] * 5])


BUILDERS: dict[str, Build] = {
    "parquet bomb of rows": parquet(many_rows(60_000_000), "more than 10,000,000 rows", code=2),
    "more than may be taken": parquet(many_rows(50_000), "--max-memory", code=2, more=("--max-memory", 0.001)),
    "npz of more than may be taken": asked("--max-memory", 1e-6, says=("take", "GB or more", "--max-memory")),
    "no memory allowed": asked("--max-memory", 0, says=("--max-memory", "above 0")),
    "parquet with a text that is not UTF-8": parquet(not_utf8, "not UTF-8", code=1),
    "40,000 columns": table(wide(40_000), "40,000 columns; allowed: 10,000"),
    "csv that is a pipe": a_pipe("c.csv"),
    "npz that is a pipe": a_pipe("c.npz"),
    "codes alone": file("c.npy", npy(CODES), "holds codes alone", "numpy.savez", code=2),
    "npz truncated": truncated(0.6),
    "npz truncated at the end": truncated(0.97),
    "npz empty": file("c.npz", b"", "not a sound .npz file"),
    "npz of text": file("c.npz", b"no zip" * 90, "not a sound .npz file"),
    "npz of a bare array": file("c.npz", npy(CODES), "not a sound .npz file"),
    "npz pickled": member(pickled(np.zeros(3)), "pickled", code=2),
    "npz of objects": npz("pickled", mean=lambda found: found.astype(object)),
    "npz with factors as objects": npz("pickled", factors=lambda found: found.astype(object)),
    "npz with a huge header": member(header("", b"\x02\x00", 0xFFFFFFFF), "announces"),
    "npz with petabytes announced": member(header(describe((1 << 40, 64), "<f8")), "announces"),
    "npz with a bomb": member(header(describe((30, 3), "<f8")), "announces", repeat=100),
    "npz without codes": npz("holds no codes", "`codes` or `mean`", mean=None),
    "npz with codes twice": npz("say the same in two ways", codes=CODES),
    "npz with variances twice": npz("say the same in two ways", logvar=np.zeros((30, 3))),
    "npz without factors": npz("holds no factors", factors=None, factor_names=None),
    "npz with no columns of factors": npz("(30, 0)", factors=np.zeros((30, 0), int), factor_names=None),
    "npz with flat factors": npz("shape (30,)", "(30, number of factors)", factors=np.arange(30), factor_names=None),
    "npz with flat codes": npz("shape (90,)", mean=lambda found: found.reshape(-1)),
    "npz with no rows": npz("(0, 3)", mean=lambda found: found[:0]),
    "npz with NaN": npz("z2 is nan in row 17, column 2", mean=spoilt(np.nan)),
    "npz with inf": npz("z2 is -inf in row 17, column 2", mean=spoilt(-np.inf)),
    "npz with texts as codes": npz("<U", "give numbers", mean=lambda found: found.astype(str)),
    "npz with complex codes": npz("complex", mean=lambda found: found.astype(complex)),
    "npz of another length": npz("(29, 3)", "one row per sample", mean=lambda found: found[:29], variance=None),
    "npz transposed": npz("transposed", mean=lambda found: found.T, variance=None),
    "npz with transposed factors": npz("transposed", factors=lambda found: found.T),
    "npz with a variance 0": npz("z2 is 0 in row 17", "above 0", variance=spoilt(0.0)),
    "npz with a variance below 0": npz("z2 is -1 in row 17", "above 0", variance=spoilt(-1.0)),
    "npz with a variance NaN": npz("z2 is nan in row 17", variance=spoilt(np.nan)),
    "npz with a variance of another shape": npz("(30, 2)", "(30, 3)", variance=lambda found: found[:, :2]),
    "npz with an endless log-variance": npz("a variance of inf", variance=None, logvar=np.full((30, 3), 800.0)),
    "npz with a log-variance of 0 spread": npz("a variance of 0", variance=None, logvar=np.full((30, 3), -800.0)),
    "npz with a deviation below 0": npz("z0 is -2 in row 0", variance=None, std=np.full((30, 3), -2.0)),
    "npz with too few names": npz("give 2 texts", factor_names=np.array(["a"])),
    "npz with one name twice": npz("a name of its own", factor_names=np.array(["a", "a"])),
    "npz with numbers as names": npz("give 2 texts", factor_names=np.array([1, 2])),
    "npz with NaN among factors": npz("the value of row 3 is nan", factors=spoilt(np.nan, 3, 0)),
    "npz with complex factors": npz("complex", factors=lambda found: found.astype(complex)),
    "npz with a factor of too many values": npz("2,000 distinct values", mean=np.zeros((2000, 3)), variance=None,
        factors=np.arange(4000).reshape(2000, 2)),
    "npz with other untrained codes": npz("(29, 3)", "one row per sample", untrained=CODES[:29]),
    "npz with untrained codes of NaN": npz("z1 is nan in row 0", untrained=np.where([0, 1, 0], np.nan, CODES)),
    "npz with columns named": asked("--latents", "z0", says=("--latents", "columns of a table")),
    "npz without the factor asked for": asked("--factors", "shap", says=("Unknown factor 'shap'",)),
    "table truncated": changed("ball,1\n-1", "ball\n-1", "line 2: 3 cells", code=1),
    "table empty": table("", "is empty", code=1),
    "table of a header": table("z0,x\n", "no rows"),
    "table with columns twice": changed("z1", "z0", "name of its own"),
    "table with NaN": changed("-1,2", "nan,2", "z0 is nan in row 1, column 0"),
    "table with an empty cell": changed("-1,2", ",2", "z0 is nan in row 1, column 0"),
    "table with inf": changed("-1,2", "-1,inf", "z1 is inf in row 1, column 1"),
    "table with texts as latents": changed("0.5,1", "wide,1", "'wide' in row 0"),
    "table with texts as named latents": changed("x", "x", "'ball' in row 0", more=("--latents", "shape", "--factors", "x")),
    "table without latents": table("a,b\n1,2\n3,2\n", "Which columns", "--latents"),
    "table without factors": table("z0,z1\n1,2\n3,2\n", "no column of factors"),
    "table with a number of the row": table("row,z0,x\n0,1,2\n1,3,2\n", "another value in every row", "--factors x"),
    "table with a missing class": changed("cube", "", "the value of row 1 is missing"),
    "table without a variance": table("z0,z1,var_0,x\n1,2,1,0\n2,3,1,0\n", "one variance for each latent"),
    "table with two variances": table("z0,var_0,std_0,x\n1,2,1,0\n2,3,1,0\n", "one variance for each latent"),
    "table with a variance below 0": table("z0,var_0,x\n1,2,0\n2,-3,0\n", "var_0 is -3 in row 1", "above 0"),
    "table with two kinds of latents": table("z0,mean_0,x\n1,2,0\n2,3,0\n", "twice", "--latents"),
    "table without the column asked for": changed("", "", "Did you mean 'shape'", more=("--factors", "shap")),
    "table with a column named twice": changed("", "", "--factors", "once", more=("--factors", "x", "--latents", "x")),
    "table of parquet that is text": file("c.parquet", TABLE.encode(), "no sound parquet"),
    "table of parquet with a huge footer": file("c.parquet", b"PAR1" + bytes(99) + struct.pack("<I", 1 << 30) + b"PAR1",
        "no sound parquet"),
    "another ending": file("c.mat", b"MATLAB", "'.mat'", ".npz", code=2),
    "nothing": lambda place: Wrong(scored("audit", place.folder / "none.npz"), ("There is no file", "none.npz"), 2),
    "an empty path": lambda place: Wrong(("evaluate", "--codes="), ("There is no file",), 2),
    "codes and encoder": asked("--encoder", "e.onnx", says=("--codes", "--encoder", "give one")),
    "a folder that is no run": lambda place: Wrong(("audit", place.folder), ("holds no codes.npz",), 2),
    "a run without codes": run_without("codes.npz"),
    "a run whose codes are truncated": damaged_run,
    "scores are there": with_scores("evaluate", "scores.json"),
    "an audit is there": with_scores("audit", "audit.json"),
    "out is a folder": out_is("folder", "is a folder"),
    "out is the file of codes": out_is("codes", "is what is scored"),
    "intervals of one half": asked("--intervals", "1", says=("intervals is 1",)),
    "intervals below 0": asked("--intervals=-2", says=("--intervals", "at least 0")),
    "a seed below 0": asked("--seed=-1", says=("--seed", "at least 0"), command="audit"),
    "a metric that is not": asked("--metrics", "mgi", says=("Did you mean 'mig'",), command="audit"),
    "encoder missing": lambda place: Wrong(("evaluate", "--encoder", "e.onnx", "--data", TINY), ("There is no file",), 2),
    "encoder without data": lambda place: Wrong(("evaluate", "--encoder", "e.onnx"), ("--data",), 2),
    "encoder of text": bytes_onnx(b"no model" * 50, "Export it again"),
    "encoder empty": bytes_onnx(b"", "no ONNX model"),
    "encoder truncated": onnx("no ONNX model", code=1, damage=lambda data: data[: len(data) // 2]),
    "encoder with a bit flipped": onnx("no ONNX model", code=1, damage=lambda data: data.replace(b"MatMul", b"MatMvl")),
    "encoder of larger images": onnx("1 x 64 x 64", "1 x 32 x 32", shape=("n", 1, 64, 64)),
    "encoder of color": onnx("3 x 32 x 32", shape=("n", 3, 32, 32)),
    "encoder of flat images": onnx("one input of float32 images", shape=("n", 1024)),
    "encoder of bytes": onnx("tensor(uint8)", "float32", kind=2),
    "encoder of an open size that fits not": onnx("cannot encode images of 1 x 32 x 32", shape=("n", "c", "h", "w")),
    "encoder of NaN": onnx("'mean' is nan for image 0, latent 0", spoil="nan"),
    "encoder whose outputs are turned": onnx("output 'mean' has shape (3, 240)", "one row per image", spoil="transposed"),
    "encoder whose outputs are sums": onnx("output 'mean' is float32 of shape ()", spoil="summed"),
    "encoder with variances twice": onnx("say the same in two ways", outputs=("mean", "std", "logvar")),
    "encoder with a variance below 0": onnx("above 0", outputs=("mean", "variance")),
    "encoder of data that are none": onnx("Did you mean", data="dsprite"),
    "encoder of data without factors": without_factors,
}  # fmt: skip
