import colorsys

import numpy as np
import pytest

from unbraid.data.dataset import load_dataset
from unbraid.data.drawing.ray_casting import Camera, EmptyRoom
from unbraid.data.drawing.tinted_layers import TintedLayers
from unbraid.data.sets.rooms import HUES, SOLIDS, palette, rooms_space
from unbraid.errors import UsageError


@pytest.fixture(scope="module")
def rooms():
    return load_dataset("rooms", size=32)


def images_of(dataset, codes) -> np.ndarray:
    return dataset.images.bytes(dataset.space.index(np.asarray(codes))).astype(int)


def differing(rooms, base: list[int], factor: str, code: int) -> np.ndarray:
    """Pixels that change when one factor does."""
    other = list(base)
    other[rooms.space.column(factor)] = code
    first, second = images_of(rooms, [base, other])
    return (first != second).any(0)


def test_what_is_known_about_it(rooms):
    assert rooms.space.sizes == (8, 8, 8, 6, 5, 12)
    assert (len(rooms), rooms.shape) == (184_320, (3, 32, 32))
    assert rooms.space.factors[4].labels == ("sphere", "cube", "cylinder", "cone", "capsule")
    more = rooms_space(cameras=3, lamps=2)
    assert more.names[-2:] == ("camera_height", "lamp")
    assert more.factors[-1].values == (-60, 60)


def test_images_are_numbered_by_their_factors(rooms):
    codes = rooms.space.sample(400, rng=np.random.default_rng(0))
    rows = rooms.space.index(codes)
    assert np.array_equal(rooms.factors[rows], codes)
    colors, values = palette().astype(float), rooms.space.values(codes)
    for row, (floor, wall, thing, *_), (*_, scale, _, degrees) in zip(rows[:30], codes[:30], values[:30], strict=True):
        solid = SOLIDS[rooms.space.factors[4].labels[rooms.factors[row, 4]]]
        maps = EmptyRoom(Camera(np.radians(degrees), 3.0), np.radians(-40.0), 32).maps(solid, scale)
        four = colors[[floor, HUES + wall, 2 * HUES + thing, -1]]
        expected = np.rint(np.tensordot(four, maps, axes=(0, 0)) / 255)
        assert np.array_equal(rooms.images.bytes(np.array([row]))[0], expected)


def test_an_image_does_not_depend_on_its_batch(rooms):
    rows = np.random.default_rng(1).choice(len(rooms), 700, replace=False)
    together = rooms.images.bytes(rows)
    alone = np.concatenate([rooms.images.bytes(rows[i : i + 1]) for i in range(700)])
    assert np.array_equal(together, alone)
    assert np.array_equal(rooms.images.floats(rows), together / np.float32(255))


def test_all_views_differ():
    few = load_dataset("rooms", size=64, only="floor_hue=0 wall_hue=3 object_hue=5")
    images = few.images.bytes(np.arange(len(few)))
    assert len(images) == len({image.tobytes() for image in images}) == 360


def test_colors_have_exactly_the_hues_that_the_factors_name():
    colors = palette()
    assert len(np.unique(colors, axis=0)) == 3 * HUES + 1
    for part in range(3):
        for k in range(HUES):
            assert colorsys.rgb_to_hsv(*(colors[HUES * part + k] / 255))[0] == pytest.approx(k / HUES, abs=1e-12)


@pytest.mark.parametrize(("factor", "row", "column"), [("floor_hue", 31, 16), ("wall_hue", 1, 16), ("object_hue", 14, 16)])
def test_pixels_have_the_hue_of_the_part_that_they_show(rooms, factor, row, column):
    base = [2, 5, 0, 5, 0, 4]
    for k in range(HUES):
        base[rooms.space.column(factor)] = k
        pixel = images_of(rooms, [base])[0, :, row, column]
        found = colorsys.rgb_to_hsv(*(pixel / 255))[0]
        spread = pixel.max() - pixel.min()
        off = (found - k / HUES + 0.5) % 1 - 0.5
        assert abs(off) <= 1 / 6 / spread  # what rounding to whole levels allows


