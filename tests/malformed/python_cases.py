"""Arrays and values given to Python that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import unbraid
from malformed.corpus import Build, Place, Wrong
from unbraid.model import Model

IMAGES = np.random.default_rng(0).random((40, 32, 32)).astype(np.float32)
CODES = np.zeros((4, 3), np.float32)


def trained(images: Any, *says: str, **options: Any) -> Build:
    """Images to train on."""
    return lambda place: Wrong(
        lambda: unbraid.train("vae", images, out=place.folder / "run", device="cpu", steps=2, batch_size=8, **options), says, 2
    )


def asked(call: Callable[[Model], object], *says: str) -> Build:
    """Something asked of a trained model."""

    def build(place: Place) -> Wrong:
        model = unbraid.load(place.finished, device="cpu")
        return Wrong(lambda: call(model), says, 2)

    return build


def with_value(value: float) -> np.ndarray:
    images = IMAGES.copy()
    images[3, 2, 1] = value
    return images


def codes_with(value: float) -> np.ndarray:
    codes = CODES.copy()
    codes[1, 1] = value
    return codes


class Ragged:
    """A torch data set whose images differ in size."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, i: int) -> np.ndarray:
        return np.zeros((8 + i, 8), np.float32)


BUILDERS: dict[str, Build] = {
    "train on NaN": trained(with_value(float("nan")), "NaN", "finite"),
    "train on inf": trained(with_value(float("inf")), "infinite"),
    "train on values above 1": trained(with_value(7.0), "7"),
    "train on values below 0": trained(with_value(-0.5), "-0.5"),
    "train on no images": trained(IMAGES[:0], "(0, 32, 32)"),
    "train on one image": trained(IMAGES[0], "(32, 32)"),
    "train on two channels": trained(np.stack([IMAGES] * 2, 1), "1 or 3"),
    "train on channels at the end": trained(np.stack([IMAGES] * 3, -1), "(40, 32, 32, 3)"),
    "train on five dimensions": trained(IMAGES[None, None], "(1, 1, 40, 32, 32)"),
    "train on texts": trained(np.full((40, 32, 32), "a"), "<U1"),
    "train on complex numbers": trained(IMAGES.astype(np.complex64), "complex64"),
    "train on objects": trained(np.array([object()] * 4), "give an array"),
    "train on a number": trained(5, "images"),
    "train on a ragged list": trained([[[1.0, 2.0]], [[1.0]]], "makes no array"),
    "train on a ragged data set": trained(Ragged(), "Item 1", "alike"),
    "train on fewer images than a batch": trained(IMAGES[:4], "batch"),
    "train on a size that fits no network": trained(np.zeros((40, 7, 7), np.float32), "7 x 7"),
    "train with an unknown option": trained(IMAGES, "bta", "option", bta=4),
    "train with beta of text": trained(IMAGES, "--seed", "number", seed="4"),
    "factors of another length": asked(lambda m: unbraid.dataset(IMAGES, factors=np.zeros((3, 2))), "3 values for 40 images"),
    "labels of another length": asked(lambda m: unbraid.dataset(IMAGES, labels=[1, 2]), "2 values for 40 images"),
    "factors with NaN": asked(lambda m: unbraid.dataset(IMAGES, factors=np.full((40, 1), np.nan)), "nan"),
    "share 1": asked(lambda m: unbraid.dataset(IMAGES, test_share=1.0), "test_share", "below 1"),
    "encode NaN": asked(lambda m: m.encode(with_value(float("nan"))), "finite", "[0, 1]"),
    "encode inf": asked(lambda m: m.encode(with_value(float("inf"))), "finite", "[0, 1]"),
    "encode values above 1": asked(lambda m: m.encode(with_value(255.0)), "255", "[0, 1]"),
    "encode another size": asked(lambda m: m.encode(IMAGES[:, :28, :28]), "(40, 28, 28)", "(n, 1, 32, 32)"),
    "encode color": asked(lambda m: m.encode(np.stack([IMAGES] * 3, 1)), "(40, 3, 32, 32)", "(n, 1, 32, 32)"),
    "encode nothing": asked(lambda m: m.encode(IMAGES[:0]), "(0, 32, 32)", "(n, 1, 32, 32)"),
    "encode ones as whole numbers": asked(lambda m: m.encode(np.ones((2, 32, 32), np.int64)), "int64 from 1 to 1", "255"),
    "encode texts": asked(lambda m: m.encode(np.full((2, 32, 32), "a")), "<U1", "real numbers"),
    "encode complex tensors": asked(lambda m: m.encode(torch.zeros(2, 32, 32, dtype=torch.complex64)), "complex"),
    "decode NaN": asked(lambda m: m.decode(codes_with(float("nan"))), "NaN", "finite"),
    "decode inf": asked(lambda m: m.decode(codes_with(float("inf"))), "infinite", "finite"),
    "decode a latent more": asked(lambda m: m.decode(np.zeros((4, 4), np.float32)), "(4, 4)", "(n, 3)"),
    "decode nothing": asked(lambda m: m.decode(CODES[:0]), "(0, 3)", "(n, 3)"),
    "decode three dimensions": asked(lambda m: m.decode(CODES[None]), "(1, 4, 3)", "(n, 3)"),
    "decode texts": asked(lambda m: m.decode(CODES.astype(str)), "real numbers"),
    "decode beyond float32": asked(lambda m: m.decode(np.full((1, 3), 1e300)), "infinite", "finite"),
    "traverse another latent": asked(lambda m: m.traverse(dims=[3]), "[3]", "from 0 to 2"),
    "traverse a latent below 0": asked(lambda m: m.traverse(dims=-1), "[-1]", "from 0 to 2"),
    "traverse no latent": asked(lambda m: m.traverse(dims=[]), "[]", "from 0 to 2"),
    "traverse to NaN": asked(lambda m: m.traverse(span=(0.0, float("nan"))), "span", "finite"),
    "traverse with no value": asked(lambda m: m.traverse(n=0), "n = 0", "at least one value"),
    "traverse from two images": asked(lambda m: m.traverse(IMAGES[:2]), "Images have shape", "(n, 1, 32, 32)"),
    "no samples": asked(lambda m: m.sample(0), "n is 0", "at least 1"),
    "evaluate on another size": asked(lambda m: m.evaluate(IMAGES[:, :16, :16]), "(1, 16, 16)", "(1, 32, 32)"),
    "evaluate on NaN": asked(lambda m: m.evaluate(with_value(float("nan"))), "NaN", "finite"),
    "evaluate another metric": asked(lambda m: m.evaluate(metrics=["mgi"]), "Did you mean 'mig'"),
    "evaluate one image": asked(lambda m: m.evaluate(limit=1), "--evaluate-images is 1", "at least 2"),
    "load what is not there": lambda place: Wrong(
        lambda: unbraid.load(place.folder / "none"), ("There is no folder", "Model.save"), 2
    ),
    "save over something": asked(lambda m: m.save(m.folder), "not empty", "another folder"),
}
