"""Data sets of other libraries, item by item: PyTorch's and torchvision's, and those of Hugging Face."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unbraid.data.files.scratch import room
from unbraid.errors import UnknownName, UsageError
from unbraid.progress import reporting

IMAGE = ("image", "img", "images", "pixel_values")
LABEL = ("label", "labels")
"""Names of columns that are taken for the image and its class."""


@dataclass(frozen=True, eq=False)
class Items:
    """What a data set holds.

    Args:
        images: of all items.
        labels: class of each, numbers or texts; None where items have none.
        factors: further values of each item, by name.
        notes: what was taken for what, a sentence each.
    """

    images: np.ndarray
    labels: np.ndarray | None = None
    factors: Mapping[str, np.ndarray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Columns:
    """Which columns of a data set with named columns are what; empty where the names decide.

    Args:
        image: the images.
        label: the classes.
        factors: the factors; by default all other columns of numbers, and of texts that do not all differ.
    """

    image: str = ""
    label: str = ""
    factors: tuple[str, ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """All that are given."""
        return tuple(filter(None, (self.image, self.label, *self.factors)))


def is_items(given: Any) -> bool:
    """Whether this is a data set of another library, with items, and neither an array nor a list."""
    has = hasattr(given, "__getitem__") and hasattr(given, "__len__")
    return has and not hasattr(given, "__array__") and not isinstance(given, (list, tuple, str))


def read_items(given: Any, columns: Columns = Columns()) -> Items:
    """Images of a data set, and what it tells of them; it is read once, whole.

    * A data set of PyTorch or torchvision, whose items are images, pairs of an image and its target, or mappings from names. A
      target is a number or a text, which is the class, or several numbers, which are factors. Classes have the names in
      `classes` of the data set, and such factors those in `attr_names`, as torchvision has them.
    * One of Hugging Face (`datasets.Dataset`), by the types of its columns; it is known by `features` and `with_format`.

    Raises `UsageError` for items that are not alike, or no images, and `UnknownName` for columns that there are not.
    """
    if isinstance(given, Mapping):
        raise UsageError(
            f"The data set has parts {', '.join(map(str, given))}; give one of them: data[{next(iter(given), '')!r}]."
        )
    if not len(given):
        raise UsageError("The data set holds no items.")
    if hasattr(given, "features") and hasattr(given, "with_format"):
        return _read_columns(given, columns)
    first = given[0]
    if isinstance(first, Mapping):
        return _read_mappings(given, list(first), columns)
    if columns.named:
        raise UsageError(
            f"{', '.join(columns.named)}: names of columns, and the items of the data set are {type(first).__name__}s without "
            "names. Give the values themselves."
        )
    return _read_pairs(given)


def _read_columns(given: Any, columns: Columns) -> Items:
    plain = given.with_format(None)  # whatever tensors it would give otherwise
    kinds = {name: type(feature).__name__ for name, feature in plain.features.items()}
    image = _image(list(kinds), [name for name, kind in kinds.items() if kind == "Image"], columns)
    label = _label(list(kinds), [name for name, kind in kinds.items() if kind == "ClassLabel"], columns)
    scalar = [name for name, kind in kinds.items() if kind in ("ClassLabel", "Value") and name not in (image, label)]
    wanted = list(columns.factors) or scalar
    values = {}
    for name in filter(None, (label, *wanted)):
        column = np.array(list(plain[name]))
        names = getattr(plain.features[name], "names", None)
        values[name] = _named(column, names, f"Column {name!r}") if names else column
    images = _stacked((row[image] for row in plain.select_columns([image])), len(plain))
    others = [name for name in kinds if name not in (image, label, *wanted) and not columns.factors]
    return _sorted_out(images, image, label, values, columns, others)


def _read_mappings(given: Any, names: list[str], columns: Columns) -> Items:
    image, label = _image(names, [], columns), _label(names, [], columns)
    wanted = [*filter(None, (label, *(columns.factors or (name for name in names if name not in (image, label)))))]
    found: dict[str, list[Any]] = {name: [] for name in wanted}

    def images() -> Iterator[Any]:
        for i in range(len(given)):
            item = given[i]
            missing = [name for name in (image, *wanted) if not isinstance(item, Mapping) or name not in item]
            if missing:
                raise UsageError(f"Item {i} of the data set has no {missing[0]!r}, which item 0 has; all must be alike.")
            for name in wanted:
                found[name].append(_scalar(item[name], f"{name} of item {i}"))
            yield item[image]

    pixels = _stacked(images(), len(given))
    return _sorted_out(pixels, image, label, {name: np.array(column) for name, column in found.items()}, columns)


def _image(names: Sequence[str], typed: Sequence[str], columns: Columns) -> str:
    for name in columns.named:
        if name not in names:
            raise UnknownName("column", name, names, where="the data set")
    usual = [columns.image] if columns.image else typed if len(typed) == 1 else [name for name in IMAGE if name in names]
    if not usual:
        raise UsageError(f"Which column of the data set are the images? Give image=NAME; it has {', '.join(names)}.")
    return usual[0]


def _label(names: Sequence[str], typed: Sequence[str], columns: Columns) -> str:
    usual = [name for name in LABEL if name in names] or (typed if len(typed) == 1 else [])
    return columns.label or next((name for name in usual if name not in columns.factors), "")


def _sorted_out(
    images: np.ndarray,
    image: str,
    label: str,
    values: Mapping[str, np.ndarray],
    columns: Columns,
    others: Sequence[str] = (),
) -> Items:
    factors, left_out = {}, []
    for name, column in values.items():
        texts = column.dtype.kind in "US" and len(np.unique(column)) == len(column) > 1
        if name == label:
            continue
        if name not in columns.factors and (column.ndim != 1 or column.dtype.kind not in "buifUS" or texts):
            left_out.append(name)
        else:
            factors[name] = column
    said = [f"Images are the column {image!r}"]
    said += [f"the class {label!r}"] if label else []
    said += [f"factors {', '.join(map(repr, factors))}"] if factors else []
    notes = [", ".join(said) + "."]
    if left_out or others:
        names = ", ".join(map(repr, (*left_out, *others)))
        notes.append(f"Left out, since they name items or are no numbers and texts: {names}.")
    return Items(images, values.get(label), factors, tuple(notes))


def _read_pairs(given: Any) -> Items:
    labels: list[Any] = []

    def images() -> Iterator[Any]:
        for i in range(len(given)):
            image, target = _split(given[i], i)
            labels.extend(target)
            yield image

    pixels, n = _stacked(images(), len(given)), len(given)
    if len(labels) not in (0, n):
        raise UsageError(f"{len(labels)} of the {n} items of the data set have a label; all or none must.")
    if not labels:
        return Items(pixels)
    lengths = {np.shape(label) for label in labels}
    if len(lengths) != 1:
        raise UsageError("The targets of the data set have different lengths; all must be alike.")
    targets = np.array(labels)
    if targets.ndim == 2:
        names = [name for name in getattr(given, "attr_names", ()) if name]
        named = len(set(names)) == len(names) == targets.shape[1]
        known = names if named else [f"factor_{k}" for k in range(targets.shape[1])]
        return Items(pixels, factors=dict(zip(known, targets.T, strict=True)))
    classes: Any = getattr(given, "classes", None)
    in_words = isinstance(classes, (list, tuple)) and all(isinstance(one, str) for one in classes)
    if in_words and targets.dtype.kind in "iu" and 0 <= targets.min() <= targets.max() < len(classes):
        targets = _named(targets, classes, "The targets")
    return Items(pixels, targets)


def _named(codes: np.ndarray, names: Sequence[str], what: str) -> np.ndarray:
    """Names of classes in place of their numbers."""
    if codes.dtype.kind in "iu":
        known = (codes >= 0) & (codes < len(names))
    else:
        known = np.array([isinstance(code, int | np.integer) and 0 <= code < len(names) for code in codes])
    if not known.all():
        first = int(np.argmin(known))
        raise UsageError(
            f"{what} has class {codes[first]} in item {first}, and names for 0 to {len(names) - 1}; {int((~known).sum()):,} of "
            f"{len(codes):,} items are so. Leave them out: data.filter(...) or torch.utils.data.Subset."
        )
    codes = codes.astype(np.int64)
    if len(set(names)) < len(names):
        return codes
    return np.array(list(names))[codes]


def _stacked(given: Iterator[Any], n: int) -> np.ndarray:
    """Images one after the other in an array; raises `UsageError` where they are not alike."""
    images = np.empty(0)
    with reporting(f"reading {n:,} items") as report:
        for i, one in enumerate(given):
            image = _item(one, i)
            if i == 0:
                images = room((n, *image.shape), image.dtype)
            if image.shape != images.shape[1:] or image.dtype != images.dtype:
                raise UsageError(
                    f"Item {i} of the data set is {image.dtype} of shape {image.shape}, item 0 {images.dtype} of shape "
                    f"{images.shape[1:]}; all must be alike."
                )
            images[i] = image
            report(i + 1, n)
    return images


def _split(item: Any, i: int) -> tuple[Any, list[Any]]:
    if not isinstance(item, (tuple, list)):
        return item, []
    if len(item) not in (1, 2):
        raise UsageError(f"Item {i} of the data set has {len(item)} parts; allowed: an image, or an image and its label.")
    return item[0], [] if len(item) == 1 else [_scalar(item[1], f"label of item {i}", vector=True)]


def _scalar(given: Any, what: str, *, vector: bool = False) -> Any:
    """A number or a text, or with `vector` also a list of numbers."""
    if isinstance(given, str):
        return given
    found = as_array(given, f"The {what}")
    if found.dtype.kind in "buifU" and found.ndim <= int(vector) and found.size:
        return found.tolist()
    allowed = "a number, a text or several numbers" if vector else "a number or a text"
    raise UsageError(
        f"The {what} of the data set is a {type(given).__name__}; allowed: {allowed}. Give factors apart: "
        "unbraid.dataset(images, factors=...)."
    )


def as_array(given: Any, what: str) -> np.ndarray:
    """An array of an array, a tensor or nested lists, sharing memory if possible; raises `UsageError`."""
    if hasattr(given, "detach"):
        given = given.detach().cpu()
    try:
        return np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UsageError(f"{what} are a {type(given).__name__}, which makes no array ({error}).") from None


def _item(given: Any, i: int) -> np.ndarray:
    if hasattr(given, "convert") and hasattr(given, "getbands"):  # a PIL image, whose channels come last
        from unbraid.data.files.image_files import pixels_of

        if given.mode not in ("L", "RGB"):
            raise UsageError(f"Item {i} of the data set is a PIL image of kind {given.mode}; convert it to L or RGB.")
        return pixels_of(given)
    image = as_array(given, f"Item {i} of the data set")
    if image.dtype.kind not in "buif" or image.ndim not in (2, 3):
        raise UsageError(
            f"Item {i} of the data set is a {type(given).__name__}; give images of real numbers, (height, width) or (channel, "
            "height, width), or pairs of an image and its label."
        )
    return image
