"""Fashion-MNIST: photographs of clothes, from the cache, from Debian's package or downloaded."""

from __future__ import annotations

from pathlib import Path

from unbraid.data.dataset import Dataset
from unbraid.data.idx_dataset import FlipOption, IdxFiles, SizeOption
from unbraid.data.registry import datasets

FILES = IdxFiles(
    "fashion_mnist",
    sha256={
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",  # unencrypted; the digests vouch for what arrives
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    ),
    system_folder=Path("/usr/share/datasets/fashion-mnist"),
    package="dataset-fashion-mnist",
)
LABELS = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


@datasets.register("fashion_mnist", source="Xiao, Rasul and Vollgraf (2017), Fashion-MNIST; MIT license", kept=FILES.kept)
def fashion_mnist(size: SizeOption = 32, horizontal_flip: FlipOption = False) -> Dataset:
    """70,000 gray photographs of clothes in ten classes; the published 10,000 test images are held out.

    Its factors are not known.
    """
    return FILES.dataset(size, LABELS, horizontal_flip=horizontal_flip)
