"""Classes of whole numbers, counted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64, Integer


class Labels(NamedTuple):
    """The place of each number among the different ones, in their order, and how often each of those occurs."""

    places: Int64[np.ndarray, "n"]
    sizes: Int64[np.ndarray, "v"]

    @classmethod
    def of(cls, values: Integer[np.ndarray, "n"]) -> Labels:
        """Classes of these numbers."""
        if int(values.max()) - int(values.min()) > 4 * len(values) + 1000:
            _, index, sizes = np.unique(values, return_inverse=True, return_counts=True)
            return cls(index.astype(np.int64), sizes.astype(np.int64))
        shifted = values.astype(np.int64) - values.min().astype(np.int64)  # numbers close together need no sorting
        counts = np.bincount(shifted)
        return cls((np.cumsum(counts > 0) - 1)[shifted], counts[counts > 0].astype(np.int64))

    @property
    def entropy(self) -> float:
        """Plug-in entropy, in nats."""
        share: Float64[np.ndarray, "v"] = self.sizes / len(self.places)
        return float(-(share * np.log(share)).sum())
