import numpy as np
import pytest

from helpers.tiny import tiny_ellipses
from unbraid.data.dataset import Dataset, load_dataset
from unbraid.data.grids.duplicates import first_twins
from unbraid.data.storage import ByteImages


def test_each_image_is_sent_to_the_first_that_looks_like_it():
    pixels = np.zeros((9000, 1, 2, 2), np.uint8)
    kinds = np.random.default_rng(0).integers(0, 300, 9000)
    pixels[:, 0, 0, 0], pixels[:, 0, 1, 1] = kinds % 256, kinds // 256
    first = {kind: int(np.flatnonzero(kinds == kind)[0]) for kind in np.unique(kinds)}
    twins = first_twins(Dataset("kinds", ByteImages(pixels), test=np.arange(0)))
    assert twins.tolist() == [first[kind] for kind in kinds]


def test_images_that_all_differ_are_their_own():
    dataset = tiny_ellipses()
    assert len(np.unique(dataset.images.bytes(np.arange(len(dataset))), axis=0)) == len(np.unique(first_twins(dataset)))


@pytest.mark.parametrize("shape", [1, 2])  # an ellipse, a heart
def test_dsprites_has_its_first_pose_twice_and_no_other(shape):
    dataset = load_dataset("dsprites", only=f"shape={shape} scale=5 x=16 y=16")
    twins = first_twins(dataset)
    orientation = dataset.factors[:, dataset.space.column("orientation")]
    assert orientation[twins].tolist() == [*range(39), 0]
