"""The images that are shown: the same ones everywhere, spread evenly, none twice."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.tiny import TINY
from unbraid.data.dataset import load_dataset
from unbraid.data.examples import example_images


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_more_images_begin_with_the_same_ones_and_none_comes_twice(share):
    data = load_dataset(TINY, test_share=share)
    pool = data.test if share else np.arange(len(data))
    everything = example_images(data, 1_000)
    assert sorted(everything) == sorted(pool)
    assert everything[0] == pool[len(pool) // 2]
    for n in (0, 1, 2, 11, 40):
        assert example_images(data, n).tolist() == everything[:n].tolist()


def test_they_are_spread_evenly_and_show_many_values_of_every_factor():
    data = load_dataset("ellipses", size=32, test_share=0.0)
    shown = example_images(data, 40)
    gaps = np.diff(np.concatenate([np.sort(shown), [np.sort(shown)[0] + len(data)]]))
    assert gaps.max() < 3 * gaps.min()
    for k, size in enumerate(data.space.sizes):
        assert len(np.unique(data.factors[shown, k])) > size / 2


def test_a_single_image_stands_for_itself():
    data = load_dataset(TINY, test_share=1 / 240)
    assert example_images(data, 3).tolist() == data.test.tolist()
