"""Data sets of other libraries: torchvision's and Hugging Face's, given in Python."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import unbraid
from unbraid.errors import UnknownName, UsageError

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 4, 5, 3), np.uint8)
PICTURES = [Image.fromarray(image) for image in IMAGES]
ALL = np.arange(12)
KINDS = ["cat", "dog", "bird"]
COLUMNS = {
    "image": PICTURES,
    "label": [i % 3 for i in range(12)],
    "hue": [i / 12 for i in range(12)],
    "side": ["left" if i % 2 else "right" for i in range(12)],
    "caption": [f"picture {i}" for i in range(12)],
    "boxes": [[i, i + 1] for i in range(12)],
}


def type_called(name: str, **attributes):
    return type(name, (), attributes)()


class StandIn:
    """What `datasets.Dataset` is to those who read it: columns of types, of which some can be selected."""

    def __init__(self, columns=COLUMNS, names=tuple(COLUMNS)):
        self.columns, self.column_names = columns, list(names)
        kinds = {"image": type_called("Image"), "label": type_called("ClassLabel", names=KINDS), "boxes": type_called("List")}
        self.features = {name: kinds.get(name, type_called("Value")) for name in names}

    def __len__(self):
        return len(next(iter(self.columns.values())))

    def __getitem__(self, key):
        if isinstance(key, str):
            return self.columns[key]
        return {name: self.columns[name][key] for name in self.column_names}

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def with_format(self, kind):
        assert kind is None
        return self

    def select_columns(self, names):
        return StandIn(self.columns, names)


def labeled(labels):
    return StandIn({"image": PICTURES[: len(labels)], "label": labels}, ("image", "label"))


def real():
    """The same columns as the library itself holds them."""
    library = pytest.importorskip("datasets")
    features = library.Features(
        {
            "image": library.Image(),
            "label": library.ClassLabel(names=KINDS),
            "hue": library.Value("float64"),
            "side": library.Value("string"),
            "caption": library.Value("string"),
            "boxes": library.Sequence(library.Value("int64")),
        }
    )
    return library.Dataset.from_dict(COLUMNS, features=features).with_format("numpy")


@pytest.fixture(params=["stand-in", "the library"])
def hugging_face(request):
    return StandIn() if request.param == "stand-in" else real()


def shown(data):
    return data.images.bytes(ALL).transpose(0, 2, 3, 1)


def test_columns_are_taken_by_their_types(hugging_face):
    data = unbraid.dataset(hugging_face, continuous=["hue"], name="mine")
    np.testing.assert_array_equal(shown(data), IMAGES)
    assert [data.label_names[label] for label in data.labels] == [KINDS[i % 3] for i in range(12)]
    assert data.space.names == ("hue", "side")
    assert data.space.factors[1].labels == ("left", "right")
    np.testing.assert_array_equal(data.factors, np.stack([ALL / 12, ALL % 2 == 0], 1))
    assert data.notes == (
        "Images are the column 'image', the class 'label', factors 'hue', 'side'.",
        "Left out, since they name items or are no numbers and texts: 'caption', 'boxes'.",
    )


def test_columns_can_be_named(hugging_face):
    data = unbraid.dataset(hugging_face, image="image", labels="side", factors=["label", "caption"])
    assert data.label_names == ("left", "right")
    assert data.space.names == ("label", "caption")
    assert data.space.factors[0].labels == tuple(sorted(KINDS))
    with pytest.raises(UnknownName, match="capiton"):
        unbraid.dataset(hugging_face, factors=["capiton"])


def test_values_beside_a_data_set_replace_its_own(hugging_face):
    data = unbraid.dataset(hugging_face, labels=ALL % 2, factors={"x": ALL % 4})
    assert (data.label_names, data.space.names) == (("0", "1"), ("x",))


def test_a_model_trains_on_it(tmp_path):
    columns = {"image": [Image.fromarray(np.full((32, 32), 20 * i, np.uint8)) for i in range(12)], "label": [0, 1, 2] * 4}
    data = unbraid.dataset(StandIn(columns, ("image", "label")))
    assert data.shape == (1, 32, 32)
    unbraid.train("vae", data, steps=1, batch_size=4, device="cpu", progress=False)


class Torchvision:
    """A data set as torchvision has them: pairs, with the names of classes or attributes beside."""

    def __init__(self, targets, **names):
        self.targets = targets
        self.__dict__.update(names)

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, i):
        return PICTURES[i], self.targets[i]


def test_classes_have_the_names_that_torchvision_gives_them():
    data = unbraid.dataset(Torchvision([i % 3 for i in range(12)], classes=KINDS))
    assert [data.label_names[label] for label in data.labels] == [KINDS[i % 3] for i in range(12)]
    beyond = unbraid.dataset(Torchvision([i % 4 for i in range(12)], classes=KINDS))
    assert beyond.label_names == ("0", "1", "2", "3")


def test_attributes_of_torchvision_are_factors():
    bits = torch.from_numpy(np.stack([ALL % 2, ALL // 6], 1))
    data = unbraid.dataset(Torchvision(bits, attr_names=["smiling", "old", ""]))  # as CelebA's ends
    assert data.space.names == ("smiling", "old")
    np.testing.assert_array_equal(data.factors, bits.numpy())
    assert data.labels is None
    for names in ({}, {"attr_names": ["smiling", "smiling"]}):  # one would take the place of the other
        assert unbraid.dataset(Torchvision(bits, **names)).space.names == ("factor_0", "factor_1")


def test_items_with_names_are_columns():
    items = [{"image": IMAGES[i].transpose(2, 0, 1), "label": KINDS[i % 3], "x": torch.tensor(i % 4)} for i in range(12)]

    class Named(Torchvision):
        def __getitem__(self, i):
            return items[i]

    data = unbraid.dataset(Named(items))
    np.testing.assert_array_equal(shown(data), IMAGES)
    assert (data.label_names, data.space.names) == (tuple(sorted(KINDS)), ("x",))
    del items[5]["x"]
    with pytest.raises(UsageError, match="Item 5 of the data set has no 'x'"):
        unbraid.dataset(Named(items))


@pytest.mark.parametrize(
    ("given", "options", "says"),
    [
        ({"train": StandIn(), "test": StandIn()}, {}, r"parts train, test; give one of them: data\['train'\]"),
        (StandIn({"x": [1, 2], "y": [3, 4]}, ("x", "y")), {}, "image=NAME; it has x, y"),
        (Torchvision([[0, 1], [0]]), {}, "different lengths"),
        (Torchvision([0, 1]), {"image": "image"}, "without names"),
        (IMAGES[..., 0], {"image": "image"}, "given as a ndarray"),
        (labeled([0, 3]), {}, "class 3 in item 1, and names for 0 to 2; 1 of 2 items are so. Leave them out"),
        (labeled([-1, 0]), {}, "class -1 in item 0"),
        (labeled([1, None]), {}, "class None in item 1"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(given, options, says):
    with pytest.raises(UsageError, match=says):
        unbraid.dataset(given, **options)
