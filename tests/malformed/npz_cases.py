"""Malformed .npz files."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np

from malformed.case import Build, Case, built

GOOD = np.arange(6 * 8 * 8, dtype=np.uint8).reshape(6, 8, 8)


def npy(array: np.ndarray) -> bytes:
    """An array as numpy.save writes it."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def header(text: str, version: bytes = b"\x01\x00", length: int | None = None) -> bytes:
    """The header of an array, whose announced length may be a lie."""
    announced = len(text) if length is None else length
    return b"\x93NUMPY" + version + struct.pack("<H" if version[:1] == b"\x01" else "<I", announced) + text.encode("latin-1")


def describe(shape: object, descr: str = "|u1") -> str:
    return repr({"descr": descr, "fortran_order": False, "shape": shape}) + "\n"


def archive(place: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    path = place / "x.npz"
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def arrays(says: str, options: dict[str, object] | None = None, **members: np.ndarray) -> Build:
    """A sound file of arrays that are no data set."""

    def build(place: Path) -> Case:
        np.savez(place / "x.npz", allow_pickle=True, **members)
        return Case(f"npz:{place / 'x.npz'}", says, options or {})

    return build


def raw(says: str, data: bytes) -> Build:
    """A file of the given bytes."""

    def build(place: Path) -> Case:
        (place / "x.npz").write_bytes(data)
        return Case(f"npz:{place / 'x.npz'}", says)

    return build


def member(says: str, data: bytes, compression: int = zipfile.ZIP_STORED) -> Build:
    """A sound archive whose only member is of the given bytes."""
    return lambda place: Case(f"npz:{archive(place, {'images.npy': data}, compression)}", says)


def truncated(keep: float) -> Build:
    def build(place: Path) -> Case:
        path = archive(place, {"images.npy": npy(GOOD)})
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
        return Case(f"npz:{path}", "not a sound .npz file")

    return build


def flipped(compression: int) -> Build:
    """A bit of the pixels is another one than when the sum was taken."""

    def build(place: Path) -> Case:
        path = archive(place, {"images.npy": npy(np.random.default_rng(0).integers(0, 255, (6, 8, 8), np.uint8))}, compression)
        data = bytearray(path.read_bytes())
        data[300] ^= 16
        path.write_bytes(data)
        return Case(f"npz:{path}", "not a sound .npz file")

    return build


def lying_directory(place: Path) -> Case:
    """The directory of the archive announces four gigabytes, and the header of the array the same."""
    most = 0xFFFFFFFE
    n = most - len(header(describe((most, 1, 1))))
    path = archive(place, {"images.npy": header(describe((n, 1, 1)))}, zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    where = data.rindex(b"PK\x01\x02")
    data[where + 24 : where + 28] = struct.pack("<I", 0xFFFFFFFE)
    path.write_bytes(data)
    return Case(f"npz:{path}", "announces")


def encrypted(place: Path) -> Case:
    path = archive(place, {"images.npy": npy(GOOD)})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.rindex(signature) + offset] |= 1
    path.write_bytes(data)
    return Case(f"npz:{path}", "encrypted")


def bomb(place: Path) -> Case:
    """Far more zeros than the file has bytes, behind the header of six small images."""
    path = place / "x.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, file.open("images.npy", "w") as stream:
        stream.write(npy(GOOD))
        for _ in range(96):
            stream.write(bytes(1 << 20))
    return Case(f"npz:{path}", "but the file holds")


def many_members(place: Path) -> Case:
    return Case(f"npz:{archive(place, {f'a{i}.npy': b'' for i in range(1001)})}", "1001 arrays")


def twice(place: Path) -> Case:
    path = place / "x.npz"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("images.npy", npy(GOOD))
        file.writestr("images.npz", b"")
    data = path.read_bytes().replace(b"images.npz", b"images.npy")
    path.write_bytes(data)
    return Case(f"npz:{path}", "name of its own")


def missing(place: Path) -> Case:
    return Case(f"npz:{place / 'none.npz'}", "There is no file")


def a_folder(place: Path) -> Case:
    return Case(f"npz:{place}", "is not a file")


def spoilt(value: float) -> np.ndarray:
    images = GOOD / 255
    images[4, 1, 2] = value
    return images


class _Bomb:
    def __reduce__(self):
        return (exec, ("raise SystemExit('unpickled')",))


OBJECTS = np.array([_Bomb()], dtype=object)

BUILDERS: dict[str, Build] = {
    "missing": missing,
    "a folder": a_folder,
    "empty": raw("not a sound .npz file", b""),
    "one byte": raw("not a sound .npz file", b"P"),
    "text": raw("not a sound .npz file", b"these are no images\n" * 20),
    "a bare array": raw("not a sound .npz file", npy(GOOD)),
    "truncated in the middle": truncated(0.5),
    "truncated at the end": truncated(0.97),
    "bit flipped": flipped(zipfile.ZIP_STORED),
    "bit flipped and compressed": flipped(zipfile.ZIP_DEFLATED),
    "no arrays": lambda place: Case(f"npz:{archive(place, {'readme.txt': b'x'})}", "holds 0 arrays"),
    "too many arrays": many_members,
    "one name twice": twice,
    "encrypted": encrypted,
    "compressed by another rule": member("compressed in a way", npy(GOOD), zipfile.ZIP_BZIP2),
    "bomb": bomb,
    "member is empty": member("does not begin like", b""),
    "wrong magic": member("does not begin like", b"\x93NUMPZ" + npy(GOOD)[6:]),
    "unknown version": member("not NumPy's", header(describe((6, 8, 8)), b"\x09\x00") + bytes(384)),
    "huge header": member("announces a header of 4,294,967,295 bytes", header("", b"\x02\x00", 0xFFFFFFFF)),
    "long header": member("announces a header of", header(" " * 60_000)),
    "header is no dictionary": member("not NumPy's", header("[1, 2]\n")),
    "header nested deeply": member("not NumPy's", header("(" * 9_000 + "\n")),
    "header is code": member("not NumPy's", header("__import__('os').abort()\n")),
    "header with unknown dtype": member("not NumPy's", header(describe((6, 8, 8), "|q9")) + bytes(384)),
    "huge shape": member("announces", header(describe((1 << 40, 64, 64))) + bytes(384)),
    "shape that overflows": member("announces", header(describe((1 << 62, 1 << 62, 8))) + bytes(384)),
    "negative shape": member("announces shape", header(describe((-6, 8, 8))) + bytes(384)),
    "directory that lies": lying_directory,
    "fewer bytes than announced": member("announces", npy(GOOD)[:-5]),
    "more bytes than announced": member("announces", npy(GOOD) + b"12345"),
    "pickled images": arrays("pickled Python objects", images=OBJECTS),
    "pickled labels": arrays("pickled Python objects", images=GOOD, labels=OBJECTS),
    "complex": arrays("real numbers", images=GOOD * 1j),
    "texts": arrays("real numbers", images=GOOD.astype(str)),
    "dates": arrays("real numbers", images=GOOD.astype("M8[s]")),
    "records": arrays("real numbers", images=np.zeros((6, 8, 8), [("r", "u1"), ("g", "u1")])),
    "NaN": arrays("first in image 4", images=spoilt(np.nan)),
    "inf": arrays("first in image 4", images=spoilt(np.inf)),
    "out of range": arrays("--scale 255", images=GOOD.astype(np.float32)),
    "negative": arrays("--scale minmax", images=GOOD / 255 - 0.5),
    "whole numbers without scale": arrays("which value is white", images=GOOD.astype(np.int64)),
    "whole numbers above the scale": arrays("with 0 as black and 1 as white", {"scale": "1"}, images=GOOD.astype(np.int64)),
    "one value and minmax": arrays("cannot be mapped", {"scale": "minmax"}, images=np.full((6, 8, 8), 3.0)),
    "no images": arrays("no axis of length 0", images=GOOD[:0]),
    "flat": arrays("give (n, height, width)", images=GOOD.reshape(6, 64)),
    "five axes": arrays("give (n, height, width)", images=GOOD[None, None]),
    "channels last": arrays("--channels-last", images=np.stack([GOOD] * 3, -1)),
    "two channels": arrays("allowed: 1 or 3", images=np.stack([GOOD] * 2, 1)),
    "too large": arrays("up to 4096", images=np.zeros((2, 1, 5000), np.uint8)),
    "several arrays": arrays("Give --key", a=GOOD, b=GOOD),
    "no array of images": arrays("Give --key", labels=np.arange(6)),
    "unknown key": arrays("no array 'pictures'", {"key": "pictures"}, images=GOOD),
    "labels of another length": arrays("(5,)", images=GOOD, labels=np.arange(5)),
    "factors of another length": arrays("(5, 2)", images=GOOD, factors=np.zeros((5, 2), int)),
    "flat factors": arrays("(6,)", images=GOOD, factors=np.arange(6)),
    "NaN among factors": arrays("the value of image 2 is nan", images=GOOD, factors=np.array([0, 1, np.nan, 0, 1, 2])[:, None]),
    "factor names of another length": arrays(
        "give 2 texts", images=GOOD, factors=np.zeros((6, 2), int), factor_names=np.array(["a"])
    ),
    "factor names twice": arrays(
        "names must differ", images=GOOD, factors=np.zeros((6, 2), int), factor_names=np.array(["a", "a"])
    ),
    "RGBA": arrays("leave out the fourth channel", images=np.stack([GOOD] * 4, -1)),
    "black above white": arrays("the smaller one first", {"scale": "255,0"}, images=GOOD),
    "labels of three axes": arrays("(6, 2, 2)", images=GOOD, labels=np.zeros((6, 2, 2), int)),
    "columns without a table": arrays("--table", {"factors": "a"}, images=GOOD),
    "flipped with factors": arrays(
        "horizontal flips", {"horizontal_flip": True}, images=GOOD, factors=np.arange(12).reshape(6, 2)
    ),
}


def cases(folder: Path) -> dict[str, Case]:
    """All of them, written below a folder."""
    return built(BUILDERS, folder)