def test_a_hue_changes_its_part_alone(rooms):
    base = [0, 3, 5, 4, 1, 3]
    floor, wall, thing = (differing(rooms, base, f"{part}_hue", 6) for part in ("floor", "wall", "object"))
    assert (floor | wall | thing).all()
    edges = (floor & wall) | (wall & thing) | (floor & thing)
    assert 0.01 < edges.mean() < 0.12  # pixels that show two parts
    assert wall[:8].all()
    assert not floor[:8].any()
    assert floor[-1].all()
    assert not wall[-1].any()
    assert not thing[[0, 1, -1]].any()


@pytest.mark.parametrize(("factor", "code"), [("scale", 1), ("shape", 3)])
def test_size_and_shape_change_the_object_and_its_shadow_alone(rooms, factor, code):
    base = [0, 3, 5, 4, 1, 3]
    changed = differing(rooms, base, factor, code)
    assert 0.02 < changed.mean() < 0.4
    assert not changed[:, :4].any()
    assert not changed[-3:].any()
    assert not changed[:3].any()


def test_the_lamp_moves_light_and_no_outline():
    dataset = load_dataset(
        "rooms", size=16, lamps=3, only="shape=cone scale=5 orientation=2 wall_hue=0,1 floor_hue=0,1 object_hue=0,1"
    )
    space = dataset.space
    images = dataset.images.bytes(np.arange(len(dataset))).astype(int)
    for factor in ("floor_hue", "wall_hue", "object_hue"):
        parts = [
            (images[space.rows(lamp=lamp, **{factor: 0})] != images[space.rows(lamp=lamp, **{factor: 1})]).any((0, 1))
            for lamp in range(3)
        ]
        assert np.array_equal(parts[0], parts[1])
        assert np.array_equal(parts[0], parts[2])
    assert not np.array_equal(images[space.rows(lamp=0)], images[space.rows(lamp=2)])


def test_a_higher_camera_sees_more_floor():
    dataset = load_dataset(
        "rooms", size=16, cameras=3, only="shape=sphere scale=0 orientation=5 object_hue=0 wall_hue=0 floor_hue=0,4"
    )
    images = dataset.images.bytes(np.arange(len(dataset))).astype(int)
    floor = [(images[dataset.space.index(np.array([[0, h], [1, h]]))]) for h in range(3)]
    shares = [(first != second).any(0).mean() for first, second in floor]
    assert shares[0] < shares[1] < shares[2]


def test_views_that_take_too_much_memory_are_refused_before_they_are_cast():
    with pytest.raises(
        UsageError, match="--size 256 with --cameras 8 and --lamps 8 takes 5.6 GiB .* at most 2. Give a smaller"
    ):
        load_dataset("rooms", size=256, cameras=8, lamps=8)


def test_colors_of_rooms_are_not_for_choosing():
    with pytest.raises(UsageError, match="images of 3 channels cannot be colored".capitalize()):
        load_dataset("rooms", size=16, color="factor")


def test_layers_are_added_in_their_colors():
    stacks = np.array([[[[255, 100]], [[0, 155]]]], dtype=np.uint8)
    images = TintedLayers(stacks, np.array([0]), np.array([[255, 0, 51], [0, 200, 101]], dtype=np.uint8), np.array([[0, 1]]))
    assert images.bytes(np.array([0]))[0, :, 0].T.tolist() == [[255, 0, 51], [100, 122, 81]]  # 121.57 and 81.39
    rounded = np.full((1, 2, 1, 1), 128, dtype=np.uint8)  # two halves, each rounded up
    white = np.full((1, 3), 255, dtype=np.uint8)
    both = TintedLayers(rounded, np.array([0]), white, np.zeros((1, 2), np.int64))
    assert both.bytes(np.array([0])).tolist() == [[[[255]]] * 3]


def test_layers_are_at_most_as_many_as_add_up_exactly():
    def layers(n: int) -> TintedLayers:
        stacks = np.zeros((1, n, 1, 1), np.uint8)
        return TintedLayers(stacks, np.array([0]), np.zeros((1, 3), np.uint8), np.zeros((1, n), np.int64))

    assert len(layers(258)) == 1
    with pytest.raises(UsageError, match="259 layers cannot be added exactly; allowed: at most 258"):
        layers(259)
