"""Images of the user's in .npz files."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from malformed.npz_cases import npy
from unbraid.data.dataset import load_dataset
from unbraid.data.files import scratch
from unbraid.errors import UnbraidError, UnknownName, UsageError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (30, 8, 8), np.uint8)
ALL = np.arange(30)


def saved(path, compressed=False, **arrays):
    (np.savez_compressed if compressed else np.savez)(path, **arrays)
    return f"npz:{path}"


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "<f4", ">f8", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_what_is_saved_comes_back(tmp_path, monkeypatch, compressed, large, dtype, order):
    if large:
        monkeypatch.setattr(scratch, "IN_MEMORY", 100)
    images = IMAGES if dtype == "u1" else (IMAGES / 255).astype(dtype) if dtype != "?" else IMAGES > 127
    data = load_dataset(saved(tmp_path / "x.npz", compressed, images=np.asarray(images, order=order)))
    expected = images.astype(np.float32) / np.float32(255 if dtype == "u1" else 1)
    np.testing.assert_array_equal(data.images.floats(ALL)[:, 0], expected)
    np.testing.assert_allclose(data.images.bytes(ALL), np.rint(expected * 255)[:, None])
    assert data.shape == (1, 8, 8)
    assert len(data.test) == 3
    assert data.redistributable
    assert not load_dataset(f"npz:{tmp_path}/x.npz", redistributable=False).redistributable
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["x.npz"]  # what is inflated has no name


def test_a_large_array_that_is_not_compressed_is_mapped(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "IN_MEMORY", 100)
    monkeypatch.setattr(scratch, "room", lambda *a: pytest.fail("room was taken"))
    data = load_dataset(saved(tmp_path / "x.npz", images=IMAGES))
    np.testing.assert_array_equal(data.images.bytes(ALL)[:, 0], IMAGES)


def test_a_large_array_with_a_flipped_bit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "IN_MEMORY", 100)
    data = saved(tmp_path / "x.npz", images=IMAGES)
    content = bytearray((tmp_path / "x.npz").read_bytes())
    content[1000] ^= 1
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(UnbraidError, match="CRC"):
        load_dataset(data)


@pytest.mark.parametrize("name", ["images", "imgs", "x", "dataset", "anything"])
def test_images_are_found_by_name_or_shape(tmp_path, name):
    data = load_dataset(saved(tmp_path / "x.npz", **{name: IMAGES, "labels": ALL % 3}))
    np.testing.assert_array_equal(data.images.bytes(ALL)[:, 0], IMAGES)
    both = saved(tmp_path / "y.npz", **{name: IMAGES, "other": 255 - IMAGES})
    np.testing.assert_array_equal(load_dataset(both, key="other").images.bytes(ALL)[:, 0], 255 - IMAGES)


def test_factors_and_labels_of_the_file(tmp_path):
    values = np.stack([ALL % 5 * 0.5, ALL % 3], 1)
    members = {"images": IMAGES, "factors": values, "factor_names": np.array(["angle", "shape"]), "labels": ALL // 15}
    data = load_dataset(saved(tmp_path / "x.npz", **members))
    assert data.space.names == ("angle", "shape")
    np.testing.assert_array_equal(data.space.values(data.factors.astype(np.int64)), values)
    np.testing.assert_array_equal(data.labels, ALL // 15)
    del members["factor_names"]
    assert load_dataset(saved(tmp_path / "x.npz", **members)).space.names == ("factor_0", "factor_1")


def test_a_table_replaces_what_the_file_holds(tmp_path):
    (tmp_path / "t.csv").write_text("size,label\n" + "".join(f"{i % 4},{'ab'[i % 2]}\n" for i in ALL))
    data = load_dataset(saved(tmp_path / "x.npz", images=IMAGES, factors=ALL[:, None]), table=str(tmp_path / "t.csv"))
    assert data.space.names == ("size",)
    assert data.label_names == ("a", "b")


def test_continuous_factors_of_a_file_and_of_a_table_keep_their_numbers(tmp_path):
    values = np.stack([ALL / 7, ALL % 3], 1)
    path = saved(tmp_path / "x.npz", images=IMAGES, factors=values, factor_names=np.array(["x", "kind"]))
    data = load_dataset(path, continuous="x")
    assert data.space.continuous == ("x",)
    np.testing.assert_array_equal(data.factors, values)
    (tmp_path / "t.csv").write_text("id,x,kind\n" + "".join(f"{i},{float(i / 7)},{i % 3}\n" for i in ALL[::-1]))
    np.testing.assert_array_equal(load_dataset(path, table=str(tmp_path / "t.csv"), continuous="x").factors, values)
    with pytest.raises(UnknownName, match="kinds"):
        load_dataset(path, continuous="kinds")


def test_a_header_of_python_2_and_one_of_version_2_are_read(tmp_path):
    old = npy(IMAGES).replace(b"(30, 8, 8), }", b"(30L, 8, 8),}")
    wide = npy(IMAGES)
    wide = wide[:6] + b"\x02\x00" + (116).to_bytes(4, "little") + wide[10:125] + b"\n" + wide[128:]
    for content in (old, wide):
        with zipfile.ZipFile(tmp_path / "x.npz", "w") as file:
            file.writestr("images.npy", content)
        np.testing.assert_array_equal(load_dataset(f"npz:{tmp_path}/x.npz").images.bytes(ALL)[:, 0], IMAGES)


def test_flips_follow_the_images(tmp_path):
    data = load_dataset(saved(tmp_path / "x.npz", images=IMAGES), horizontal_flip=True, test_share=0)
    assert len(data) == 60
    np.testing.assert_array_equal(data.images.bytes(ALL + 30)[:, 0], IMAGES[:, :, ::-1])


@pytest.mark.parametrize("seed", range(60))
def test_no_flipped_byte_ends_in_anything_but_words(tmp_path, seed):
    """Bytes anywhere in the file are altered: it is refused in words, or gives images of a sound file."""
    rng = np.random.default_rng(seed)
    data = saved(tmp_path / "x.npz", compressed=bool(seed % 2), images=IMAGES[:5], labels=ALL[:5])
    content = bytearray((tmp_path / "x.npz").read_bytes())
    for place in rng.integers(0, len(content), 1 + seed % 3):
        content[place] ^= 1 << int(rng.integers(8))
    (tmp_path / "x.npz").write_bytes(content)
    try:
        made = load_dataset(data)
    except UnbraidError as refusal:
        assert "x.npz" in str(refusal)
    else:
        np.testing.assert_array_equal(made.images.bytes(ALL[:5])[:, 0], IMAGES[:5])


def test_pickled_members_that_nobody_asks_for_are_passed_over(tmp_path):
    metadata = np.array({"author": "x"}, dtype=object)
    data = load_dataset(saved(tmp_path / "x.npz", imgs=IMAGES, metadata=metadata))
    np.testing.assert_array_equal(data.images.bytes(ALL)[:, 0], IMAGES)
    np.testing.assert_array_equal(load_dataset(f"npz:{tmp_path}/x.npz", key="imgs").images.bytes(ALL)[:, 0], IMAGES)
    for wanted, options in ((metadata, {"key": "metadata"}), (IMAGES, {})):
        path = saved(tmp_path / "y.npz", other=wanted, metadata=metadata, factors=metadata)
        with pytest.raises(UsageError, match=r"'(metadata|factors)' of .* holds pickled Python objects"):
            load_dataset(path, **options)


def test_the_layout_of_dsprites_own_file(tmp_path):
    codes = np.stack([ALL * 0, ALL % 3, ALL % 2, ALL % 5, ALL % 4, ALL % 6], 1)
    data = load_dataset(
        saved(
            tmp_path / "x.npz",
            imgs=(IMAGES > 99).astype(np.uint8),
            latents_classes=codes,
            latents_values=codes / 7,
            metadata=np.array({}, dtype=object),
        )
    )
    assert data.space.names == ("color", "shape", "scale", "orientation", "x", "y")
    np.testing.assert_array_equal(data.factors, codes)
    assert "latents_classes" in data.notes[0]


def test_labels_of_several_columns_are_factors(tmp_path):
    """As in 3D Shapes."""
    labels = np.stack([ALL % 3 / 10, ALL % 2, ALL // 10], 1)
    data = load_dataset(saved(tmp_path / "x.npz", images=IMAGES, labels=labels, factor_names=["a", "b", "c"]))
    assert data.space.names == ("a", "b", "c")
    np.testing.assert_allclose(data.space.values(data.factors.astype(np.int64)), labels)
    assert data.labels is None
    assert "Factors are the columns of 'labels'" in data.notes[0]
    both = load_dataset(saved(tmp_path / "y.npz", images=IMAGES, labels=ALL % 4, latents_classes=labels))
    assert (both.space.sizes, both.label_names) == ((3, 2, 3), ("0", "1", "2", "3"))


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_npy_file_holds_images(tmp_path, monkeypatch, order, large):
    if large:
        monkeypatch.setattr(scratch, "IN_MEMORY", 100)
    np.save(tmp_path / "digits.npy", np.asarray(IMAGES, order=order))
    data = load_dataset(f"npz:{tmp_path}/digits.npy")
    np.testing.assert_array_equal(data.images.bytes(ALL)[:, 0], IMAGES)
    assert data.name == "digits"


def test_rgba_images_are_told_what_to_leave_out(tmp_path):
    rgba = np.zeros((5, 8, 8, 4), np.uint8)
    for images, options, hint in (
        (rgba, {}, r"images\[..., :3\]; with --channels-last"),
        (rgba, {"channels_last": True}, r"images\[..., :3\]"),
        (np.moveaxis(rgba, 3, 1), {}, r"images\[:, :3\]"),
    ):
        with pytest.raises(UsageError, match=hint):
            load_dataset(saved(tmp_path / "x.npz", images=images), **options)
