import gzip
import hashlib
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from unbraid.data.files.gzipped import raw_sha256
from unbraid.data.files.idx import read_idx
from unbraid.errors import CorruptFile, UnbraidError

PIXELS = np.random.default_rng(0).integers(0, 256, size=(5, 3, 4), dtype=np.uint8)
IMAGES = struct.pack(">4I", 2051, 5, 3, 4) + PIXELS.tobytes()
LABELS = struct.pack(">2I", 2049, 6) + bytes([9, 0, 3, 3, 1, 255])


@pytest.fixture
def file(tmp_path: Path):
    def write(content: bytes) -> Path:
        path = tmp_path / "file"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["raw", "gzip"])
def test_images_and_labels_are_read(file, pack):
    images = read_idx(file(pack(IMAGES)), "images")
    assert images.dtype == np.uint8
    assert np.array_equal(images, PIXELS)
    assert read_idx(file(pack(LABELS)), "labels").tolist() == [9, 0, 3, 3, 1, 255]


def test_the_header_is_big_endian_and_written_by_hand(file):
    content = bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]) + bytes(range(6))
    assert read_idx(file(content), "images").tolist() == [[[0, 1, 2], [3, 4, 5]]]


def test_gzip_files_in_several_members(file):
    assert np.array_equal(read_idx(file(gzip.compress(IMAGES[:10]) + gzip.compress(IMAGES[10:])), "images"), PIXELS)


def test_files_larger_than_a_chunk(file):
    pixels = np.random.default_rng(1).integers(0, 256, size=(3_000, 28, 28), dtype=np.uint8)
    content = struct.pack(">4I", 2051, *pixels.shape) + pixels.tobytes()
    for packed in (content, gzip.compress(content, 1)):
        assert np.array_equal(read_idx(file(packed), "images"), pixels)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["raw", "gzip"])
@pytest.mark.parametrize(
    ("content", "kind", "text"),
    [
        (b"", "images", "is empty; an IDX file of images starts with 00 00 08 03"),
        (b"<html>", "images", "starts with bytes 3c 68 74 6d; an IDX file of images"),
        (LABELS, "images", r"starts with bytes 00 00 08 01; an IDX file of images starts with 00 00 08 03 \(2051\)"),
        (IMAGES, "labels", r"starts with 00 00 08 01 \(2049\)"),
        (struct.pack("<4I", 2051, 5, 3, 4) + PIXELS.tobytes(), "images", "starts with bytes 03 08 00 00"),
        (IMAGES[:2], "images", "ends after 2 bytes; the header of images has 16"),
        (IMAGES[:15], "images", "ends after 15 bytes"),
        (IMAGES[:16], "images", "truncated: .*5 images, 3 rows, 4 columns, 60 bytes, but 0 follow"),
        (IMAGES[:-1], "images", "truncated: its header announces .*60 bytes, but 59 follow"),
        (LABELS[:-1], "labels", "6 labels, 6 bytes, but 5 follow"),
        (IMAGES + b"\0", "images", "holds more than the 60 bytes of 5 images, 3 rows, 4 columns"),
        (LABELS + b"\0", "labels", "holds more than the 6 bytes of 6 labels"),
        (struct.pack(">4I", 2051, 5, 0, 4), "images", "5 images, 0 rows, 4 columns; every number must be at least 1"),
        (struct.pack(">2I", 2049, 0), "labels", "0 labels; every number must be at least 1"),
    ],
    ids=[
        *("empty", "html", "labels for images", "images for labels", "little-endian", "2 bytes", "15 bytes", "header alone"),
        *("last pixel missing", "last label missing", "a pixel more", "a label more", "no rows", "no labels"),
    ],
)
def test_broken_files_are_told_apart(file, pack, content, kind, text):
    path = file(pack(content))
    with pytest.raises(CorruptFile, match=f"{path}.*{text}.*Ask for another one"):
        read_idx(path, kind, remedy="Ask for another one.")


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["raw", "gzip"])
def test_a_header_cannot_make_us_allocate(file, pack):
    path = file(pack(struct.pack(">4I", 2051, *[2**32 - 1] * 3) + b"little"))
    tracemalloc.start()
    with pytest.raises(CorruptFile, match=r"truncated.*4,294,967,295 rows.*but 6 follow"):
        read_idx(path, "images")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10e6


def test_a_gzip_bomb_is_given_up_early(file):
    path = file(gzip.compress(struct.pack(">4I", 2051, 1, 2, 2) + bytes(200_000_000), 1))
    tracemalloc.start()
    with pytest.raises(CorruptFile, match="holds more than the 4 bytes"):
        read_idx(path, "images")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10e6


ZIPPED = gzip.compress(IMAGES, mtime=0)


@pytest.mark.parametrize(
    "content",
    [
        *(ZIPPED[:length] for length in (2, 5, 12, 40, len(ZIPPED) - 8, len(ZIPPED) - 1)),
        ZIPPED[:-8] + bytes([ZIPPED[-8] ^ 1]) + ZIPPED[-7:],
        ZIPPED[:-1] + b"\1",
        ZIPPED[:2] + b"\7" + ZIPPED[3:],
        ZIPPED[:10] + b"\xff" * 30 + ZIPPED[40:],
        ZIPPED + b"trailing",
    ],
    ids=["2", "5", "12", "40", "no trailer", "short trailer", "checksum", "length", "method", "data", "trailing"],
)
def test_broken_gzip_files(file, content):
    path = file(content)
    with pytest.raises(CorruptFile, match=f"{path} is no valid gzip file: .*Get the file again"):
        read_idx(path, "images")
    with pytest.raises(CorruptFile, match="no valid gzip file"):
        raw_sha256(path)


def test_another_content_is_told_from_its_digest(file):
    digest = hashlib.sha256(IMAGES).hexdigest()
    altered = IMAGES[:-1] + bytes([IMAGES[-1] ^ 1])
    assert read_idx(file(gzip.compress(IMAGES)), "images", sha256=digest).shape == (5, 3, 4)
    with pytest.raises(CorruptFile, match=f"not the expected ones.*{hashlib.sha256(altered).hexdigest()}, expected {digest}"):
        read_idx(file(altered), "images", sha256=digest)


def test_a_digest_does_not_depend_on_compression(file):
    digests = {raw_sha256(file(content)) for content in (IMAGES, gzip.compress(IMAGES, 1), gzip.compress(IMAGES, 9))}
    assert digests == {hashlib.sha256(IMAGES).hexdigest()}


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UnbraidError, match=r"Could not read .*missing: No such file or directory\. Check that"):
        read_idx(tmp_path / "missing", "images")


def test_what_is_read_can_be_changed(file):
    images = read_idx(file(IMAGES), "images")
    images[0] = 7
    assert (images[0] == 7).all()
