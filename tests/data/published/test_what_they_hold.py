"""Images and what is known of them belong together, set by set: held against the files, not the code that reads them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers import published_stand_ins as made
from helpers.published_stand_ins import STAND_INS, write
from unbraid.data.dataset import Dataset, load_dataset
from unbraid.data.published.look import luma
from unbraid.errors import UnknownName, UsageError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The files of a set, and its name with the folder."""

    def written(name: str) -> str:
        STAND_INS[name].patch(monkeypatch)
        return f"{name}:{write(STAND_INS[name].make(), tmp_path / name)}"

    return written


def last(images: np.ndarray) -> np.ndarray:
    return np.moveaxis(images, 1, -1)


def values(data: Dataset, row: int) -> list[float]:
    return data.space.values(data.factors[row : row + 1].astype(np.int64))[0].tolist()


def test_gray_is_that_of_pillow():
    image = made.pattern(3, 40, 50)
    np.testing.assert_array_equal(luma(image[None])[0, :, :, 0], np.asarray(Image.fromarray(image).convert("L")))


class TestCelebA:
    def test_attributes_are_those_of_the_list(self, folder):
        files = made.celeba_files()
        lines = files["list_attr_celeba.txt"].decode().splitlines()
        data = load_dataset(folder("celeba"), valid="train")
        assert data.space.names == tuple(lines[1].split())
        assert all(factor.labels == ("no", "yes") for factor in data.space.factors)
        wanted = [[int(word) for word in line.split()[1:]] for line in lines[2:]]
        np.testing.assert_array_equal(2 * data.factors - 1, wanted)

    @pytest.mark.parametrize(("valid", "n", "held_out"), [("leave_out", 36, 4), ("train", 40, 4), ("test", 40, 8)])
    def test_official_splits(self, folder, valid, n, held_out):
        data = load_dataset(folder("celeba"), valid=valid)
        assert len(data) == n
        np.testing.assert_array_equal(data.test, np.arange(n - held_out, n))

    @pytest.mark.parametrize(
        ("crop", "box", "way"),
        [
            ("squash", (0, 0, 178, 218), Image.Resampling.LANCZOS),
            ("center", (0, 20, 178, 198), Image.Resampling.BILINEAR),
            ("pytorch_vae", (15, 35, 163, 183), Image.Resampling.BILINEAR),
        ],
    )
    def test_crops(self, folder, crop, box, way):
        data = load_dataset(folder("celeba"), crop=crop, valid="train", size=32)
        with zipfile.ZipFile(io.BytesIO(made.celeba_files()["img_align_celeba.zip"])) as archive:
            image = Image.open(io.BytesIO(archive.read("img_align_celeba/000008.jpg")))
            expected = np.asarray(image.crop(box).resize((32, 32), way))
        np.testing.assert_array_equal(last(data.images.bytes(np.array([7])))[0], expected)

    def test_some_attributes(self, folder):
        place = folder("celeba")
        assert load_dataset(place, attributes="Smiling, Male").space.names == ("Smiling", "Male")
        with pytest.raises(UnknownName, match="Smiling"):
            load_dataset(place, attributes="Smilling")
        with pytest.raises(UsageError, match="once"):
            load_dataset(place, attributes="Male,Male")

    def test_flips_need_no_attributes(self, folder):
        place = folder("celeba")
        flipped = load_dataset(place, attributes="none", horizontal_flip=True)
        assert flipped.space is None
        assert len(flipped.train) == 64
        with pytest.raises(UsageError, match="mirror"):
            load_dataset(place, horizontal_flip=True)

    def test_an_unpacked_folder_and_lists_as_csv_are_the_same(self, folder, tmp_path):
        files = made.celeba_files()
        unpacked = tmp_path / "unpacked"
        with zipfile.ZipFile(io.BytesIO(files["img_align_celeba.zip"])) as archive:
            archive.extractall(unpacked)
        lines = files["list_attr_celeba.txt"].decode().splitlines()[1:]
        table = [",".join(["image_id", *lines[0].split()]), *(",".join(line.split()) for line in lines[1:])]
        (unpacked / "list_attr_celeba.csv").write_text("\n".join(table))
        splits = files["list_eval_partition.txt"].decode().replace(" ", ",")
        (unpacked / "list_eval_partition.csv").write_text("image_id,partition\n" + splits)
        one, other = load_dataset(folder("celeba")), load_dataset(f"celeba:{unpacked}")
        np.testing.assert_array_equal(one.images[:], other.images[:])
        np.testing.assert_array_equal(one.factors, other.factors)
        np.testing.assert_array_equal(one.test, other.test)


