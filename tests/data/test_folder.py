"""Images of the user's in folders, and what becomes of every kind of image."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from unbraid.data.dataset import load_dataset
from unbraid.data.files import scratch
from unbraid.data.files.image_files import list_images, read_pixels
from unbraid.errors import UnbraidError, UsageError

RNG = np.random.default_rng(0)
COLOR = RNG.integers(0, 256, (6, 8, 3), np.uint8)
GRAY = COLOR[..., 0]
LUMA = np.array([0.299, 0.587, 0.114])


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "TIFF", "webp"])
def test_lossless_formats_give_their_pixels(tmp_path, ending):
    path = save(tmp_path / f"a.{ending}", COLOR, **({"lossless": True} if ending == "webp" else {}))
    np.testing.assert_array_equal(read_pixels(path, 3), COLOR.transpose(2, 0, 1))
    np.testing.assert_allclose(read_pixels(path, 1)[0], COLOR @ LUMA, atol=1)


def test_jpeg_is_near(tmp_path):
    flat = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    assert np.abs(read_pixels(save(tmp_path / "a.jpeg", flat, quality=100), 3).mean((1, 2)) - (200, 100, 50)).max() < 3


def test_gray_is_repeated_in_color(tmp_path):
    path = save(tmp_path / "a.png", GRAY)
    np.testing.assert_array_equal(read_pixels(path, 1), GRAY[None])
    np.testing.assert_array_equal(read_pixels(path, 3), np.stack([GRAY] * 3))


def test_sixteen_bits_are_rounded_not_cut(tmp_path):
    deep = np.array([[0, 128, 257, 32_768, 65_535]], np.uint16)
    path = save(tmp_path / "a.png", deep)
    np.testing.assert_array_equal(read_pixels(path, 1)[0], [[0, 0, 1, 128, 255]])
    np.testing.assert_array_equal(read_pixels(path, 3)[2], [[0, 0, 1, 128, 255]])


def test_transparent_pixels_lie_over_black(tmp_path):
    alpha = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
    path = save(tmp_path / "a.png", np.dstack([COLOR, alpha]))
    expected = COLOR * (alpha[..., None] / 255)
    np.testing.assert_allclose(read_pixels(path, 3).transpose(1, 2, 0), expected, atol=1)
    path = save(tmp_path / "b.png", np.dstack([GRAY, alpha]))
    np.testing.assert_allclose(read_pixels(path, 1)[0], GRAY * (alpha / 255), atol=1.5)
    image = Image.new("P", (2, 1), 0)
    image.putpalette([255, 255, 255, 10, 20, 30])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "c.png", transparency=0)
    np.testing.assert_array_equal(read_pixels(tmp_path / "c.png", 3)[:, 0], [[0, 10], [0, 20], [0, 30]])


def test_palettes_ones_and_cmyk(tmp_path):
    Image.fromarray(COLOR).quantize(48).save(tmp_path / "p.png")
    np.testing.assert_allclose(read_pixels(tmp_path / "p.png", 3), COLOR.transpose(2, 0, 1), atol=60)
    Image.fromarray(GRAY > 127).save(tmp_path / "one.png")
    np.testing.assert_array_equal(read_pixels(tmp_path / "one.png", 1)[0], (GRAY > 127) * 255)
    Image.new("CMYK", (4, 4), (255, 0, 0, 0)).save(tmp_path / "c.tif")
    np.testing.assert_array_equal(read_pixels(tmp_path / "c.tif", 3)[:, 0, 0], [0, 255, 255])


@pytest.mark.parametrize(("orientation", "turned"), [(1, lambda a: a), (2, np.fliplr), (3, lambda a: np.rot90(a, 2)),
                                                     (6, lambda a: np.rot90(a, -1)), (8, np.rot90)])  # fmt: skip
@pytest.mark.parametrize("ending", ["png", "tif"])
def test_images_are_turned_as_their_exif_data_tell(tmp_path, orientation, turned, ending):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / f"a.{ending}", GRAY, exif=exif)
    np.testing.assert_array_equal(read_pixels(path, 1)[0], turned(GRAY))


def test_fits(tmp_path):
    """Three stripes, each half as wide as the image is high."""
    stripes = np.repeat(np.array([50, 150, 250], np.uint8), 8)[None].repeat(16, 0)
    path = save(tmp_path / "a.png", stripes)  # 24 x 16
    crop, squash, pad = (read_pixels(path, 1, 12, fit)[0].astype(int) for fit in ("crop", "squash", "pad"))
    assert crop.shape == squash.shape == pad.shape == (12, 12)
    assert (crop[:, 5:7] == 150).all()  # the middle 16 columns: half a stripe at each side
    assert (crop[:, 0] == 50).all()
    assert abs(np.abs(crop - 150).mean() - 50) < 10
    np.testing.assert_array_equal(squash[5, [1, 6, 10]], [50, 150, 250])
    assert (pad[:2] == 0).all()
    assert (pad[-2:] == 0).all()
    np.testing.assert_array_equal(pad[5, [1, 6, 10]], [50, 150, 250])
    for fit in ("crop", "squash", "pad"):
        flat = save(tmp_path / "b.png", np.full((40, 40), 77, np.uint8))
        np.testing.assert_array_equal(read_pixels(flat, 1, 12, fit), np.full((1, 12, 12), 77))


def test_shrinking_is_smoothed(tmp_path):
    chequered = (np.indices((32, 32)).sum(0) % 2 * 255).astype(np.uint8)
    shrunk = read_pixels(save(tmp_path / "a.png", chequered), 1, 8)[0]
    assert np.abs(shrunk[1:-1, 1:-1].astype(int) - 127).max() <= 2


def test_a_folder_is_read_in_the_order_of_paths(tmp_path, heard):
    for i, name in enumerate(["b.png", "a/z.png", "a/b.png", "a.png", "c/d/e.PNG"]):
        save(tmp_path / "in" / name, np.full((4, 4), i, np.uint8))
    for name in ("note.txt", ".hidden.png", ".git/x.png", "a/Thumbs.db"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"x")
    data = load_dataset(f"folder:{tmp_path}/in", test_share=0)
    assert data.images.bytes(np.arange(5))[:, 0, 0, 0].tolist() == [2, 1, 3, 0, 4]
    assert data.labels is None  # not all images lie in subfolders
    assert heard.reports[-1] == (5, 5)


def test_subfolders_are_classes(tmp_path):
    for name in ("dog/a.png", "dog/old/b.png", "cat/a.png"):
        save(tmp_path / name, GRAY)
    data = load_dataset(f"folder:{tmp_path}")
    assert data.label_names == ("cat", "dog")
    assert data.labels.tolist() == [0, 1, 1]
    assert load_dataset(f"folder:{tmp_path / 'dog'}").labels is None
    (tmp_path / "cat" / "a.png").unlink()
    assert load_dataset(f"folder:{tmp_path}").labels is None  # one class tells nothing


def test_channels_follow_the_images_unless_given(tmp_path):
    save(tmp_path / "a.png", GRAY)
    assert load_dataset(f"folder:{tmp_path}").shape == (1, 6, 8)
    assert load_dataset(f"folder:{tmp_path}", channels=3).shape == (3, 6, 8)
    save(tmp_path / "b.png", COLOR)
    assert load_dataset(f"folder:{tmp_path}").shape == (3, 6, 8)
    assert load_dataset(f"folder:{tmp_path}", channels=1).shape == (1, 6, 8)


def test_links_are_followed(tmp_path):
    save(tmp_path / "store" / "a.png", GRAY)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "store")
    (tmp_path / "in" / "b.png").symlink_to(tmp_path / "store" / "a.png")
    assert [str(path.relative_to(tmp_path / "in")) for path in list_images(tmp_path / "in")] == ["b.png", "linked/a.png"]
    assert len(load_dataset(f"folder:{tmp_path}/in")) == 2


def test_a_table_that_names_files(tmp_path):
    for i, name in enumerate(["a.png", "s/b.png", "c.png"]):
        save(tmp_path / "in" / name, np.full((4, 4), i, np.uint8))
    (tmp_path / "t.csv").write_text("file,x,label\n./s/b.png,1,q\nc.png,2,p\na.png,0,p\n")
    data = load_dataset(f"folder:{tmp_path}/in", table=str(tmp_path / "t.csv"))
    levels = data.images.bytes(np.arange(3))[:, 0, 0, 0]
    np.testing.assert_array_equal(data.space.values(data.factors.astype(np.int64))[:, 0], [0, 2, 1])
    np.testing.assert_array_equal(levels, [0, 2, 1])
    assert [data.label_names[label] for label in data.labels] == ["p", "p", "q"]


def test_many_images_lie_on_disk(tmp_path, monkeypatch):
    for i in range(4):
        save(tmp_path / "in" / f"{i}.png", COLOR + np.uint8(i))
    small = load_dataset(f"folder:{tmp_path}/in").images.bytes(np.arange(4))
    monkeypatch.setattr(scratch, "IN_MEMORY", 100)
    np.testing.assert_array_equal(load_dataset(f"folder:{tmp_path}/in").images.bytes(np.arange(4)), small)
    assert not list((tmp_path / "cache").iterdir())


def test_a_full_disk_is_an_error_in_words(tmp_path, monkeypatch):
    save(tmp_path / "in" / "a.png", COLOR)
    monkeypatch.setattr(scratch, "IN_MEMORY", 100)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(UnbraidError, match=r"No space left.*UNBRAID_CACHE"):
        load_dataset(f"folder:{tmp_path}/in")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path):
    save(tmp_path / "a.png", GRAY).chmod(0)
    with pytest.raises(UnbraidError, match=r"a\.png.*Permission denied"):
        load_dataset(f"folder:{tmp_path}")


@pytest.mark.parametrize("seed", range(120))
def test_no_flipped_byte_ends_in_anything_but_words(tmp_path, seed):
    """Bytes anywhere in a file are altered: the image is refused in words, or has the channels and size that were asked for."""
    rng = np.random.default_rng(seed)
    ending = ("png", "jpg", "bmp", "webp", "tif")[seed % 5]
    path = save(tmp_path / f"a.{ending}", COLOR.repeat(3, 0).repeat(3, 1))
    content = bytearray(path.read_bytes())
    for place in rng.integers(0, min(len(content), 200) if seed % 2 else len(content), 1 + seed % 4):
        content[place] ^= 1 << int(rng.integers(8))
    path.write_bytes(content[: len(content) - seed % 3])
    try:
        assert read_pixels(path, 3, 8).shape == (3, 8, 8)
    except UnbraidError as refusal:
        assert path.name in str(refusal)


def test_a_suggestion_of_mixed_sizes_names_them(tmp_path):
    for i, shape in enumerate([(4, 6), (4, 6), (5, 5)]):
        save(tmp_path / f"{i}.png", np.zeros(shape, np.uint8))
    with pytest.raises(UsageError, match=r"2 of 6 x 4, 1 of 5 x 5\. Give --size N"):
        load_dataset(f"folder:{tmp_path}")
    assert load_dataset(f"folder:{tmp_path}", size=4).shape == (1, 4, 4)


def test_bad_files_are_left_out_where_that_is_asked_for(tmp_path):
    for i, name in enumerate(("a.png", "b.png", "c.png")):
        Image.fromarray(np.full((8, 8), 10 * i, np.uint8)).save(tmp_path / name)
    (tmp_path / "b.png").write_bytes(b"no image")
    table = tmp_path / "t.csv"
    table.write_text("file,x\na.png,1\nb.png,2\nc.png,3\n")
    data = load_dataset(f"folder:{tmp_path}", skip_bad=True, table=str(table), test_share=0)
    assert data.images.bytes(np.arange(2))[:, 0, 0, 0].tolist() == [0, 20]
    assert data.space.values(data.factors.astype(np.int64))[:, 0].tolist() == [1, 3]
    assert data.notes[0] == "Left out, since they cannot be read: b.png."
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "c.png").write_bytes(b"")
    with pytest.raises(UsageError, match="None of the 3 files"):
        load_dataset(f"folder:{tmp_path}", skip_bad=True)
