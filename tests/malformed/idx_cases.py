"""Malformed IDX files of MNIST, in the cache."""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Callable
from pathlib import Path

from malformed.corpus import Build, Place, Wrong
from unbraid.data.sets import mnist

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
COMMAND = ("train", "vae", "mnist", "--device", "cpu")


def sound(name: str) -> bytes:
    """The content of a file that the tests draw."""
    return gzip.decompress((Path(mnist.FILES.system_folder or "") / f"{name}.gz").read_bytes())


def spoilt(name: str, spoil: Callable[[bytes], bytes], *says: str, gz: bool = True) -> Build:
    """The bytes of the file as they lie on the disk."""

    def build(place: Place) -> Wrong:
        path = place.cache / "mnist" / (f"{name}.gz" if gz else name)
        path.parent.mkdir(parents=True)
        path.write_bytes(spoil(sound(name)))
        return Wrong(COMMAND, (str(path), "Remove it", *says), 1)

    return build


def header(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)


def flip(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 16]) + data[place + 1 :]


def zipped(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda data: gzip.compress(change(data), 1, mtime=0)


def after(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda data: change(gzip.compress(data, 1, mtime=0))


def bomb(data: bytes) -> bytes:
    return gzip.compress(data + bytes(300 << 20), 1)


def cache_is_a_file(place: Place) -> Wrong:
    path = place.folder / "file"
    path.write_text("mine")
    place.patch.setenv("UNBRAID_CACHE", str(path))
    return Wrong(("train", "vae", "dsprites", "--device", "cpu"), (str(path), "UNBRAID_CACHE"), 1)


def cache_is_a_loop(place: Place) -> Wrong:
    path = place.folder / "loop"
    path.symlink_to(path)
    place.patch.setenv("UNBRAID_CACHE", str(path))
    return Wrong(("train", "vae", "dsprites", "--device", "cpu"), (str(path), "UNBRAID_CACHE"), 1)


def pipe_of_dsprites(place: Place) -> Wrong:
    path = place.folder / "d.npz"
    os.mkfifo(path)
    return Wrong(("train", "vae", "dsprites", "--file", path, "--device", "cpu"), (str(path), "is not a file"), 2)


HUGE = 2**32 - 1
BUILDERS: dict[str, Build] = {
    "empty": spoilt(IMAGES, lambda data: b"", "is empty"),
    "raw and empty": spoilt(LABELS, lambda data: b"", "is empty", gz=False),
    "text": spoilt(IMAGES, lambda data: b"<html>not found</html>", "starts with bytes 3c 68"),
    "images truncated": spoilt(IMAGES, zipped(lambda data: data[:-1]), "truncated"),
    "labels truncated": spoilt(LABELS, zipped(lambda data: data[:-1]), "truncated"),
    "raw and truncated": spoilt(IMAGES, lambda data: data[:1000], "truncated", gz=False),
    "header truncated": spoilt(IMAGES, zipped(lambda data: data[:9]), "ends after 9 bytes"),
    "gzip truncated": spoilt(IMAGES, after(lambda data: data[:5000]), "ends too early"),
    "gzip without trailer": spoilt(IMAGES, after(lambda data: data[:-8]), "ends too early"),
    "gzip with half a trailer": spoilt(IMAGES, after(lambda data: data[:-4]), "ends too early"),
    "gzip with a flipped bit": spoilt(IMAGES, after(lambda data: flip(data, 4000)), "no valid gzip file"),
    "gzip with a flipped sum": spoilt(IMAGES, after(lambda data: flip(data, -8)), "no valid gzip file"),
    "gzip of an unknown method": spoilt(IMAGES, after(lambda data: data[:2] + b"\7" + data[3:]), "no valid gzip file"),
    "gzip with junk behind": spoilt(IMAGES, after(lambda data: data + b"junk"), "no valid gzip file"),
    "a pixel flipped": spoilt(IMAGES, zipped(lambda data: flip(data, 500)), "not the expected ones", "SHA-256"),
    "a label flipped": spoilt(LABELS, zipped(lambda data: flip(data, 50)), "not the expected ones", "SHA-256"),
    "wrong magic": spoilt(IMAGES, zipped(lambda data: header(2052) + data[4:]), "2051"),
    "floats": spoilt(IMAGES, zipped(lambda data: header(0x0D03) + data[4:]), "2051"),
    "little-endian": spoilt(IMAGES, zipped(lambda data: struct.pack("<I", 2051) + data[4:]), "2051"),
    "labels for images": spoilt(IMAGES, zipped(lambda data: sound(LABELS)), "2051"),
    "images for labels": spoilt(LABELS, zipped(lambda data: sound(IMAGES)), "2049"),
    "no images": spoilt(IMAGES, zipped(lambda data: header(2051, 0, 28, 28)), "at least 1"),
    "no rows": spoilt(IMAGES, zipped(lambda data: header(2051, 600, 0, 28)), "at least 1"),
    "no labels": spoilt(LABELS, zipped(lambda data: header(2049, 0)), "at least 1"),
    "terabytes announced": spoilt(IMAGES, zipped(lambda data: header(2051, HUGE, HUGE, HUGE) + b"x"), "truncated"),
    "raw with terabytes announced": spoilt(IMAGES, lambda data: header(2051, HUGE, HUGE, HUGE), "truncated", gz=False),
    "labels announced": spoilt(LABELS, zipped(lambda data: header(2049, HUGE) + b"x"), "truncated"),
    "trailing bytes": spoilt(IMAGES, zipped(lambda data: data + b"x"), "holds more"),
    "gzip bomb": spoilt(IMAGES, bomb, "holds more"),
    "dSprites in a pipe": pipe_of_dsprites,
    "cache is a file": cache_is_a_file,
    "cache is a loop of links": cache_is_a_loop,
}