def test_shapes3d(folder):
    data = load_dataset(folder("shapes3d"))
    assert data.space.names == ("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation")
    assert values(data, 95) == [1, 1, 1, 1, 1, 30]
    assert values(data, 1) == [0, 0, 0, 0, 0, 0]
    for row in (0, 41, 95):
        np.testing.assert_array_equal(last(data.images.bytes(np.array([row])))[0], made.pattern(row, 64, 64))
    assert data.notes == ("These files hold 96 images; 3D Shapes as published has 480,000.",)


def test_mpi3d(folder):
    data = load_dataset(folder("mpi3d"))
    assert data.name == "mpi3d"
    assert data.space.names[:3] == ("object_color", "object_shape", "object_size")
    np.testing.assert_array_equal(last(data.images.bytes(np.array([50])))[0], made.pattern(50, 64, 64))


@pytest.mark.parametrize("n", [1_036_800, 460_800])
def test_factors_of_mpi3d_as_published(n):
    from unbraid.data.sets.mpi3d import mpi3d_space

    space = mpi3d_space(n)
    assert len(space) == n
    colors, shapes = space.factors[0].labels, space.factors[1].labels
    assert len(colors) == len(shapes) == space.sizes[0]
    # object_color * 115200 + object_shape * 28800 + ..., as its README has it
    last_color = space.index(np.array([[space.sizes[0] - 1, 0, 0, 0, 0, 0, 0]]))[0]
    assert last_color == (space.sizes[0] - 1) * {1_036_800: 172_800, 460_800: 115_200}[n]


def test_cars3d(folder):
    data = load_dataset(folder("cars3d"))
    assert data.space.names == ("elevation", "azimuth", "car")
    assert data.space.sizes == (4, 24, 2)
    for elevation, azimuth, number in ((0, 0, 0), (3, 5, 1), (2, 23, 0)):
        row = data.space.index(np.array([[elevation, azimuth, number]]))
        expected = made.car(number + 1, elevation, azimuth)[:64, :64]
        np.testing.assert_array_equal(last(data.images.bytes(row))[0], expected)


def test_cars3d_in_a_folder(folder, tmp_path):
    import tarfile

    (archive,) = made.cars3d_files().values()
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(tmp_path / "mine", [one for one in tar.getmembers() if one.isreg()], filter="data")
    one, other = load_dataset(folder("cars3d")), load_dataset(f"cars3d:{tmp_path / 'mine'}")
    np.testing.assert_array_equal(one.images[:], other.images[:])


@pytest.mark.parametrize("camera", ["left", "right"])
def test_smallnorb(folder, camera):
    data = load_dataset(folder("smallnorb"), camera=camera)
    assert data.space.names == ("category", "instance", "elevation", "azimuth", "lighting")
    assert data.space.factors[0].labels == ("animal", "human")
    assert data.space.factors[1].values == (0, 1, 4, 6)
    assert data.space.factors[2].values == (30, 35)
    assert data.space.factors[3].values == (0, 20)
    for row in (0, 17, 63):
        category, instance, elevation, azimuth, lighting = data.factors[row].tolist()
        shown = made.toy(category, (0, 1, 4, 6)[instance], elevation, 2 * azimuth, lighting, int(camera == "right"))
        np.testing.assert_array_equal(data.images.bytes(np.array([row]))[0, 0], shown[:64, :64])


def test_the_official_split_of_smallnorb_by_instances(folder):
    data = load_dataset(folder("smallnorb"), unseen="instance=0,1")
    assert {int(data.factors[row, 1]) for row in data.test} == {0, 1}
    assert len(data.test) == 32


