import json
from typing import Annotated

import numpy as np
import pytest

from unbraid.config.experiment import Experiment
from unbraid.config.plan import plan
from unbraid.data.dataset import hold_out, load_dataset
from unbraid.data.grids.color import hue_tints
from unbraid.data.grids.options import Grid, arranged, factor_grid
from unbraid.data.storage import ByteImages
from unbraid.errors import UnknownName, UsageError
from unbraid.options import Option, options_of, resolve


@pytest.fixture
def numbered(small_space):
    """A grid of 3 shapes x 2 sizes x 4 angles whose image i is one pixel of level 10 i."""
    return Grid(ByteImages(10 * np.arange(24, dtype=np.uint8).reshape(24, 1, 1, 1)), small_space)


def level(dataset) -> np.ndarray:
    """Index in the whole grid of every image."""
    return dataset.images.bytes(np.arange(len(dataset)))[:, 0, 0, 0] // 10


def test_a_grid_as_it_is(numbered, small_space):
    dataset = arranged("g", numbered)
    assert (dataset.name, dataset.space, dataset.walk, dataset.weights) == ("g", small_space, None, None)
    assert level(dataset).tolist() == list(range(24))
    assert np.array_equal(small_space.index(dataset.factors.astype(np.int64)), np.arange(24))
    assert np.array_equal(dataset.test, hold_out(24, 0.1))


def test_only_keeps_the_images_named_with_their_values(numbered, small_space):
    dataset = arranged("g", numbered, only="shape=a,c angle=1..2")
    codes = small_space.at(np.arange(24))
    kept = [i for i, (shape, _, angle) in enumerate(codes) if shape in (0, 2) and angle in (1, 2)]
    assert level(dataset).tolist() == kept
    assert np.array_equal(dataset.space.values(dataset.factors.astype(np.int64)), small_space.values(codes[kept]))
    assert dataset.space.factors[0].labels == ("a", "c")
    assert np.array_equal(dataset.test, hold_out(8, 0.1))
    assert np.array_equal(dataset.images.floats(np.array([3, 0])), dataset.images.bytes(np.array([3, 0])) / np.float32(255))


def test_a_factor_with_one_value_left_is_none(numbered):
    dataset = arranged("g", numbered, only="size=1 shape=b,c")
    assert dataset.space.names == ("shape", "angle")
    assert level(dataset).tolist() == [12, 13, 14, 15, 20, 21, 22, 23]
    assert np.array_equal(dataset.space.index(dataset.factors.astype(np.int64)), np.arange(8))


def test_unseen_combinations_are_the_test_split(numbered, small_space):
    dataset = arranged("g", numbered, unseen="shape=c angle=0,3", test_share=0.5)
    codes = small_space.at(np.arange(24))
    assert dataset.test.tolist() == [i for i, (shape, _, angle) in enumerate(codes) if shape == 2 and angle in (0, 3)]


def test_unseen_counts_values_as_the_whole_grid_does(numbered):
    dataset = arranged("g", numbered, only="angle=2..3", unseen="angle=3 size=1")
    assert level(dataset)[dataset.test].tolist() == [7, 15, 23]


def test_an_order_of_presentation_walks_over_what_is_kept(numbered):
    dataset = arranged("g", numbered, only="angle=1..3", order="one_factor", test_share=0.0)
    assert sorted(dataset.walk.tolist()) == list(range(18))
    steps = np.abs(np.diff(dataset.factors[dataset.walk].astype(int), axis=0))
    assert (steps.sum(1) == 1).all()


