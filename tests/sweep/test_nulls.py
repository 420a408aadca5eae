"""Codes that know nothing of training."""

from __future__ import annotations

import numpy as np
import pytest

from unbraid.data.dataset import load_dataset
from unbraid.sweep.compare.nulls import _codes


@pytest.mark.parametrize("kind", ["pca", "ica"])
def test_images_with_pixels_that_never_change_have_codes(kind):
    data = load_dataset("dsprites_reduced")
    images = data.images.floats(np.arange(0, len(data), 5)).reshape(-1, 64 * 64).astype(np.float32)
    assert (images.std(0) == 0).any()
    codes = _codes(kind, images, 10)
    assert np.isfinite(codes).all()
    correlations = np.corrcoef(codes, rowvar=False)
    np.testing.assert_allclose(correlations, np.eye(10), atol=2e-3)
    if kind == "ica":
        np.testing.assert_allclose(codes.std(0), 1, rtol=1e-3)


def test_images_of_fewer_directions_than_latents_have_no_independent_components():
    images = np.outer(np.arange(20.0), np.ones(6)).astype(np.float32)
    assert _codes("ica", images, 3) is None
