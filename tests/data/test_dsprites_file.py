import hashlib
import io
import itertools
import os
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from unbraid.data.dataset import load_dataset
from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.files import dsprites_file as module
from unbraid.data.sets import dsprites as dsprites_module
from unbraid.errors import CorruptFile, DataUnavailable, UnbraidError


class Trap:
    """A pickle that makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def trap(tmp_path) -> Path:
    """The folder that a pickle would make; it is never there."""
    path = tmp_path / "the pickle was run"
    yield path
    assert not path.exists()


@pytest.fixture
def arrays(small_dsprites, trap) -> dict[str, np.ndarray]:
    """What the published file holds, for the small grid: three shapes, one scale, two orientations."""
    images = load_dataset("dsprites").images.bytes(np.arange(len(small_dsprites)))[:, 0] // 255
    codes = list(itertools.product(range(1), range(3), range(1), range(2), range(32), range(32)))
    return {
        "imgs": images,
        "latents_classes": np.array(codes, dtype=np.int64),
        "latents_values": np.zeros((len(codes), 6)),
        "metadata": np.array([Trap(trap)], dtype=object),
    }


def as_npz(path: Path, arrays) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def as_hdf5(path: Path, arrays, chunks=(700, 64, 64)) -> Path:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file.create_dataset("imgs", data=arrays["imgs"], chunks=chunks, compression="gzip", compression_opts=1)
        file.create_dataset("latents/classes", data=arrays["latents_classes"])
        file.create_dataset("latents/values", data=arrays["latents_values"])
    return path


def publish(path: Path, monkeypatch) -> Path:
    """Make this file the published one."""
    digest = hashlib.md5(path.read_bytes()).hexdigest()
    kind = "hdf5" if path.read_bytes().startswith(b"\x89HDF") else "npz"
    monkeypatch.setitem(module.MD5, kind, digest)
    return path


@pytest.fixture(params=["npz", "hdf5", "hdf5 in large chunks"])
def published(request, tmp_path, arrays, monkeypatch) -> Path:
    if request.param == "npz":
        return publish(as_npz(tmp_path / "file.npz", arrays), monkeypatch)
    chunks = (700, 64, 64) if request.param == "hdf5" else (3_000, 4, 64)
    return publish(as_hdf5(tmp_path / "file.h5", arrays, chunks), monkeypatch)


def test_its_images_are_those_that_are_drawn_in_the_same_order(small_dsprites, published):
    everything = np.arange(len(small_dsprites))
    drawn, read = load_dataset("dsprites"), load_dataset("dsprites", file=str(published))
    assert np.array_equal(read.images.bytes(everything), drawn.images.bytes(everything))
    assert np.array_equal(read.factors, drawn.factors)
    assert np.array_equal(read.test, drawn.test)
    assert len({image.tobytes() for image in read.images.bytes(everything)}) == len(small_dsprites)  # so a wrong order shows


def test_it_is_the_file_that_is_read(small_dsprites, arrays, tmp_path, monkeypatch):
    images = arrays["imgs"].copy()
    images[4_321, 10, 60] ^= 1
    path = publish(as_npz(tmp_path / "file.npz", arrays | {"imgs": images}), monkeypatch)
    drawn, read = load_dataset("dsprites"), load_dataset("dsprites", file=str(path))
    everything = np.arange(len(drawn))
    differ = np.argwhere(read.images.bytes(everything) != drawn.images.bytes(everything))
    assert differ.tolist() == [[4_321, 0, 10, 60]]


def test_it_is_packed_once_and_mapped_from_then_on(published, cache, heard):
    load_dataset("dsprites", file=str(published))
    (kept,) = cache.glob("dsprites-published-*")
    written = kept.stat().st_mtime_ns
    assert heard.titles == ["reading dSprites, once"]
    assert heard.reports[-1] == (6_144, 6_144)
    again = load_dataset("dsprites", file=str(published))
    assert isinstance(again.images._packed, np.memmap)
    assert kept.stat().st_mtime_ns == written
    assert len(heard.titles) == 1


def test_the_reduced_set_takes_its_images_from_the_file(tmp_path, monkeypatch):
    """A grid in which every image says its own number, in binary."""
    position = tuple(float(i) for i in range(32))
    turns = tuple(float(i) for i in range(30))
    space = FactorSpace(
        (
            Factor("shape", (1.0,)),
            Factor("scale", (1.0,)),
            Factor("orientation", turns),
            Factor("x", position),
            Factor("y", position),
        )
    )
    monkeypatch.setattr(dsprites_module, "dsprites_space", lambda: space)
    numbers = np.arange(len(space))
    images = np.zeros((len(space), 64, 64), np.uint8)
    images[:, 0, :16] = numbers[:, None] >> np.arange(16) & 1
    codes = np.array(list(itertools.product(range(1), range(1), range(1), range(30), range(32), range(32))))
    path = publish(as_npz(tmp_path / "file.npz", {"imgs": images, "latents_classes": codes}), monkeypatch)
    reduced = load_dataset("dsprites_reduced", file=str(path))
    tenth = [0, 3, 7, 10, 14, 17, 21, 24, 28, 31]
    expected = [turn * 1_024 + x * 32 + y for turn in (0, 10, 20, 29) for x in tenth for y in tenth]
    shown = reduced.images.floats(np.arange(len(reduced)))[:, 0, 0, :16] @ (1 << np.arange(16))
    assert shown.tolist() == expected


def test_a_header_that_python_2_wrote(arrays, tmp_path, monkeypatch):
    """NumPy warns of the long integers in it, which are no fault of the user's."""
    path = tmp_path / "file.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("imgs", "latents_classes"):
            buffer = io.BytesIO()
            np.save(buffer, arrays[name])
            content = buffer.getvalue().replace(b"(6144,", b"(6144L,", 1)
            content = content.replace(b" \n", b"\n", 1)  # as long as before
            archive.writestr(f"{name}.npy", content)
    read = load_dataset("dsprites", file=str(publish(path, monkeypatch)))
    assert np.array_equal(read.images.bytes(np.arange(6_144))[:, 0], arrays["imgs"] * 255)


