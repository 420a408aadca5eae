"""Published data sets in miniature, in the formats of the real files: what is read and tested is the code that users run."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from unbraid.data.registry import datasets

Files = dict[str, bytes]

_NAMES = (
    "5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair Blond_Hair Blurry "
    "Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male "
    "Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks Sideburns "
    "Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace Wearing_Necktie Young"
)
ATTRIBUTES = _NAMES.split()


@dataclass(frozen=True)
class StandIn:
    """A data set in miniature.

    Args:
        make: its files by name, as they are published.
        n: images.
        color: whether they have three channels unless told otherwise.
        spoiled: further files that must be refused, by what is wrong with them; each is (file, content, words of the message).
        patch: what is changed in the loader, for layouts that it knows by the number of images.
    """

    make: Callable[[], Files]
    n: int
    color: bool = True
    spoiled: Callable[[Files], dict[str, tuple[str, bytes, str]]] = field(default=lambda files: {})
    patch: Callable[[pytest.MonkeyPatch], None] = field(default=lambda patch: None)


def write(files: Files, folder: Path) -> Path:
    """The files in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def publish(name: str, files: Files, url: str, patch: pytest.MonkeyPatch) -> None:
    """Make a server the place where a data set is published, with the checksums and sizes of these files."""
    published = datasets[name].details["published"]
    changed = []
    for remote in published.files:
        content = files[remote.name]
        kind = remote.digest.partition(":")[0]  # a file without a published checksum goes without one here too
        digest = f"{kind}:{hashlib.new(kind, content).hexdigest()}" if kind else ""
        size = None if remote.size is None else len(content)
        changed.append(replace(remote, urls=(f"{url}/{remote.name}",) if remote.urls else (), digest=digest, size=size))
    patch.setattr(published, "files", tuple(changed))


def pattern(row: int, height: int, width: int, channels: int = 3) -> np.ndarray:
    """An image that tells its number: noise of its own."""
    return np.random.default_rng(row).integers(0, 256, (height, width, channels), np.uint8)


def encoded(pixels: np.ndarray, kind: str) -> bytes:
    made = io.BytesIO()
    Image.fromarray(pixels).save(made, kind, **({"quality": 92} if kind == "JPEG" else {}))
    return made.getvalue()


def zipped(files: Files) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def face(row: int, has: dict[str, bool]) -> Image.Image:
    """A drawn face of 178 x 218 pixels, with some of the attributes."""
    rng = np.random.default_rng(row)
    skin = (250, 225, 205) if has["Pale_Skin"] else tuple(rng.choice([(224, 172, 140), (198, 134, 94), (141, 85, 54)]).tolist())
    hair = (230, 200, 110) if has["Blond_Hair"] else (35, 25, 20) if has["Black_Hair"] else (110, 70, 40)
    image = Image.new("RGB", (178, 218), tuple(rng.integers(60, 220, 3).tolist()))
    draw = ImageDraw.Draw(image)
    x, y = 89 + int(rng.integers(-8, 9)), 118 + int(rng.integers(-8, 9))
    wide = 48 if has["Chubby"] else 40
    if not has["Bald"]:
        long = 20 if has["Male"] else 70
        draw.ellipse((x - wide - 12, y - 78, x + wide + 12, y + long), hair)
    draw.ellipse((x - wide, y - 58, x + wide, y + 62), skin)
    if has["Bangs"] and not has["Bald"]:
        draw.pieslice((x - wide, y - 62, x + wide, y + 20), 200, 340, hair)
    for side in (-1, 1):
        ex = x + side * 17
        draw.ellipse((ex - 8, y - 15, ex + 8, y - (8 if has["Narrow_Eyes"] else 4)), "white")
        draw.ellipse((ex - 4, y - 14, ex + 4, y - 6), (40, 40, 60))
        draw.line((ex - 10, y - 23, ex + 10, y - 24), hair, 4 if has["Bushy_Eyebrows"] else 2)
        if has["Eyeglasses"]:
            draw.ellipse((ex - 14, y - 22, ex + 14, y + 4), outline=(20, 20, 20), width=3)
    draw.polygon([(x, y - 6), (x - 6, y + 16), (x + 6, y + 16)], tuple(int(0.85 * c) for c in skin))
    lips = (190, 30, 50) if has["Wearing_Lipstick"] else (150, 80, 70)
    if has["Smiling"]:
        draw.chord((x - 20, y + 12, x + 20, y + 44), 10, 170, lips)
    else:
        draw.line((x - 16, y + 36, x + 16, y + 36), lips, 5)
    if has["Wearing_Hat"]:
        draw.rectangle((x - wide - 14, y - 74, x + wide + 14, y - 50), tuple(rng.integers(0, 200, 3).tolist()))
    return image


