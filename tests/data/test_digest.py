"""The digest of a data set tells any two contents apart, and no other difference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import unbraid
from unbraid.data.digest import digest_of
from unbraid.data.grids.flips import mirrored

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 1, 4, 5), np.uint8)
ALL = np.arange(12)


def test_everything_that_training_or_scores_depend_on_counts():
    base = {"factors": {"a": ALL % 3, "b": ALL % 2}, "labels": ALL % 4}
    brighter = IMAGES.copy()
    brighter[11, 0, 3, 4] ^= 1
    made = [
        unbraid.dataset(IMAGES, **base),
        unbraid.dataset(brighter, **base),
        unbraid.dataset(IMAGES[::-1], **base),
        unbraid.dataset(IMAGES.reshape(12, 1, 5, 4), **base),
        unbraid.dataset(IMAGES, **base, test_share=0.5),
        unbraid.dataset(IMAGES, **{**base, "labels": ALL % 5}),
        unbraid.dataset(IMAGES, **{**base, "labels": ALL // 3}),
        unbraid.dataset(IMAGES, **{**base, "labels": None}),
        unbraid.dataset(IMAGES, **{**base, "factors": None}),
        unbraid.dataset(IMAGES, **{**base, "factors": {"a": ALL % 3, "c": ALL % 2}}),
        unbraid.dataset(IMAGES, **{**base, "factors": {"a": 2 * (ALL % 3), "b": ALL % 2}}),
        unbraid.dataset(IMAGES, **{**base, "factors": {"a": ALL % 3, "b": ALL // 6}}),
        mirrored(unbraid.dataset(IMAGES, labels=ALL % 4)),
        replace(unbraid.dataset(IMAGES, **base), walk=ALL[::-1].copy()),
        replace(unbraid.dataset(IMAGES, **base), weights=np.ones(12)),
    ]
    assert len({digest_of(data) for data in made}) == len(made)


def test_how_the_images_are_kept_does_not_count(monkeypatch):
    whole = digest_of(unbraid.dataset(IMAGES))
    assert digest_of(unbraid.dataset(np.asfortranarray(IMAGES), name="other")) == whole
    assert digest_of(unbraid.dataset((IMAGES / 255).astype(np.float32))) == whole
    monkeypatch.setattr("unbraid.data.digest._CHUNK", 50)
    assert digest_of(unbraid.dataset(IMAGES)) == whole
