"""MNIST: handwritten digits, from the cache or downloaded."""

from __future__ import annotations

from unbraid.data.dataset import Dataset
from unbraid.data.idx_dataset import FlipOption, IdxFiles, SizeOption
from unbraid.data.registry import datasets

FILES = IdxFiles(
    "mnist",
    sha256={
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
)
LABELS = tuple("0123456789")
_SOURCE = "LeCun, Cortes and Burges (1998), The MNIST database; CC BY-SA 3.0 as Keras's documentation has it"


@datasets.register("mnist", source=_SOURCE, kept=FILES.kept)
def mnist(size: SizeOption = 32, horizontal_flip: FlipOption = False) -> Dataset:
    """70,000 gray handwritten digits; the published test set of 10,000 is held out. No factors are known."""
    return FILES.dataset(size, LABELS, horizontal_flip=horizontal_flip)
