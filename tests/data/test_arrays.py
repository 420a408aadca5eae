"""Data sets given in Python."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import TensorDataset

import unbraid
from unbraid.data.dataset import Dataset, hold_out
from unbraid.errors import UsageError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 3, 4, 5), np.uint8)
ALL = np.arange(12)


class Items(TorchDataset):
    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def shown(data: Dataset) -> np.ndarray:
    return data.images.bytes(ALL)


def test_arrays_and_tensors_of_any_kind_are_the_same_images():
    for given in (
        IMAGES,
        torch.from_numpy(IMAGES),
        IMAGES / 255,
        torch.from_numpy(IMAGES / 255).requires_grad_(),
        IMAGES.tolist(),
    ):
        scale = "255" if isinstance(given, list) else "auto"
        np.testing.assert_array_equal(shown(unbraid.dataset(given, scale=scale)), IMAGES)
    np.testing.assert_array_equal(shown(unbraid.dataset(IMAGES[:, 0]))[:, 0], IMAGES[:, 0])


def test_factors_by_column_or_by_name():
    angle, shape = ALL % 3 / 2, np.array(["cube", "ball"])[ALL % 2]
    data = unbraid.dataset(IMAGES, factors={"angle": angle, "shape": shape}, labels=ALL % 4)
    assert data.space.names == ("angle", "shape")
    assert data.space.factors[1].labels == ("ball", "cube")
    np.testing.assert_array_equal(data.space.values(data.factors.astype(np.int64))[:, 0], angle)
    np.testing.assert_array_equal(data.labels, ALL % 4)
    table = np.stack([angle, ALL % 2], 1)
    for given in (table, torch.from_numpy(table), table.tolist()):
        named = unbraid.dataset(IMAGES, factors=given, factor_names=["angle", "side"])
        np.testing.assert_array_equal(named.space.values(named.factors.astype(np.int64)), table)
    assert unbraid.dataset(IMAGES, factors=table).space.names == ("factor_0", "factor_1")


def test_continuous_factors_keep_their_numbers():
    data = unbraid.dataset(IMAGES, factors={"angle": ALL**0.5, "side": ALL % 2}, continuous=["angle"])
    assert data.space.continuous == ("angle",)
    np.testing.assert_array_equal(data.factors, np.stack([ALL**0.5, ALL % 2], 1))


def test_what_is_held_out_is_the_same_for_all():
    np.testing.assert_array_equal(unbraid.dataset(IMAGES, test_share=0.25).test, hold_out(12, 0.25))
    assert len(unbraid.dataset(IMAGES, test_share=0).test) == 0


@pytest.mark.parametrize("kind", ["tensors", "arrays", "pictures", "gray pictures", "with labels", "tensor data set"])
def test_torch_data_sets(kind):
    labels = [i % 3 for i in range(12)]
    pictures = [Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))) for image in IMAGES]
    items = {
        "tensors": Items([torch.from_numpy(image) for image in IMAGES]),
        "arrays": Items([(image / 255).astype(np.float32) for image in IMAGES]),
        "pictures": Items(pictures),
        "gray pictures": Items([Image.fromarray(image[0]) for image in IMAGES]),
        "with labels": Items([(picture, torch.tensor(label)) for picture, label in zip(pictures, labels, strict=True)]),
        "tensor data set": TensorDataset(torch.from_numpy(IMAGES), torch.tensor(labels)),
    }[kind]
    data = unbraid.dataset(items)
    np.testing.assert_array_equal(shown(data), IMAGES[:, :1] if kind == "gray pictures" else IMAGES)
    if kind in ("with labels", "tensor data set"):
        assert data.labels.tolist() == labels
        assert unbraid.dataset(items, labels=["a"] * 12).label_names == ("a",)
    else:
        assert data.labels is None


def test_texts_as_labels_of_a_torch_data_set():
    data = unbraid.dataset(Items([(image, "ab"[i % 2]) for i, image in enumerate(IMAGES)]))
    assert data.label_names == ("a", "b")


@pytest.mark.parametrize(
    ("given", "options", "says"),
    [
        (Items([]), {}, "holds no items"),
        (Items([IMAGES[0], IMAGES[0, :2]]), {}, "Item 1 .* all must be alike"),
        (Items([IMAGES[0], IMAGES[0] / 255]), {}, "Item 1 .* all must be alike"),
        (Items([(IMAGES[0], 1, 2)]), {}, "3 parts"),
        (Items([(IMAGES[0], np.zeros((2, 2)))]), {}, "label of item 0 .*factors"),
        (Items([(IMAGES[0], 1), IMAGES[0]]), {}, "1 of the 2 items"),
        (Items([Image.new("RGBA", (4, 4))]), {}, "convert it to L or RGB"),
        (Items([IMAGES[0] / 255 - 0.5]), {}, "minmax"),
        (Items(["x"]), {}, "real numbers"),
        (iter(IMAGES), {}, "torch data set with a length"),
        (None, {}, "torch data set with a length"),
        (IMAGES, {"labels": ALL[:5]}, "5 values for 12 images"),
        (IMAGES, {"factors": {"a": ALL[:5]}}, "Factor 'a': 5 values"),
        (IMAGES, {"factors": ALL}, "mapping"),
        (IMAGES, {"factors": ALL[:, None], "factor_names": ["a", "b"]}, "2 factor names"),
        (IMAGES, {"factors": {"a": ALL}, "factor_names": ["a"]}, "leave factor_names out"),
        (IMAGES, {"factor_names": ["a"]}, "without factors"),
        (IMAGES, {"factors": {"a": np.where(ALL == 3, np.nan, ALL)}}, "image 3 is nan"),
        (IMAGES, {"test_share": 1.0}, "test_share is 1.0"),
        (IMAGES, {"test_share": 0.99}, "no images to train on"),
        (IMAGES, {"factors": {"a": ALL}, "horizontal_flip": True}, "horizontal flips"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(given, options, says):
    with pytest.raises(UsageError, match=says):
        unbraid.dataset(given, **options)


def test_nothing_given_is_changed():
    images, factors = IMAGES.copy(), np.stack([ALL, ALL], 1)
    unbraid.dataset(images, factors=factors, labels=ALL, scale="minmax").images.floats(ALL)
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(factors, np.stack([ALL, ALL], 1))
