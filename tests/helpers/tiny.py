"""A small data set for tests, registered as anybody's would be: 240 ellipses of 32 x 32."""

from __future__ import annotations

from functools import cache
from typing import Annotated

import numpy as np

from unbraid.data.dataset import Dataset, TestShare, grid_dataset
from unbraid.data.factor_space import FactorSpace
from unbraid.data.grids.order import Order, presentation
from unbraid.data.registry import datasets
from unbraid.data.sets.ellipses import ellipses
from unbraid.data.storage import PackedImages
from unbraid.options import Option

TINY = "tiny_ellipses"


@datasets.register(TINY, source="the tests")
def tiny_ellipses(
    order: Annotated[Order, Option("order of presentation")] = "shuffled", test_share: TestShare = 0.2
) -> Dataset:
    """240 ellipses: 4 x 4 positions, 3 scales, 5 orientations."""
    space, packed = _drawn()
    walk = presentation(space, order)
    return grid_dataset(TINY, PackedImages(packed, 32, 32), space, test_share=test_share, walk=walk)


@cache  # hundreds of tests load them
def _drawn() -> tuple[FactorSpace, np.ndarray]:
    whole = ellipses(size=32)
    space, rows = whole.space.subgrid(x=[0, 5, 10, 15], y=[0, 5, 10, 15], scale=[1, 3, 5], orientation=[0, 8, 16, 24, 32])
    packed = np.packbits(whole.images.bytes(rows).reshape(len(rows), -1) > 0, axis=1)
    packed.flags.writeable = False
    return space, packed
