"""Losses and posteriors are never computed in half precision, whatever the networks use."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor


def at_least_float32(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The same numbers in float32 where they have fewer bits."""
    return x.float() if x.dtype.itemsize < 4 else x
