"""What metrics are computed from: codes beside factors, checked once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

import numpy as np
from jaxtyping import Float64, Int64, Integer, Shaped

from unbraid.errors import UsageError
from unbraid.metrics.information.histogram import check_codes

LARGEST = 200
"""Codes beyond 2 to this power are scaled down to it, latent by latent, so that sums of their squares are finite."""
Array = Shaped[np.ndarray, "..."]
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Samples:
    """Codes of samples beside their factors; made by `gather`. Every metric takes it in place of codes and factors.

    Metrics that are given one object share what they compute of it. Its arrays must not be changed.

    Args:
        codes: latents, or posterior means; one row a sample.
        factors: whole numbers, one class a value.
        variance: posterior variances beside the means, where they are known.
        factor_names: names of the columns of `factors`.
        whole: the samples that these are a part of, where what they know is judged by those; see `part`.
    """

    codes: Float64[np.ndarray, "n d"]
    factors: Int64[np.ndarray, "n k"]
    variance: Float64[np.ndarray, "n d"] | None = None
    factor_names: tuple[str, ...] = ()
    whole: Samples | None = field(default=None, repr=False)
    _kept: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.codes)

    def keep(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` returned when the key was first asked for."""
        if key not in self._kept:
            self._kept[key] = make()
        return cast(T, self._kept[key])

    def by_factor(self, scores: Sequence[float] | Float64[np.ndarray, "k"]) -> dict[str, float]:
        """Scores under the names of the factors."""
        return {name: float(score) for name, score in zip(self.factor_names, scores, strict=True)}

    def rows(self, index: Integer[np.ndarray, "_"]) -> Samples:
        """Some of the samples."""
        variance = None if self.variance is None else self.variance[index]
        return Samples(self.codes[index], self.factors[index], variance, self.factor_names)

    def part(self, index: Integer[np.ndarray, "_"]) -> Samples:
        """Some of the samples in place of all: which latents know anything is judged as in all, see `known_in_part`."""
        return replace(self.rows(index), whole=self)

    def with_codes(self, codes: Float64[np.ndarray, "n c"], variance: Float64[np.ndarray, "n c"] | None = None) -> Samples:
        """The same factors beside other codes."""
        return Samples(codes, self.factors, variance, self.factor_names)


Codes = Array | Samples | None
Factors = Array | None


def gather(
    codes: Codes,
    factors: Factors,
    *,
    mean: Array | None = None,
    variance: Array | None = None,
    factor_names: Sequence[str] | None = None,
) -> Samples:
    """Check arrays and put them together; `Samples` pass as they are.

    Codes are the posterior means where `variance` is given, and `mean` is another name for them.
    Raises `UsageError` for arrays that no score can be computed from.
    """
    if isinstance(codes, Samples):
        if any(given is not None for given in (factors, mean, variance, factor_names)):
            raise UsageError("Samples hold codes, factors and names; give nothing beside them.")
        return codes
    given = mean if codes is None else codes
    if given is None or (codes is not None and mean is not None):
        raise UsageError("Give either codes or mean: the latents of each sample, one row a sample.")
    if factors is None:
        raise UsageError("Give factors: whole numbers, one row a sample.")
    check_codes(given, factors)
    if variance is not None:
        _check_variance(given, variance)
    names = tuple(str(k) for k in range(factors.shape[1])) if factor_names is None else tuple(map(str, factor_names))
    if len(names) != factors.shape[1] or len(set(names)) != len(names):
        raise UsageError(f"{len(names)} factor names ({', '.join(names)}) for {factors.shape[1]} factors; each needs its own.")
    codes, spread = _within_bounds(given.astype(np.float64), None if variance is None else variance.astype(np.float64))
    return Samples(codes, factors.astype(np.int64), spread, names)


def _within_bounds(
    codes: Float64[np.ndarray, "n d"], variance: Float64[np.ndarray, "n d"] | None
) -> tuple[Float64[np.ndarray, "n d"], Float64[np.ndarray, "n d"] | None]:
    excess = np.maximum(np.frexp(np.abs(codes).max(0))[1] - LARGEST, 0)
    if not excess.any():
        return codes, variance
    spread = None if variance is None else np.maximum(np.ldexp(variance, -2 * excess), 2.0 ** (-2 * LARGEST))
    return np.ldexp(codes, -excess), spread


def _check_variance(mean: Array, variance: Array) -> None:
    if variance.shape != mean.shape:
        raise UsageError(f"variance has shape {variance.shape} and the means {mean.shape}; both are (samples, latents).")
    if not np.issubdtype(variance.dtype, np.floating):
        raise UsageError(f"variance must be real numbers, given {variance.dtype}.")
    bad = np.argwhere(~(np.isfinite(variance) & (variance > 0)))
    if len(bad):
        row, column = (int(place) for place in bad[0])
        raise UsageError(f"variance[{row}, {column}] is {variance[row, column]}; variances must be finite and above 0.")