def test_little_memory_is_taken(arrays, tmp_path, monkeypatch):
    path = publish(as_npz(tmp_path / "file.npz", arrays), monkeypatch)
    space = dsprites_module.dsprites_space()
    tracemalloc.start()
    n = sum(len(block) for block in module.published_images(path, "npz", space, 64))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n == 6_144
    assert peak < arrays["imgs"].nbytes  # 25 MB, six blocks


def test_another_file_is_refused(arrays, tmp_path, cache):
    path = as_npz(tmp_path / "file.npz", arrays)
    digest = hashlib.md5(path.read_bytes()).hexdigest()
    with pytest.raises(CorruptFile) as caught:
        load_dataset("dsprites", file=str(path))
    text = str(caught.value)
    assert text.startswith(f"{path} is not the published dSprites file: its MD5 is {digest}, expected 7da33b31b13a06f4b04a7040")
    assert "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz" in text
    assert "leave out --file" in text
    assert not list(cache.glob("dsprites-published-*"))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UnbraidError, match=r"Could not read .*none\.npz: No such file or directory\. Check --file\."):
        load_dataset("dsprites", file=str(tmp_path / "none.npz"))


def swapped(arrays):
    codes = arrays["latents_classes"].copy()
    codes[[3, 4]] = codes[[4, 3]]
    return {"latents_classes": codes}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda given: {"imgs": np.array([Trap(given["metadata"][0].path)] * 6_144, dtype=object)}, "array of object"),
        (lambda given: {"imgs": given["imgs"][:-1]}, r"images are uint8 \(6143, 64, 64\), expected uint8 \(6144, 64, 64\)"),
        (lambda given: {"imgs": given["imgs"].astype(bool)}, "images are bool"),
        (lambda given: {"imgs": given["imgs"] * 255}, "images 0 to 1,023 hold values other than 0 and 1"),
        (lambda given: {"imgs": np.asfortranarray(given["imgs"])}, "Fortran order"),
        (lambda given: {"latents_classes": given["latents_classes"][:, 1:]}, r"factor codes are int64 \(6144, 5\)"),
        (lambda given: {"latents_classes": given["latents_values"]}, "factor codes are float64"),
        (swapped, r"factors of image 3 are \[0, 0, 0, 0, 0, 4\], expected \[0, 0, 0, 0, 0, 3\]"),
    ],
    ids=["pickle", "an image less", "bool", "0 and 255", "Fortran", "five factors", "floats", "order"],
)
def test_what_it_holds_is_checked(arrays, tmp_path, monkeypatch, cache, change, text):
    path = publish(as_npz(tmp_path / "file.npz", arrays | change(arrays)), monkeypatch)
    with pytest.raises(CorruptFile, match=f"{path}.*{text}"):
        load_dataset("dsprites", file=str(path))
    assert not list(cache.glob("dsprites-published-*"))


def damaged(path: Path, content: bytes) -> None:
    """Change a byte of the compressed images."""
    middle = len(content) // 3
    path.write_bytes(content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :])


@pytest.mark.parametrize(
    "damage",
    [
        lambda path, content: path.write_bytes(b"not a zip file"),
        lambda path, content: path.write_bytes(content[:-200]),
        damaged,
        lambda path, _: np.savez_compressed(path, other=np.zeros(3)),
        lambda path, _: zipfile.ZipFile(path, "w").writestr("latents_classes.npy", b"no array"),
    ],
    ids=["no zip", "cut off", "altered", "no such members", "no array"],
)
def test_damage_is_told(arrays, tmp_path, monkeypatch, damage):
    """Such a file does not get past its digest, unless somebody publishes one."""
    path = as_npz(tmp_path / "file.npz", arrays)
    damage(path, path.read_bytes())
    with pytest.raises(CorruptFile, match=f"{path} cannot be read as the dSprites file: "):
        load_dataset("dsprites", file=str(publish(path, monkeypatch)))


def test_damaged_hdf5(arrays, tmp_path, monkeypatch):
    path = as_hdf5(tmp_path / "file.h5", arrays)
    path.write_bytes(path.read_bytes()[:-5_000])
    with pytest.raises(CorruptFile, match=f"{path} cannot be read as the dSprites file: "):
        load_dataset("dsprites", file=str(publish(path, monkeypatch)))


def test_hdf5_without_h5py(tmp_path, monkeypatch):
    path = tmp_path / "file.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    publish(path, monkeypatch)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(
        DataUnavailable, match=r"needs h5py: pip install 'unbraid\[hdf5\]'\. The published \.npz file needs nothing"
    ):
        load_dataset("dsprites", file=str(path))
