"""Mutual information between latents and factors, from histograms, in nats."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int, Int64, Integer, Shaped

from unbraid.errors import UsageError


class Labels(NamedTuple):
    """The rank of each number among the distinct ones, and how often each of those occurs."""

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
        return entropy_of_counts(self.sizes)


def check_codes(codes: Shaped[np.ndarray, "..."], factors: Shaped[np.ndarray, "..."]) -> None:
    """Refuse arrays that no score can be computed from, saying which row and column is to blame."""
    for name, array in (("codes", codes), ("factors", factors)):
        if array.ndim != 2 or 0 in array.shape:
            raise UsageError(f"{name} must be a filled array (samples, columns), given shape {array.shape}.")
    if len(codes) != len(factors):
        wide = codes.shape[1] == factors.shape[1] > max(len(codes), len(factors))
        turned = "The codes look" if codes.shape[1] == len(factors) else "Both look" if wide else ""
        hint = f" {turned} transposed: give one row per sample." if turned else ""
        raise UsageError(f"{len(codes)} rows of codes but {len(factors)} rows of factors.{hint}")
    if codes.shape[1] == factors.shape[1] > 10 * len(codes):
        raise UsageError(
            f"codes and factors have {len(codes)} rows and {codes.shape[1]:,} columns each. They look transposed: give one row "
            "per sample."
        )
    if not (np.issubdtype(codes.dtype, np.floating) or np.issubdtype(codes.dtype, np.integer)):
        raise UsageError(f"codes must be real numbers, given {codes.dtype}.")
    bad = np.argwhere(~np.isfinite(codes))
    if len(bad):
        raise UsageError(f"codes[{bad[0, 0]}, {bad[0, 1]}] is {codes[tuple(bad[0])]}; codes must be finite.")
    if not np.issubdtype(factors.dtype, np.integer):
        raise UsageError(
            f"factors must be whole numbers, one class per value, given {factors.dtype}. Number the values of a column by "
            "np.unique(column, return_inverse=True)[1]."
        )


def equal_width_bins(codes: Float[np.ndarray, "n d"], bins: int) -> Int[np.ndarray, "n d"]:
    """Bin of every code among `bins` of equal width over the range of its latent.

    A constant latent falls into one bin.
    """
    if bins < 2:
        raise UsageError(f"bins is {bins}; allowed: at least 2.")
    codes = codes.astype(np.float64) / 2  # halved, so that the width of the widest range is finite
    low = codes.min(0)
    width = codes.max(0) - low
    position = (codes - low) / np.where(width > 0, width, 1.0)  # divided before multiplying: no overflow
    binned: Int[np.ndarray, "n d"] = np.minimum((position * bins).astype(np.int64), bins - 1)
    return binned


def entropy_of_counts(counts: Int64[np.ndarray, "v"]) -> float:
    """Plug-in entropy from how often each value occurs, in nats."""
    share: Float64[np.ndarray, "_"] = counts[counts > 0] / counts.sum()
    return float(-(share * np.log(share)).sum())


def entropy(values: Integer[np.ndarray, "n"]) -> float:
    """Plug-in entropy of whole numbers, in nats."""
    return Labels.of(values).entropy


def information_of_counts(
    joint: Float64[np.ndarray, "*t bin value"] | Int64[np.ndarray, "*t bin value"],
) -> Float64[np.ndarray, "*t"]:
    """Plug-in mutual information in nats from contingency tables.

    It takes many tables at once.
    """
    # sum p_ab log(p_ab / p_a p_b) rather than a difference of entropies: the counts are whole numbers, so independence
    # gives exactly 0 and no rounding noise that a ratio of informations would take for knowledge
    joint = joint.astype(np.float64)
    independent = joint.sum(-1, keepdims=True) * joint.sum(-2, keepdims=True)
    n = joint.sum((-2, -1))
    ratio = np.divide(joint * n[..., None, None], independent, out=np.ones_like(joint), where=joint > 0)
    return np.asarray(np.maximum((joint * np.log(ratio)).sum((-2, -1)) / n, 0.0))


def mutual_information_matrix(
    codes: Float[np.ndarray, "n d"], factors: Integer[np.ndarray, "n k"], *, bins: int = 20
) -> Float[np.ndarray, "d k"]:
    """I(z_j; v_k) in nats: plug-in estimate with each latent in `bins` equal-width bins.

    The estimate is biased upwards by about (bins - 1)(values - 1) / (2 n). Constant latents have 0.
    Source: the discretization of Locatello et al. (2019), with 20 bins.
    """
    check_codes(codes, factors)
    binned = np.ascontiguousarray(equal_width_bins(codes, bins).T)
    information = np.empty((codes.shape[1], factors.shape[1]))
    for k, factor in enumerate(map(Labels.of, factors.T)):
        shape = (bins, len(factor.sizes))
        joint = [np.bincount(own * shape[1] + factor.places, minlength=bins * shape[1]).reshape(shape) for own in binned]
        information[:, k] = information_of_counts(np.stack(joint))
    return information


def factor_entropies(factors: Integer[np.ndarray, "n k"]) -> Float[np.ndarray, "k"]:
    """Plug-in entropy of every factor, in nats."""
    return np.array([entropy(factors[:, k]) for k in range(factors.shape[1])])
