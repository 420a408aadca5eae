from math import log

import numpy as np
import pytest

from unbraid.metrics.information.histogram import Labels


@pytest.mark.parametrize(
    "values",
    [
        np.array([5, 5, 9, -1]),
        np.array([3]),
        np.array([-128, 127, 0, 127], dtype=np.int8),
        np.array([2**63 + 5, 2**63, 2**63 + 5], dtype=np.uint64),
        np.array([2**64 - 1, 0, 7], dtype=np.uint64),
        np.array([2**62, -(2**63), 2**62, 0]),
        np.random.default_rng(0).integers(-40, 40, size=500, dtype=np.int16),
    ],
    ids=["few", "one", "all of int8", "beyond int64", "all of uint64", "far apart", "many"],
)
def test_places_and_sizes_are_those_of_sorting(values):
    _, places, sizes = np.unique(values, return_inverse=True, return_counts=True)
    found = Labels.of(values)
    assert found.places.tolist() == places.tolist()
    assert found.sizes.tolist() == sizes.tolist()


def test_entropy_by_hand():
    assert Labels.of(np.array([5, 5, 9, -1])).entropy == pytest.approx(1.5 * log(2), rel=1e-14)
    assert Labels.of(np.array([10**12, 0, 0, 0])).entropy == pytest.approx(log(4) - 0.75 * log(3), rel=1e-14)
