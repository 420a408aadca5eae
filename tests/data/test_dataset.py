import base64
import dataclasses
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from unbraid.data.dataset import grid_dataset, hold_out, load_dataset
from unbraid.data.registry import datasets
from unbraid.data.storage import ByteImages
from unbraid.errors import UnknownName, UsageError

fixed = settings(derandomize=True, max_examples=40, database=None)


@fixed
@given(st.integers(1, 500), st.floats(0, 0.99))
def test_the_hold_out_is_a_fixed_ascending_share(n, share):
    held = hold_out(n, share)
    assert len(held) == round(n * share)
    assert np.array_equal(held, np.unique(held))
    assert held.size == 0 or (held[0] >= 0 and held[-1] < n)
    assert np.array_equal(held, hold_out(n, share))


def test_the_hold_out_never_changes_between_releases():
    assert hold_out(20, 0.25).tolist() == [0, 2, 3, 14, 19]


def test_a_larger_share_holds_the_smaller_one():
    assert set(hold_out(100, 0.1)) < set(hold_out(100, 0.3))


def test_splits_are_disjoint_and_exhaustive():
    dataset = load_dataset("ellipses", test_share=0.25)
    train, test = dataset.split("train"), dataset.split("test")
    assert len(test) == 15_360
    assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(61_440))
    assert np.array_equal(test, dataset.test)
    assert np.array_equal(np.flatnonzero(dataset.is_test), test)
    assert np.array_equal(train, dataset.train)


def test_training_images_follow_the_walk(toy):
    walk = np.random.default_rng(0).permutation(20)
    dataset = toy(test=[1, 18, 4], walk=walk)
    assert dataset.train.tolist() == [i for i in walk if i not in (1, 18, 4)]
    assert dataset.split("train").tolist() == [i for i in range(20) if i not in (1, 18, 4)]
    assert dataset.split("test").tolist() == [1, 4, 18]


def test_a_grid_is_numbered_by_its_factors(small_space):
    dataset = grid_dataset("g", ByteImages(np.zeros((24, 1, 1, 1), dtype=np.uint8)), small_space, test_share=0.5)
    assert np.array_equal(small_space.index(dataset.factors), np.arange(24))
    assert np.array_equal(dataset.test, hold_out(24, 0.5))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"n": 0}, "holds no images"),
        ({"test": [20]}, "distinct indices from 0 to 19"),
        ({"test": [-1]}, "distinct indices from 0 to 19"),
        ({"test": [3, 3]}, "distinct indices"),
        ({"test": list(range(20))}, "leaves no images to train on; hold out fewer"),
        ({"walk": np.arange(19)}, "20 images but 19 rows of walk"),
        ({"walk": np.arange(1, 21)}, "the walk must pass every image from 0 to 19 once"),
        ({"walk": np.zeros(20, dtype=np.int64)}, "must pass every image"),
        ({"labels": np.zeros(3, dtype=np.int64)}, "20 images but 3 rows of labels"),
        ({"labels": np.arange(20), "label_names": ("a", "b")}, "labels from 0 to 19 but 2 label names; allowed: 0 to 1"),
        ({"labels": np.arange(20) - 1, "label_names": tuple("abcdefghijklmnopqrst")}, "labels from -1 to 18"),
        ({"weights": np.ones(3)}, "20 images but 3 rows of weights"),
        ({"weights": np.full(20, -1.0)}, "weights must be finite and at least 0"),
        ({"weights": np.full(20, np.nan)}, "weights must be finite and at least 0"),
        ({"weights": np.arange(20) // 19.0, "test": [19]}, "all training images have weight 0; give some of them more"),
        (
            {"weights": np.ones(20), "walk": np.arange(20)},
            "an order of presentation and weights to draw by; allowed: one of them",
        ),
        ({"factors": np.zeros((20, 1), dtype=np.int64)}, "give factor codes together with their space"),
    ],
)
def test_data_that_contradict_themselves_are_refused(toy, arguments, text):
    with pytest.raises(UsageError, match=f"'toy'.*{text}"):
        toy(**arguments)


def test_a_space_without_factors_is_refused(toy, small_space):
    with pytest.raises(UsageError, match="together with their space"):
        toy(space=small_space)


def test_an_unknown_split(toy):
    with pytest.raises(UsageError, match="Split 'valid'; allowed: train, test"):
        toy().split("valid")


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("elipses", {}, "Unknown data set 'elipses'. Did you mean 'ellipses'"),
        ("ellipses", {"sise": 32}, "Unknown option 'sise' of data set 'ellipses'. Did you mean 'size'"),
    ],
)
def test_unknown_names(name, options, text):
    with pytest.raises(UnknownName, match=text):
        load_dataset(name, **options)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"size": 48}, "--size of data set 'ellipses' is 48; allowed: 28, 32, 64"),
        ({"test_share": 1.0}, "--test-share .* is 1.0; allowed: a finite number at least 0 and below 1"),
        ({"test_share": -0.1}, "at least 0 and below 1"),
        ({"test_share": float("nan")}, "at least 0 and below 1"),
        ({"order": "random"}, "allowed: shuffled, one_factor, all_factors"),
        ({"turn": "full"}, "allowed: half, dsprites"),
    ],
)
def test_options_that_are_refused(options, text):
    with pytest.raises(UsageError, match=text):
        load_dataset("ellipses", **options)


def test_every_data_set_names_its_source_and_says_what_it_is():
    assert {"dsprites", "dsprites_reduced", "ellipses", "fashion_mnist"} <= set(datasets.names())
    for entry in datasets:
        assert entry.source
        assert entry.summary.endswith(".")


def test_images_by_number_slice_and_list():
    for name, options in (("ellipses", {"size": 28}), ("shapes", {}), ("ellipses", {"color": "factor", "only": "x=0"})):
        images = load_dataset(name, **options).images
        every = np.arange(len(images))
        np.testing.assert_array_equal(images[:20], images.floats(every[:20]))
        np.testing.assert_array_equal(images[-3::2], images.floats(every[-3::2]))
        np.testing.assert_array_equal(images[7], images.floats(every[7:8])[0])
        np.testing.assert_array_equal(images[[5, 2]], images.floats(np.array([5, 2])))
        with pytest.raises(IndexError):
            images[len(images)]


def test_a_data_set_is_shown_in_a_line_and_in_a_notebook_with_images():
    data = load_dataset("ellipses")
    assert repr(data) == (
        "<Dataset ellipses: 61,440 gray images of 32 x 32, 6,144 held out; factors x (16), y (16), scale (6), orientation (40)>"
    )
    page = data._repr_html_()
    assert "<b>ellipses</b>" in page
    assert "61,440 gray images" in page
    picture = Image.open(BytesIO(base64.b64decode(page.partition("base64,")[2].partition('"')[0])))
    assert picture.size == (12 * 33 - 1, 32)
    shown = np.asarray(picture)[:, :32]
    np.testing.assert_array_equal(shown, data.images.bytes(np.array([0]))[0, 0])
    assert "<img" not in dataclasses.replace(data, redistributable=False)._repr_html_()
    named = dataclasses.replace(data, name="<b>", notes=("a < b",))._repr_html_()
    assert "&lt;b&gt;" in named
    assert "a &lt; b" in named