def test_correlated_factors_are_those_that_are_kept(numbered):
    dataset = arranged("g", numbered, only="angle=0..2 size=1", correlate="shape,angle,0.5", test_share=0.0)
    shape, angle = dataset.factors.T
    assert np.allclose(dataset.weights, np.exp(-(((shape - angle) / 2) ** 2) / (2 * 0.25)))


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"only": "shape=d"}, UsageError, "--only 'shape=d': shape has no value 'd'"),
        ({"unseen": "sise=1"}, UnknownName, "Unknown factor 'sise' in --unseen. Did you mean 'size'"),
        ({"only": "shape=0 size=0 angle=0"}, UsageError, "--only 'shape=0 size=0 angle=0' leaves a single image"),
        ({"unseen": "size=0,1"}, UsageError, "--unseen 'size=0,1' matches all of the 24 images"),
        ({"only": "angle=1,2", "unseen": "angle=0"}, UsageError, "--unseen 'angle=0' matches none of the 12 images"),
        ({"only": "size=1", "correlate": "size,angle,1"}, UsageError, "size has a single value"),
        (
            {"order": "all_factors", "correlate": "size,angle,1"},
            UsageError,
            "'g' has an order.*Give --order shuffled, or leave",
        ),
        (
            {"unseen": "angle=0,3", "only": "size=0,1 angle=0,1,3", "correlate": "size,angle,0.001"},
            UsageError,
            "all training images have weight 0",
        ),
    ],
)
def test_requests_that_are_refused(numbered, options, error, says):
    with pytest.raises(error, match=says):
        arranged("g", numbered, **options)


def test_a_grid_has_an_image_for_every_combination(small_space):
    with pytest.raises(UsageError, match="24 combinations of factors has 23 images"):
        Grid(ByteImages(np.zeros((23, 1, 1, 1), dtype=np.uint8)), small_space)


