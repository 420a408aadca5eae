"""Published data sets in miniature, in the formats of the real files: what is read and tested is the code that users run."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
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
    published = datasets[name].details["origin"]
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


def npz(**arrays: np.ndarray) -> bytes:
    made = io.BytesIO()
    np.savez_compressed(made, **arrays)
    return made.getvalue()


def mpi3d_files(variant: str) -> Files:
    """72 images in an .npz file; their number says what the factors are."""
    return {f"mpi3d_{variant}.npz": npz(images=np.stack([pattern(row, 64, 64) for row in range(72)]))}


def few_of_mpi3d(patch: pytest.MonkeyPatch) -> None:
    from unbraid.data.sets import mpi3d

    patch.setitem(mpi3d.LAYOUTS, 72, (2, 1, 2, 3, 3, 1, 2))


def spoiled_mpi3d(files: Files) -> dict[str, tuple[str, bytes, str]]:
    (file,) = files
    images = np.zeros((72, 64, 64, 3), np.uint8)
    return {
        "another number": (file, npz(images=images[:71]), "71 images, expected"),
        "floats": (file, npz(images=images / 255), "of bytes"),
        "another name": (file, npz(pictures=images), "it holds pictures"),
        "pickled": (file, npz(images=np.array([{}] * 72, dtype=object)), "no images"),
    }


def matlab(**arrays: np.ndarray) -> bytes:
    from scipy.io import savemat

    made = io.BytesIO()
    savemat(made, arrays, do_compression=True)
    return made.getvalue()


def tarred(files: Files, mode: str = "w:gz", links: tuple[str, ...] = ()) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(info)
    return made.getvalue()


def car(number: int, elevation: int, azimuth: int) -> np.ndarray:
    """A flat image with a color of its own, for a car seen from a side."""
    return np.full((128, 128, 3), (40 * number, 10 * azimuth, 60 * elevation), np.uint8)


def cars3d_files(cars: tuple[int, ...] = (2, 1)) -> Files:
    """MATLAB files (row, column, color, azimuth, elevation) in a gzipped tar archive, among other files, in any order."""
    held = {"data/cars/list.txt": b"car_001_mesh\ncar_002_mesh\n", "data/shapes48.mat": b"something else"}
    for number in cars:
        views = np.stack([np.stack([car(number, e, a) for e in range(4)], -1) for a in range(24)], 3)
        held[f"data/cars/car_{number:03d}_mesh.mat"] = matlab(im=views, mask=np.zeros((2, 2), np.uint8))
    return {"nips2015-analogy-data.tar.gz": tarred(held, links=("data/cars/car_009_mesh.mat", "../../evil"))}


def spoiled_cars3d(files: Files) -> dict[str, tuple[str, bytes, str]]:
    (file,) = files
    name = "data/cars/car_001_mesh.mat"
    views = np.zeros((16, 16, 3, 24, 4), np.uint8)
    sound = matlab(im=views)
    return {
        "no cars": (file, tarred({"../../evil.mat": b"x", "data/list.txt": b""}), "0 files of cars"),
        "another shape": (file, tarred({name: matlab(im=views[:, :, :, :5])}), "expected uint8"),
        "floats": (file, tarred({name: matlab(im=views / 255)}), "expected uint8"),
        "a cut car": (file, tarred({name: sound[: len(sound) // 2]}), "car_001"),
        "text": (file, tarred({name: b"no matlab"}), "car_001"),
        "a car twice": (file, tarred({name: sound, "cars/car_001_mesh.mat": sound}), "2 files of cars with 1 names"),
        "a bomb": (file, tarred({name: bytes(65 << 20)}), "announces 68,157,440 bytes"),
    }


def matrix(array: np.ndarray) -> bytes:
    """A binary matrix, as the home page of NORB describes it."""
    mark = {"uint8": 0x1E3D4C55, "int32": 0x1E3D4C54, "float32": 0x1E3D4C51}[array.dtype.name]
    lengths = [*array.shape, *[1] * (3 - array.ndim)]
    return struct.pack(f"<II{len(lengths)}i", mark, array.ndim, *lengths) + array.tobytes()


def toy(category: int, instance: int, elevation: int, azimuth: int, lighting: int, camera: int) -> np.ndarray:
    """A flat image with a brightness of its own."""
    return np.full((96, 96), 8 + 120 * category + 14 * instance + 9 * elevation + azimuth + 4 * lighting - camera, np.uint8)


SMALLNORB_PARTS = ("smallnorb-5x46789x9x18x6x2x96x96-training", "smallnorb-5x01235x9x18x6x2x96x96-testing")


def smallnorb_files() -> Files:
    """Two categories, four instances of which each part has two, two of all else; in any order."""
    files = {}
    for part, instances in zip(SMALLNORB_PARTS, ((4, 6), (0, 1)), strict=True):
        rows = np.array(list(product((0, 1), instances, (0, 1), (0, 2), (0, 1))), np.int32)
        rows = rows[np.random.default_rng(len(files)).permutation(len(rows))]
        images = np.stack([np.stack([toy(*map(int, row), camera) for camera in (0, 1)]) for row in rows])
        for what, array in (
            ("dat", images),
            ("cat", np.ascontiguousarray(rows[:, 0])),
            ("info", np.ascontiguousarray(rows[:, 1:])),
        ):
            files[f"{part}-{what}.mat.gz"] = gzip.compress(matrix(array))
    return files


def spoiled_smallnorb(files: Files) -> dict[str, tuple[str, bytes, str]]:
    images, categories, info = (f"{SMALLNORB_PARTS[0]}-{what}.mat.gz" for what in ("dat", "cat", "info"))
    rows = np.frombuffer(gzip.decompress(files[info])[20:], np.int32).reshape(-1, 4)
    huge = struct.pack("<II4i", 0x1E3D4C55, 4, 2_000_000_000, 2, 96, 96)
    return {
        "another type": (images, gzip.compress(matrix(np.zeros((32, 2, 96, 96), np.float32))), "expected bytes"),
        "another size": (images, gzip.compress(matrix(np.zeros((32, 2, 9, 9), np.uint8))), "expected bytes"),
        "fewer images": (images, gzip.compress(matrix(np.zeros((31, 2, 96, 96), np.uint8))), "63 pairs of images"),
        "a bomb": (images, gzip.compress(huge), "pairs of images"),
        "no mark": (images, gzip.compress(bytes(4000)), "does not begin like a binary matrix"),
        "more than announced": (info, gzip.compress(matrix(rows) + b"more"), "goes on after"),
        "fewer rows": (info, gzip.compress(matrix(rows[:-1].copy())), "rows of info"),
        "no grid": (info, gzip.compress(matrix(np.zeros_like(rows))), "no full grid"),
        "a category too many": (categories, gzip.compress(matrix(np.full(32, 9, np.int32))), "out of range"),
        "floats": (categories, gzip.compress(matrix(np.zeros(32, np.float32))), "expected whole numbers"),
    }


def chair(model: int, elevation: int, azimuth: int) -> np.ndarray:
    """An image with a color of its own around a middle with another."""
    made = np.full((600, 600, 3), (90 * model, elevation, azimuth % 256), np.uint8)
    made[100:500, 100:500] = np.random.default_rng(model * 1000 + azimuth + elevation).integers(0, 256, 3, np.uint8)
    return made


def chairs3d_files() -> Files:
    """Renderings in folders of their models, whose names say from where."""
    held = {"rendered_chairs/all_chair_names.mat": b"names"}
    for model, name in enumerate(("1028b32dc1873c2afe26a3ac360dbd4", "100b18376b885f206ae9ad7e32c4139d")):
        views = list(product((20, 30), (11, 220, 337)))
        for i, (elevation, azimuth) in enumerate(views):
            path = f"rendered_chairs/{name}/renders/image_{i:03d}_p{elevation:03d}_t{azimuth:03d}_r096.png"
            held[path] = encoded(chair(model, elevation, azimuth), "PNG")
    return {"rendered_chairs.tar": tarred(held, "w", links=("rendered_chairs/evil/renders/image_000_p020_t011_r096.png",))}


def spoiled_chairs3d(files: Files) -> dict[str, tuple[str, bytes, str]]:
    path = "rendered_chairs/abc/renders/image_{}_p020_t{}_r096.png"
    image = encoded(chair(0, 20, 11), "PNG")
    bomb = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    huge = image[:16] + bomb + struct.pack(">I", zlib.crc32(b"IHDR" + bomb)) + image[33:]
    return {
        "no chairs": ("rendered_chairs.tar", tarred({"../../evil.png": image}, "w"), "holds no file whose name fits"),
        "only a link": ("rendered_chairs.tar", tarred({}, "w", links=(path.format("000", "011"),)), "holds no file"),
        "no grid": (
            "rendered_chairs.tar",
            tarred({path.format(i, f"{i:03d}").replace("abc", f"m{i % 2}"): image for i in range(3)}, "w"),
            "expected one of each",
        ),
        "a cut image": ("rendered_chairs.tar", tarred({path.format("000", "011"): image[:60]}, "w"), "no sound image"),
        "a bomb": ("rendered_chairs.tar", tarred({path.format("000", "011"): huge}, "w"), ""),
        "a large member": ("rendered_chairs.tar", tarred({path.format("000", "011"): bytes(65 << 20)}, "w"), "68,157,440"),
    }


UKIYOE_COLUMNS = "ACNo.,画題等,役名.代.役者,版元1,判種,続方向,絵師,西暦,和暦,地域,劇場,filename"
_UKIYOE_TABLE = "arc_extracted_face_metadata.csv"


def ukiyoe_files() -> Files:
    """Faces as the tools extract them, two of each print, and a row of metadata for each but one."""
    painters, years = ("国周", "広貞", "－"), ("", "1851.0", "1849.0")
    files, rows = {}, [UKIYOE_COLUMNS]
    for i in range(24):
        name = f"{i // 2:08d}_{i % 2}.jpg"
        files[f"arc_extracted_face_images/{name}"] = encoded(
            np.asarray(face(i, dict.fromkeys(ATTRIBUTES, i % 3 == 0)).resize((256, 256))), "JPEG"
        )
        if i < 23:
            rows.append(
                f'arcUP{i // 2:04d},"a, title",役,版元,錦絵,横,{painters[i // 2 % 3]},{years[i // 2 % 3]},嘉永,大坂,中,{name}'
            )
    return files | {_UKIYOE_TABLE: ("\n".join(rows) + "\n").encode()}


def spoiled_ukiyoe(files: Files) -> dict[str, tuple[str, bytes, str]]:
    table = files[_UKIYOE_TABLE].decode()
    image = next(iter(files))
    return {
        "no painters": (_UKIYOE_TABLE, table.replace("絵師", "painter").encode(), "lacks the columns 絵師"),
        "other images": (_UKIYOE_TABLE, table.replace(".jpg", ".webp").encode(), "no row for any"),
        "a row that is cut": (_UKIYOE_TABLE, table[: len(table) - 40].encode(), "is cut"),
        "no text": (_UKIYOE_TABLE, b"\xff\xfe\x00" * 20, "no .csv file"),
        "a cut image": (image, files[image][:500], "no sound image"),
        "an empty image": (image, b"", "no sound image"),
    }


def sheet(number: int, layer: int) -> bytes:
    """A sheet of sprites with a block in each tile, transparent around it; colors tell layer and number."""
    pixels = np.zeros((1344, 832, 4), np.uint8)
    pixels[:, :, 0] = 255  # below what is transparent, and never seen
    for tile in range(20 * 6):
        y, x = 64 * (tile // 6) + 6 * layer, 64 * (tile % 6) + 8 + 4 * layer
        pixels[y : y + 20, x : x + 24] = (40 * layer + 10, 60 * number + 20, tile * 2, 129)
    return encoded(pixels, "PNG")


SPRITE_LAYERS = ("body", "shoes", "bottomwear", "topwear", "eyes", "hair")
_SPRITES = "Sprites-3ce4048c5227802bd8f1888e293fd3afdba91c0c"


def sprites_files() -> Files:
    """Two sheets of each kind, as GitHub packs the repository."""
    sheets = {f"{_SPRITES}/{kind}/{i}.png": sheet(i, layer) for layer, kind in enumerate(SPRITE_LAYERS) for i in range(2)}
    return {f"{_SPRITES}.zip": zipped({f"{_SPRITES}/README.md": b"text"} | sheets)}


def spoiled_sprites(files: Files) -> dict[str, tuple[str, bytes, str]]:
    (file,) = files
    one = sheet(0, 0)
    return {
        "no hair": (file, zipped({f"a/{kind}/0.png": one for kind in SPRITE_LAYERS[:-1]}), "no sheets of hair"),
        "another size": (file, zipped({"a/body/0.png": encoded(pattern(0, 64, 64), "PNG")}), "expected 832 x 1344"),
        "a cut sheet": (file, zipped({"a/body/0.png": one[:900]}), "no sound image"),
        "no sheets": (file, zipped({"../../evil.png": one}), "holds no file whose name fits"),
    }


STAND_INS = {
    "cars3d": StandIn(cars3d_files, 192, spoiled=spoiled_cars3d),
    "celeba": StandIn(celeba_files, 40, spoiled=spoiled_celeba),
    "chairs3d": StandIn(chairs3d_files, 12, color=False, spoiled=spoiled_chairs3d),
    "mpi3d": StandIn(partial(mpi3d_files, "real"), 72, spoiled=spoiled_mpi3d, patch=few_of_mpi3d),
    "mpi3d_realistic": StandIn(partial(mpi3d_files, "realistic"), 72, spoiled=spoiled_mpi3d, patch=few_of_mpi3d),
    "mpi3d_toy": StandIn(partial(mpi3d_files, "toy"), 72, spoiled=spoiled_mpi3d, patch=few_of_mpi3d),
    "shapes3d": StandIn(shapes3d_files, 96, spoiled=spoiled_shapes3d),
    "smallnorb": StandIn(smallnorb_files, 64, color=False, spoiled=spoiled_smallnorb),
    "sprites": StandIn(sprites_files, 64, spoiled=spoiled_sprites),
    "ukiyoe": StandIn(ukiyoe_files, 23, spoiled=spoiled_ukiyoe),
}
