"""Images given in Python: arrays, tensors and torch data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from inspect import signature
from typing import Annotated, Any

from unbraid.data.dataset import Dataset, load_dataset
from unbraid.data.files.columns import Column, column_of, known_of
from unbraid.data.items import Columns, as_array, is_items, read_items
from unbraid.data.own_data import put_together
from unbraid.data.pixel_values import Scale, image_store
from unbraid.data.registry import datasets
from unbraid.errors import UnknownName, UsageError
from unbraid.options import Option

IN_PYTHON = "arrays"
"""Registered name of data that were given in Python."""


@datasets.register(IN_PYTHON, source="Arrays of your own")
def arrays(name: Annotated[str, Option("what you call them")] = IN_PYTHON) -> Dataset:
    """Images given in Python: unbraid.train("vae", images), or unbraid.dataset(images, factors=...).

    A run knows them by a digest of their content. To resume, score or report it, give the same images again in Python.

    >>> unbraid.dataset(np.zeros((20, 8, 8), np.uint8), name="mine")
    <Dataset mine: 20 gray images of 8 x 8, 2 held out>
    """
    raise UsageError(
        f"The images {name!r} were given in Python and are in no file. Give them again in Python: "
        "unbraid.train(MODEL, images, out=RUN), unbraid.evaluate(RUN, data=images) or unbraid.report(RUN, data=images)."
    )


def dataset(data: Any, **options: Any) -> Dataset:
    """A data set, wherever it comes from, for `unbraid.train`, `unbraid.evaluate` and `Model.evaluate`.

        unbraid.dataset("dsprites", only="shape=heart")
        unbraid.dataset("npz:digits.npz")
        unbraid.dataset(images, factors=factors, factor_names=["x", "y"])

    Args:
        data: a registered name (`unbraid list datasets`); one with a path, "npz:digits.npz" or "folder:photos"; images as an
            array or a tensor; a data set of PyTorch, torchvision or Hugging Face; or a data set, which is given back.
        options: of the registered data set (`unbraid show dsprites`), or those of `unbraid.data.sets.arrays.of_arrays`.

    Raises `UsageError` for what does not fit, and for names what `load_dataset` raises.

    >>> unbraid.dataset(np.zeros((20, 8, 8)), factors={"x": np.arange(20) % 4}, name="mine")
    <Dataset mine: 20 gray images of 8 x 8, 2 held out; factors x (4)>
    """
    if isinstance(data, str):
        return load_dataset(data, **options)
    if isinstance(data, Dataset):
        if options:
            raise UsageError(f"{data.name!r} is a data set already; options such as {next(iter(options))} go with its images.")
        return data
    known = signature(of_arrays).parameters
    for option in options:
        if option not in known:
            raise UnknownName("option", option, list(known)[1:], of="images given in Python")
    return of_arrays(data, **options)


def of_arrays(
    images: Any,
    *,
    image: str = "",
    factors: Any = None,
    factor_names: Sequence[str] | None = None,
    continuous: Sequence[str] = (),
    labels: Any = None,
    test_share: float = 0.1,
    scale: Scale = "auto",
    horizontal_flip: bool = False,
    redistributable: bool = True,
    name: str = IN_PYTHON,
) -> Dataset:
    """A data set of images given in Python.

    Arrays are not copied: leave them as they are while the data set is in use. A torch data set is read once, whole.

    >>> images = np.random.default_rng(0).integers(0, 256, (20, 8, 8), np.uint8)
    >>> dataset(images, factors={"x": np.arange(20) % 4}, labels=["cat", "dog"] * 10, name="mine")
    <Dataset mine: 20 gray images of 8 x 8, 2 held out; factors x (4); 2 classes>

    Args:
        images: an array or a tensor (n, height, width) or (n, channel, height, width) with 1 or 3 channels; or a torch data set
            with a length, whose items are images, or pairs of an image and its label: tensors, arrays or PIL images, all of
            one shape; or a data set of Hugging Face. `unbraid.data.items.read_items` says what is taken for what.
        image: of a data set with named columns the one that holds the images; by default the only one of its type.
        factors: numbers or texts (n, k), or a mapping from names to k columns; of a data set with named columns their names, by
            default all others.
        factor_names: names of the columns of an array of factors; by default `factor_0` and so on.
        continuous: names of factors that are continuous: their numbers stay as they are, and do not become classes.
        labels: the class of each image, numbers or texts; by default those of the data set. Of one with named columns also
            the name of a column.
        test_share: share of the images that is held out, the same ones whatever the seed.
        scale: which value is white: "255", "1", or the whole set's largest ("minmax"; its smallest is then black); or the
            values of black and white, as in (0, 4095). "auto" takes 1 for floats, for booleans and for bytes that are all 0
            or 1, else 255 for bytes.
        horizontal_flip: follow every training image by its mirror image.
        redistributable: whether reports may embed the images.
        name: what tables and reports call it.

    Raises `UsageError` for what does not fit, NaN and values out of range.
    """
    if not 0 <= test_share < 1:
        raise UsageError(f"test_share is {test_share}; allowed: at least 0 and below 1.")
    notes: tuple[str, ...] = ()
    if is_items(images):
        named = _names_columns(factors)
        asked = labels if isinstance(labels, str) else ""
        found = read_items(images, Columns(image, asked, tuple(factors) if named else ()))
        images, notes = found.images, found.notes
        labels = found.labels if labels is None or asked else labels
        factors = found.factors or None if factors is None or named else factors
    elif image:
        raise UsageError(f"image={image!r} names a column, and the images are given as a {type(images).__name__}.")
    pixels = as_array(images, "The images")
    if pixels.dtype == object:
        raise UsageError(
            f"The images are a {type(images).__name__}; give an array, a tensor, or a torch data set with a length."
        )
    store = image_store(pixels, scale=scale)
    columns = _factor_columns(factors, factor_names)
    label = None if labels is None else column_of("label", as_array(labels, "The labels"), "The labels")
    for column in (*columns, *filter(None, [label])):
        if len(column.codes) != len(store):
            raise UsageError(f"{column.where}: {len(column.codes)} values for {len(store)} images; give one per image.")
    known = known_of(columns, label, continuous)
    return put_together(
        name,
        store,
        replace(known, notes=(*notes, *known.notes)),
        test_share=test_share,
        horizontal_flip=horizontal_flip,
        redistributable=redistributable,
    )


def as_dataset(data: Any, scale: Scale = "auto") -> Any:
    """Names, data sets and None as they are; a data set of anything else, whose values `scale` reads."""
    return data if data is None or isinstance(data, (str, Dataset)) else of_arrays(data, scale=scale)


def _names_columns(factors: Any) -> bool:
    """Whether factors are given by the names of columns."""
    return isinstance(factors, (list, tuple)) and bool(factors) and all(isinstance(name, str) for name in factors)


def _factor_columns(factors: Any, names: Sequence[str] | None) -> list[Column]:
    if factors is None:
        if names is not None:
            raise UsageError("factor_names are given without factors.")
        return []
    if isinstance(factors, Mapping):
        if names is not None:
            raise UsageError("factors are a mapping, whose keys are their names; leave factor_names out.")
        return [column_of(str(key), as_array(value, f"Factor {key!r}"), f"Factor {key!r}") for key, value in factors.items()]
    table = as_array(factors, "The factors")
    if table.ndim != 2 or not table.shape[1]:
        raise UsageError(
            f"The factors have shape {table.shape}; give (n, number of factors), or a mapping from names to columns."
        )
    chosen = [f"factor_{k}" for k in range(table.shape[1])] if names is None else list(names)
    if len(chosen) != table.shape[1]:
        raise UsageError(f"{len(chosen)} factor names for {table.shape[1]} columns of factors.")
    return [column_of(key, table[:, k], f"Factor {key!r}") for k, key in enumerate(chosen)]