def test_colors_come_before_parts_so_that_hues_can_be_chosen(numbered):
    dataset = arranged("g", numbered, color="factor", hues=6, only="hue=2,4 size=0")
    assert dataset.space.names == ("hue", "shape", "angle")
    pixels = dataset.images.bytes(np.arange(24))[:, :, 0, 0]
    assert (pixels[:12, [0, 2]] == 0).all()  # green
    assert (pixels[12:, [0, 1]] == 0).all()  # blue
    assert np.array_equal(pixels[:12, 1] // 10, [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19])


def test_nuisance_colors_stay_with_their_images(numbered):
    whole, part = (arranged("g", numbered, color="random", only=only) for only in (None, "shape=b,c"))
    assert np.array_equal(part.images.bytes(np.arange(16)), whole.images.bytes(np.arange(8, 24)))


def test_a_grid_that_may_not_be_passed_on_stays_so(numbered):
    assert not arranged("g", Grid(numbered.images, numbered.space, redistributable=False), only="size=0,1").redistributable


def test_the_decorator_adds_the_options_of_every_grid_after_its_own(numbered):
    @factor_grid
    def mine(offset: Annotated[int, Option("shifts levels", ge=0)] = 1) -> Grid:
        """Mine."""
        return Grid(ByteImages(numbered.images.bytes(np.arange(24)) + np.uint8(offset)), numbered.space)

    names = ["offset", "order", "test_share", "color", "hues", "only", "unseen", "correlate", "holes", "joint", "images"]
    assert list(options_of(mine)) == names
    assert mine.__doc__ == "Mine."
    dataset = mine(**resolve(mine, {"only": "size=0", "offset": 3}, "mine"))
    assert dataset.name == "mine"
    assert dataset.images.bytes(np.array([5])).tolist() == [[[[10 * 9 + 3]]]]
    with pytest.raises(UsageError, match="--hues of mine is 1; allowed: a whole number at least 2"):
        resolve(mine, {"hues": 1}, "mine")


@pytest.mark.parametrize("name", ["ellipses", "shapes", "dsprites", "dsprites_reduced"])
def test_every_drawn_grid_has_them(name):
    from unbraid.data.registry import datasets

    assert {"only", "unseen", "correlate", "color", "hues", "order", "test_share"} <= set(datasets[name].options)


def test_a_configuration_holds_them():
    given = {"only": "scale=3..5 x=0..3", "unseen": "scale=5 y=0", "correlate": "x,y,0.2", "batch_size": 8}
    experiment, dataset = plan("vae", "ellipses", given)
    assert {name: experiment.data_options[name] for name in ("only", "unseen", "correlate")} == {
        name: given[name] for name in ("only", "unseen", "correlate")
    }
    assert experiment.n_train == len(dataset) - len(dataset.test) == 4 * 16 * 3 * 40 - 4 * 40
    assert Experiment.from_dict(experiment.to_dict()) == experiment


def test_metrics_and_hues_on_a_real_grid():
    dataset = load_dataset("dsprites_reduced", only="shape=heart scale=5", color="factor", hues=3)
    assert dataset.space.sizes == (3, 4, 10, 10)
    assert dataset.shape == (3, 64, 64)
    images = dataset.images.bytes(dataset.space.rows(orientation=0, x=4, y=4))
    white = images.max(1) > 0
    assert np.array_equal(white[0], white[1])
    assert white[0].sum() in range(210, 235)  # 222 at the first position
    assert [image[:, white[0]].max(1).tolist() for image in images] == hue_tints(3).tolist()


def test_holes_are_in_neither_split(numbered, small_space):
    dataset = arranged("g", numbered, holes="shape=a size=0; angle=3")
    shape, size, angle = small_space.at(np.arange(24)).T
    left = np.flatnonzero(~(((shape == 0) & (size == 0)) | (angle == 3)))
    assert level(dataset).tolist() == left.tolist()
    assert np.array_equal(dataset.factors, small_space.at(left))
    assert np.array_equal(dataset.test, hold_out(len(left), 0.1))
    assert not dataset.is_whole_grid
    assert dataset.notes == ("These combinations never occur: shape=a size=0; angle=3.",)


def test_holes_beside_other_parts_of_the_grid(numbered, small_space):
    dataset = arranged("g", numbered, only="shape=a,c", holes="shape=c size=1", unseen="angle=0", correlate="size,angle,0.5")
    shape, size, angle = small_space.at(level(dataset)).T
    assert set(shape) == {0, 2}
    assert not ((shape == 2) & (size == 1)).any()
    assert np.array_equal(dataset.is_test, angle == 0)
    assert np.allclose(dataset.weights, np.exp(-((size - angle / 3) ** 2) / (2 * 0.25)))


def test_drawn_factors_belong_to_their_images(numbered, small_space):
    dataset = arranged("g", numbered, joint="shape=a size=0 1; shape=b size=1 3", holes="angle=2", images=400)
    assert len(dataset) == 400
    assert np.array_equal(small_space.at(level(dataset)), dataset.factors)
    assert {(shape, size) for shape, size, _ in dataset.factors.tolist()} == {(0, 0), (1, 1)}
    assert set(dataset.factors[:, 2]) == {0, 1, 3}
    assert not set(level(dataset)[dataset.train]) & set(level(dataset)[dataset.test])  # combinations are held out
    assert dataset.notes[0].startswith(
        "The factors of each image were drawn by a fixed seed: shape, size from a table of 2 rows"
    )


def test_as_many_drawn_images_as_combinations_are_no_grid(numbered):
    assert arranged("g", numbered).is_whole_grid
    assert not arranged("g", numbered, images=24).is_whole_grid


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"joint": "size,angle,0.5", "only": "size=1"}, '--joint and --only size=1 contradict .* --joint "scale=3..5 1"'),
        ({"images": 30, "order": "all_factors"}, "--images and --order all_factors contradict"),
        ({"images": 30, "correlate": "size,angle,1"}, "--images and --correlate"),
        ({"holes": "angle=0", "order": "one_factor"}, "--holes and --order"),
        ({"holes": "angle=0..3"}, "leave 0 of 24 images"),
    ],
)
def test_options_that_contradict_each_other(numbered, options, says):
    with pytest.raises(UsageError, match=says):
        arranged("g", numbered, **options)


def test_options_that_are_not_given_leave_configurations_as_they_were():
    experiment, _ = plan("vae", "ellipses", {"size": 28, "only": "x=0..1 y=0..1 scale=0..1"})
    assert not {"holes", "joint", "images"} & experiment.to_dict()["data_options"].keys()
    assert Experiment.from_dict(json.loads(json.dumps(experiment.to_dict()))) == experiment
    other, _ = plan("vae", "ellipses", {"size": 28, "holes": "x=0..3"})
    assert other.to_dict()["data_options"]["holes"] == "x=0..3"
