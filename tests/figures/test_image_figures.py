"""Figures of images show the right images in the right order under the right names."""

from __future__ import annotations

import numpy as np

from helpers.shown_rows import numbered, shown, words
from unbraid.figures.grids import strip
from unbraid.figures.images import (
    RandomVectors,
    interpolations,
    is_blank,
    paired_traversals,
    prior_samples,
    random_vectors,
    reconstructions,
    reconstructions_over,
    traversals,
)
from unbraid.figures.rows import NOTE


def labels(figure):
    """Labels of rows, from the top."""
    found = [text for text in figure.texts if text.get_fontsize() == 12]
    return [text.get_text() for text in sorted(found, key=lambda text: -text.get_position()[1])]


def first_values(figure):
    """The value of the first image of each row or part, from the top."""
    return [int(pixels[0, 0]) for pixels in shown(figure)]


def test_originals_stand_above_the_reconstructions_of_each_model():
    figure = reconstructions(numbered(3), {"b": numbered(3, first=10), "a": numbered(3, first=20)}, notes=["worst"])
    assert labels(figure) == ["original", "b", "a"]
    assert first_values(figure) == [0, 10, 20]
    assert words(figure, NOTE) == ["worst"]


def test_samples_come_in_full_rows_one_block_a_model():
    figure = prior_samples({"a": numbered(7), "b": numbered(7, first=10)}, columns=3)
    assert labels(figure) == ["a", "b"]
    assert first_values(figure) == [0, 3, 10, 13]


def test_blank_is_what_differs_by_no_more_than_the_threshold():
    images = np.zeros((3, 1, 4, 4), np.uint8)
    images[0, 0, 0, 0], images[1, 0, 0, 0], images[2] = 25, 26, 200
    assert is_blank(images, 0.1).tolist() == [True, False, True]
    images[0, 0, 0, 0], images[1, 0, 0, 0] = 51, 52
    assert is_blank(images, 0.2).tolist() == [True, False, True], "a fifth of 255 is 51"
    color = np.zeros((1, 3, 4, 4), np.uint8)
    color[0, 0] = 255  # plain red is not black
    assert is_blank(color).tolist() == [False]


def test_random_vectors_tell_the_share_of_blank_images_among_all():
    images = np.zeros((8, 1, 4, 4), np.uint8)
    images[2:, 0, 0, 0] = 255
    figure = random_vectors([RandomVectors("a", 0.5, images), RandomVectors("a", 3.0, numbered(8))], columns=4)
    assert labels(figure) == ["a, spread 0.5", "a, spread 3"]
    assert words(figure, NOTE) == ["25.0 % of 8 are blank", "100.0 % of 8 are blank"]
    np.testing.assert_array_equal(shown(figure)[0], strip(images[:4]))


def test_traversals_are_sorted_by_kl_and_cut():
    images = np.stack([numbered(5, first=10 * j) for j in range(4)])
    figure = traversals(
        images, ["z0", "z1", "z2 x", "z3"], np.array([0.5, 2.0, 3.0, 0.0]), n_rows=3, notes=["n0", "n1", "n2", "n3"]
    )
    assert labels(figure) == ["z2 x", "z1", "z0"]
    assert words(figure, NOTE) == ["n2", "n1", "n0"]
    assert first_values(figure) == [20, 10, 0]
    np.testing.assert_array_equal(shown(figure)[0], strip(images[2]))


def test_paired_traversals_show_each_model_from_both_images_side_by_side():
    first, second = (np.stack([numbered(3, first=a), numbered(3, first=a + 10)]) for a in (0, 100))
    figure = paired_traversals(first, second, ["a", "b"], headings=("one", "two"))
    assert labels(figure) == ["a", "b"]
    assert first_values(figure) == [0, 100, 10, 110]
    assert words(figure, 11) == ["one", "two"]


def test_interpolations_have_the_images_at_their_ends():
    between = np.stack([numbered(4, first=10), numbered(4, first=20)])
    figure = interpolations(numbered(2), between, numbered(2, first=50))
    assert first_values(figure) == [0, 10, 50, 1, 20, 51]
    np.testing.assert_array_equal(shown(figure)[1], strip(between[0]))


def test_reconstructions_over_an_option_are_sorted_by_its_value_in_blocks():
    pairs = {
        "latents 2": [(4.0, numbered(2, first=4)), (0.5, numbered(2, first=1))],
        "latents 10": [(1.0, numbered(2, first=7))],
    }
    figure = reconstructions_over(numbered(2), pairs)
    assert labels(figure) == ["original", "beta 0.5", "beta 4", "beta 1"]
    assert words(figure, NOTE) == ["latents 2", "latents 10"]
    assert first_values(figure) == [0, 1, 4, 7]
