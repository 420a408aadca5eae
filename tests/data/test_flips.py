import numpy as np
import pytest

from unbraid.data.dataset import Dataset
from unbraid.data.draws import Batches, steps_per_epoch
from unbraid.data.grids.flips import Mirrored, mirrored
from unbraid.data.storage import ByteImages, PackedImages
from unbraid.errors import UsageError


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, size=(6, 3, 4, 8), dtype=np.uint8)


def test_an_image_on_the_left_appears_on_the_right():
    image = np.zeros((1, 1, 2, 4), dtype=np.uint8)
    image[0, 0, 1, 0] = 255
    flipped = Mirrored(ByteImages(image), np.array([0])).bytes(np.array([1]))[0, 0]
    assert flipped.tolist() == [[0, 0, 0, 0], [0, 0, 0, 255]]


def test_training_images_alone_are_doubled(pixels):
    dataset = mirrored(Dataset("toy", ByteImages(pixels), np.array([4, 5])))
    assert (len(dataset), dataset.shape) == (10, (3, 4, 8))
    assert dataset.test.tolist() == [4, 5]
    assert dataset.split("train").tolist() == [0, 1, 2, 3, 6, 7, 8, 9]
    everything = np.arange(10)
    expected = np.concatenate([pixels, pixels[:4, :, :, ::-1]])
    assert np.array_equal(dataset.images.bytes(everything), expected)
    assert np.array_equal(dataset.images.floats(everything), (expected.astype(np.float64) / 255).astype(np.float32))
    assert np.array_equal(dataset.images.bytes(np.array([7, 1, 7])), expected[[7, 1, 7]])


def test_the_mirror_image_of_a_mirror_image_is_the_image(pixels):
    once = Mirrored(ByteImages(pixels), np.array([2]))
    twice = Mirrored(once, np.array([6]))
    assert np.array_equal(twice.bytes(np.array([7])), pixels[[2]])


def test_packed_images_are_mirrored_pixel_by_pixel():
    bits = np.random.default_rng(1).integers(0, 2, size=(3, 1, 4, 6), dtype=np.uint8)
    store = Mirrored(PackedImages(np.packbits(bits.reshape(3, -1), axis=1), 4, 6), np.array([1]))
    assert np.array_equal(store.floats(np.array([3])), bits[[1]][..., ::-1])


def test_labels_and_the_walk_go_with_the_images(pixels):
    """Test images 1 and 3 lie between training images; the mirror images are 6 to 9."""
    walk = np.array([5, 3, 0, 2, 4, 1])
    labels = np.array([0, 1, 2, 0, 1, 2])
    before = Dataset("toy", ByteImages(pixels), np.array([1, 3]), labels=labels, label_names=("a", "b", "c"), walk=walk)
    dataset = mirrored(before)
    assert dataset.labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 2, 1, 2]
    assert dataset.label_names == ("a", "b", "c")
    assert dataset.train.tolist() == [5, 0, 2, 4, 9, 6, 7, 8]
    assert np.array_equal(dataset.images.bytes(np.array([9, 6, 7, 8])), pixels[[5, 0, 2, 4]][..., ::-1])


def test_an_epoch_shows_every_training_image_both_ways(pixels):
    dataset = mirrored(Dataset("toy", ByteImages(pixels), np.array([4, 5])))
    assert steps_per_epoch(dataset, 2) == 4
    drawn = np.concatenate([Batches().indices(dataset, 2, 0, step)[0] for step in range(4)])
    assert sorted(drawn.tolist()) == dataset.split("train").tolist()


def test_images_with_factors_are_refused(toy, small_space):
    with pytest.raises(UsageError, match=r"'toy' has factors \(shape, size, angle\).*images without factors"):
        mirrored(toy(24, space=small_space, factors=small_space.at(np.arange(24))))


def test_weights_go_with_the_images(pixels):
    dataset = mirrored(Dataset("toy", ByteImages(pixels), np.array([1, 3]), weights=np.arange(6.0)))
    assert dataset.weights.tolist() == [0, 1, 2, 3, 4, 5, 0, 2, 4, 5]