def celeba_files(n: int = 40) -> Files:
    """Drawn faces as JPEG in a zip archive, and the two lists as published."""
    rng = np.random.default_rng(0)
    has = rng.random((n, 40)) < 0.35
    images = {
        f"img_align_celeba/{row + 1:06d}.jpg": encoded(
            np.asarray(face(row, dict(zip(ATTRIBUTES, has[row], strict=True)))), "JPEG"
        )
        for row in range(n)
    }
    lines = [f"{row + 1:06d}.jpg " + " ".join(f"{1 if one else -1:2d}" for one in has[row]) for row in range(n)]
    attributes = "\n".join([str(n), " ".join(ATTRIBUTES) + " ", *lines]) + "\n"
    split = "".join(f"{row + 1:06d}.jpg {0 if row < 0.8 * n else 1 if row < 0.9 * n else 2}\n" for row in range(n))
    return {
        "img_align_celeba.zip": zipped({"img_align_celeba/": b""} | images),
        "list_attr_celeba.txt": attributes.encode(),
        "list_eval_partition.txt": split.encode(),
    }


def spoiled_celeba(files: Files) -> dict[str, tuple[str, bytes, str]]:
    attributes, split = files["list_attr_celeba.txt"], files["list_eval_partition.txt"]
    image = "img_align_celeba/000001.jpg"
    return {
        "a cut image": ("img_align_celeba.zip", zipped({image: encoded(pattern(0, 218, 178), "JPEG")[:900]}), "no sound image"),
        "text for an image": ("img_align_celeba.zip", zipped({image: b"no image"}), "no sound image"),
        "an image twice": ("img_align_celeba.zip", zipped({image: b"", "000001.jpg": b""}), "are the same image"),
        "another archive": (
            "img_align_celeba.zip",
            zipped({"../../evil.jpg": b"x", "/etc/passwd": b"x"}),
            "holds no file whose",
        ),
        "a bomb": ("img_align_celeba.zip", zipped({image: bytes(65 << 20)}), "announces 68,157,440 bytes"),
        "an image without a line": ("img_align_celeba.zip", zipped({"000999.jpg": b""}), "no line for 000999.jpg"),
        "a line too short": ("list_attr_celeba.txt", attributes.replace(b" -1\n", b"\n", 1), "40 attributes"),
        "another value": ("list_attr_celeba.txt", attributes.replace(b"-1", b"-7", 1), "1 or -1"),
        "no names": ("list_attr_celeba.txt", b"1\n", "names of attributes"),
        "no text": ("list_attr_celeba.txt", b"\xff\xfe\x00" * 9, "no text"),
        "another split": ("list_eval_partition.txt", split.replace(b" 1\n", b" 7\n", 1), "0, 1 or 2"),
    }


def shapes3d_files(sizes: tuple[int, ...] = (2, 2, 2, 2, 2, 3)) -> Files:
    """Noise in an HDF5 file with chunks, as published."""
    values = [
        np.linspace(-30, 30, k) if i == 5 else np.arange(4.0)[:k] if i == 4 else np.linspace(0, 1, k)
        for i, k in enumerate(sizes)
    ]
    labels = np.array(list(product(*values)))
    return {"3dshapes.h5": hdf5({"images": np.stack([pattern(row, 64, 64) for row in range(len(labels))]), "labels": labels})}


def hdf5(arrays: dict[str, np.ndarray]) -> bytes:
    import h5py

    made = io.BytesIO()
    with h5py.File(made, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, chunks=(min(10, len(array)), *array.shape[1:]), compression="gzip")
    return made.getvalue()


def announcing(rows: int) -> bytes:
    """An HDF5 file that announces many images and holds none."""
    import h5py

    made = io.BytesIO()
    with h5py.File(made, "w") as file:
        file.create_dataset("images", (rows, 64, 64, 3), np.uint8, chunks=(1, 64, 64, 3))
        file.create_dataset("labels", (rows, 6), np.float64, chunks=(1, 6))
    return made.getvalue()


def spoiled_shapes3d(files: Files) -> dict[str, tuple[str, bytes, str]]:
    labels = np.array(list(product([0.0, 1.0], repeat=6)))
    images = np.zeros((64, 64, 64, 3), np.uint8)
    return {
        "floats": ("3dshapes.h5", hdf5({"images": images.astype(np.float32), "labels": labels}), "expected bytes"),
        "another size": ("3dshapes.h5", hdf5({"images": images[:, :32], "labels": labels}), "expected (n, 64, 64, 3)"),
        "no labels": ("3dshapes.h5", hdf5({"images": images}), "labels"),
        "fewer labels": ("3dshapes.h5", hdf5({"images": images, "labels": labels[:32]}), "as many"),
        "no grid": ("3dshapes.h5", hdf5({"images": images, "labels": labels[::-1]}), "no full grid"),
        "a bomb": ("3dshapes.h5", announcing(100_000_000), "announces"),
    }


STAND_INS = {
    "celeba": StandIn(celeba_files, 40, spoiled=spoiled_celeba),
    "shapes3d": StandIn(shapes3d_files, 96, spoiled=spoiled_shapes3d),
}
