"""Malformed folders of images."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from malformed.case import Build, Case, built

NOISE = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)


def picture(width: int = 16, height: int = 16) -> Image.Image:
    return Image.fromarray(np.resize(NOISE, (height, width, 3)))


def folder(says: str, spoil: Callable[[Path], object], options: dict[str, object] | None = None) -> Build:
    """A folder with one sound image, a.png, and what `spoil` adds."""

    def build(place: Path) -> Case:
        picture().save(place / "a.png")
        spoil(place)
        return Case(f"folder:{place}", says, options or {})

    return build


def bytes_named(name: str, data: bytes, says: str = "is no sound image") -> Build:
    return folder(says, lambda place: (place / name).write_bytes(data))


def cut(ending: str, keep: float, says: str = "is no sound image") -> Build:
    def spoil(place: Path) -> None:
        path = place / f"b{ending}"
        picture().save(path)
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])

    return folder(says, spoil)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, pixels: bytes, kind: int = 2) -> bytes:
    """A PNG whose header may announce other pixels than it holds."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def flipped_png() -> bytes:
    data = bytearray(png(16, 16, bytes(16 * 49)))
    data[45] ^= 8  # within the compressed pixels, so that their sum is wrong
    return bytes(data)


def loop(place: Path) -> None:
    (place / "sub").mkdir()
    (place / "sub" / "back").symlink_to(place)


def link_to_itself(place: Path) -> None:
    (place / "b.png").symlink_to(place / "b.png")


def animated(name: str) -> Callable[[Path], None]:
    return lambda place: picture().save(place / name, save_all=True, append_images=[picture().rotate(90)])


def alone(says: str, make: Callable[[Path], Path]) -> Build:
    return lambda place: Case(f"folder:{make(place)}", says)


def only_text(place: Path) -> Path:
    (place / "readme.txt").write_text("no images here")
    return place


def only_hidden(place: Path) -> Path:
    picture().save(place / ".a.png")
    return place


def a_file(place: Path) -> Path:
    picture().save(place / "a.png")
    return place / "a.png"


def table(text: str, says: str) -> Build:
    """Two images and a table beside them."""

    def build(place: Path) -> Case:
        (place / "images" / "sub").mkdir(parents=True)
        picture().save(place / "images" / "a.png")
        picture().save(place / "images" / "sub" / "b.png")
        (place / "t.csv").write_text(text)
        return Case(f"folder:{place / 'images'}", says, {"table": str(place / "t.csv")})

    return build


def turned(place: Path) -> None:
    """Sides of 16 x 12, one of the two to be turned upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    (place / "a.png").unlink()
    picture(16, 12).save(place / "a.jpg")
    picture(16, 12).save(place / "b.jpg", exif=exif)


BUILDERS: dict[str, Build] = {
    "missing": alone("does not exist", lambda place: place / "none"),
    "a file": alone("is not a folder", a_file),
    "empty": alone("holds no images", lambda place: place),
    "no images": alone("holds no images", only_text),
    "hidden images alone": alone("holds no images", only_hidden),
    "loop of links": folder("leads back", loop),
    "link to itself": folder("symbolic links", link_to_itself),
    "link that leads nowhere": folder("No such file", lambda place: (place / "b.png").symlink_to(place / "none")),
    "pipe": folder("is not a file", lambda place: os.mkfifo(place / "b.png")),
    "no bytes": bytes_named("b.png", b""),
    "text named png": bytes_named("b.png", b"this is text"),
    "zeros named jpg": bytes_named("b.jpg", bytes(1000)),
    "postscript named png": bytes_named("b.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 16 16\nshowpage\n"),
    "cut png": cut(".png", 0.6),
    "cut jpg": cut(".jpg", 0.7),
    "cut bmp": cut(".bmp", 0.5),
    "cut webp": cut(".webp", 0.5),
    "cut tif": cut(".tif", 0.5),
    "png header alone": bytes_named("b.png", png(16, 16, b"")[:33]),
    "png with too few pixels": bytes_named("b.png", png(16, 16, bytes(100))),
    "png with a flipped bit": bytes_named("b.png", flipped_png()),
    "png of no width": bytes_named("b.png", png(0, 16, b"")),
    "png bomb": bytes_named("b.png", png(60_000, 60_000, bytes(100)), ""),
    "png of unknown colors": bytes_named("b.png", png(16, 16, bytes(16 * 49), kind=7)),
    "mixed sizes": folder("--size", lambda place: picture(20, 12).save(place / "b.png")),
    "mixed after turning": folder("--size", turned),
    "animated webp": folder("holds 2 images", animated("b.webp")),
    "animated png": folder("holds 2 images", animated("b.png")),
    "pages of a tif": folder("holds 2 images", animated("b.tif")),
    "32 bits": folder("kind I", lambda place: Image.fromarray(np.full((16, 16), 70_000, np.int32)).save(place / "b.tif")),
    "floats": folder("kind F", lambda place: Image.fromarray(np.zeros((16, 16), np.float32)).save(place / "b.tif")),
    "another color space": folder("kind LAB", lambda place: Image.new("LAB", (16, 16)).save(place / "b.tif")),
    "size 0": folder("--size", lambda place: None, {"size": 0}),
    "two channels": folder("--channels", lambda place: None, {"channels": 2}),
    "unknown fit": folder("crop, squash, pad", lambda place: None, {"fit": "stretch"}),
    "columns without a table": folder("--table", lambda place: None, {"label": "class"}),
    "table names another file": table("file,x\na.png,1\nsub/c.png,2\n", "no image is 'sub/c.png'"),
    "table names a file twice": table("file,x\na.png,1\na.png,2\n", "more than one row is of 'a.png'"),
    "table lacks a row": table("file,x\na.png,1\n", "no row is of"),
    "table lacks a file": table("file,x\na.png,1\n,2\n", "'sub/b.png'"),
}


def cases(folder: Path) -> dict[str, Case]:
    """All of them, written below a folder."""
    return built(BUILDERS, folder)
