"""What is kept of images decoded from random vectors, of decoders whose images are known."""

import numpy as np
import pytest

from unbraid.studies.generation import DRAWS, fine_share, of_random_vectors, random_codes

BOARD = (255 * (np.indices((8, 8)).sum(0) % 2)).astype(np.uint8)[None, None]


def within(bound):
    """A decoder that shows a checkerboard for codes with a first latent below a bound, and black for all others."""
    return lambda codes: np.where(codes[:, :1, None, None] < bound, BOARD, 0).astype(np.uint8)


@pytest.mark.parametrize("spread", [1.0, 3.0])
def test_the_share_of_blank_images_is_that_of_codes_beyond_the_bound(spread):
    beyond = float((random_codes(3, spread)[:, 0] >= 1).mean())
    kept = of_random_vectors(within(1.0), 3, spread, BOARD)
    assert 0 < beyond < 1
    assert kept["blank"] == pytest.approx(beyond)
    assert kept["fine"] == pytest.approx(1 - beyond)  # blank images have no power, all others that of the board


def test_a_decoder_that_shows_nothing_and_one_that_always_shows_something():
    assert of_random_vectors(within(-np.inf), 3, 1.0, BOARD)["blank"] == 1
    assert of_random_vectors(within(np.inf), 3, 3.0, BOARD)["blank"] == 0


def test_codes_have_the_spread_and_differ_in_their_scale_alone():
    assert random_codes(4, 1.0).shape == (DRAWS, 4)
    assert random_codes(4, 1.0).std() == pytest.approx(1, rel=0.05)
    np.testing.assert_allclose(random_codes(4, 3.0), 3 * random_codes(4, 1.0), rtol=1e-6)


def test_fine_detail_of_half_the_contrast_is_a_quarter():
    board = np.minimum(BOARD, 254)
    assert fine_share(board // 2, board) == pytest.approx(0.25)
    assert fine_share(board, np.zeros_like(board)) is None