def test_chairs3d(folder):
    data = load_dataset(folder("chairs3d"), gray=False)
    assert data.space.names == ("model", "elevation", "azimuth")
    assert data.space.factors[1].values == (20, 30)
    assert data.space.factors[2].values == (11, 220, 337)
    assert data.space.factors[0].labels == ("100b18376b885f206ae9ad7e32c4139d", "1028b32dc1873c2afe26a3ac360dbd4")
    for row, (model, elevation, azimuth) in {0: (1, 20, 11), 4: (1, 30, 220), 11: (0, 30, 337)}.items():
        expected = Image.fromarray(made.chair(model, elevation, azimuth)).resize((64, 64), Image.Resampling.LANCZOS)
        np.testing.assert_array_equal(last(data.images.bytes(np.array([row])))[0], np.asarray(expected))
    middle = load_dataset(folder("chairs3d"), gray=False, crop="center400").images.bytes(np.array([0]))[0]
    assert (middle == middle[:, :1, :1]).all()


class TestUkiyoE:
    def test_labels_are_those_of_the_metadata(self, folder):
        data = load_dataset(folder("ukiyoe"))
        assert len(data) == 23  # one has no row
        assert set(data.label_names) == {"国周", "広貞", "unknown"}
        assert [data.label_names[data.labels[row]] for row in (0, 1, 2, 4)] == ["国周", "国周", "広貞", "unknown"]
        years = load_dataset(folder("ukiyoe"), label="year")
        assert years.label_names == ("1849", "1851", "unknown")

    def test_faces_of_a_print_stay_together(self, folder):
        data = load_dataset(folder("ukiyoe"), test_share=0.4)
        prints = np.arange(23) // 2
        assert not set(prints[data.test]) & set(prints[data.train])
        assert 6 <= len(data.test) <= 14


class TestSprites:
    def drawn(self, codes: list[int], pose: tuple[int, int, int]) -> np.ndarray:
        """By Pillow, one sheet over the other."""
        action, rotation, frame = pose
        box = (64 * frame, 64 * (4 * action + rotation), 64 * frame + 64, 64 * (4 * action + rotation) + 64)
        canvas = Image.new("RGB", (64, 64))
        order = ("bottomwear", "topwear", "hair", "eyes", "shoes", "body")
        for layer, kind in enumerate(made.SPRITE_LAYERS):
            tile = Image.open(io.BytesIO(made.sheet(codes[order.index(kind)], layer))).crop(box)
            mask = tile.getchannel("A").point([0] * 129 + [255] * 127)
            canvas.paste(tile.convert("RGB"), mask=mask)
        return np.asarray(canvas)

    def test_one_pose(self, folder):
        data = load_dataset(folder("sprites"))
        assert data.space.names == ("bottomwear", "topwear", "hair", "eyes", "shoes", "body")
        for row in (0, 27, 63):
            expected = self.drawn(data.factors[row].tolist(), (2, 2, 0))
            np.testing.assert_array_equal(last(data.images.bytes(np.array([row])))[0], expected)

    def test_all_poses(self, folder):
        data = load_dataset(folder("sprites"), poses="all")
        assert len(data) == 64 * 120
        assert data.space.names[6:] == ("action", "rotation", "frame")
        for row in (0, 1, 4_321, len(data) - 1):
            codes = data.factors[row].tolist()
            np.testing.assert_array_equal(last(data.images.bytes(np.array([row])))[0], self.drawn(codes[:6], tuple(codes[6:])))

    def test_a_clone_of_the_repository(self, folder, tmp_path):
        (archive,) = made.sprites_files().values()
        with zipfile.ZipFile(io.BytesIO(archive)) as packed:
            packed.extractall(tmp_path / "clone")
        (clone,) = (tmp_path / "clone").iterdir()
        np.testing.assert_array_equal(load_dataset(f"sprites:{clone}").images[:], load_dataset(folder("sprites")).images[:])


def test_a_file_may_be_named_itself(tmp_path):
    folder = write(made.shapes3d_files(), tmp_path)
    data = load_dataset(f"shapes3d:{Path(folder) / '3dshapes.h5'}")
    assert len(data) == 96
