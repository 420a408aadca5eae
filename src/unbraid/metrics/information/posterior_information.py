"""Mutual information between latents and factors from posteriors, by quadrature, in nats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int64, Integer, Shaped

from unbraid.errors import UsageError
from unbraid.metrics.information.histogram import check_codes, factor_entropies
from unbraid.metrics.information.mixture_entropy import Quadrature
from unbraid.metrics.information.types import LEAST_SHARE, Information, adjusted_for_chance, knows

CHANCE_GROUPS = 40
"""At least as many random groups, of the sizes of the values of a factor, measure the level of chance."""
CHANCE_ROWS = 1 << 10
"""Random groups have at most as many rows, ..."""
LITTLE = 0.02
"""... and four times as many while they are further, in nats, from the entropy of all rows."""


def posterior_information(
    mean: Float[np.ndarray, "n d"],
    variance: Shaped[np.ndarray, "..."],
    factors: Integer[np.ndarray, "n k"],
    *,
    adjusted: bool = True,
) -> Information:
    r"""I(z_j; v_k) of normal posteriors with independent latents: no bins and no draws.

    .. math:: I(z_j; v_k) = H(q(z_j)) - \sum_v p(v)\, H(q(z_j | v_k = v))

    Both are entropies of mixtures of the posteriors of all samples, or of those with one value (`mixture_entropy`).
    Where the samples are a part of a population, the mixture of one value is too small: its entropy is too low and the
    information too high: by 0.12 nats for a latent that knows nothing, with 250 samples a value and standard deviations of
    0.03. So, unless `adjusted` is false, random groups of the same sizes are read as well, and what a latent then seems to
    know is taken off (`adjusted_for_chance`). On a whole grid this takes off next to nothing.

    What a latent tells of a factor is no more than what it tells of the image:

    .. math:: I(z_j; v_k) \le I(z_j; x) = H(q(z_j)) - \frac1n \sum_i H(q(z_j | x_i))

    Where that is less than counts as knowledge (`LEAST_SHARE`), as of most unused latents, no factor is asked; information and
    chance are then given as 0.

    All mixtures of a latent are read on one grid. `error` is the largest error of the quadrature in the information: that of
    both entropies, as much again for the level of chance, and times H / (H - E) by the adjustment.

    Source: Chen et al. (2018), who estimate the entropies from draws.
    Raises `UsageError` for arrays that no score can be computed from, and variances that are not positive or of another shape.
    """
    check_codes(mean, factors)
    if variance.shape != mean.shape:
        raise UsageError(f"variance has shape {variance.shape} and the means {mean.shape}; both are (samples, latents).")
    groups = [_Groups.of(column) for column in factors.T]
    entropies = factor_entropies(factors)
    least = LEAST_SHARE * float(entropies[entropies > 0].min(initial=np.inf))
    shape = (mean.shape[1], factors.shape[1])
    raw, chance, error, of_images = np.zeros(shape), np.zeros(shape), np.zeros(shape), np.empty(shape[0])
    for j in range(shape[0]):
        latent = _Latent(mean[:, j].astype(np.float64), variance[:, j].astype(np.float64))
        of_images[j] = latent.information_of_images()
        if adjusted and of_images[j] < least:
            continue
        for k, own in enumerate(groups):
            raw[j, k], error[j, k] = latent.information(own)
            chance[j, k] = latent.information_of_chance(own.sizes) if adjusted else 0.0
    if not adjusted:
        return Information(raw, entropies, chance, raw > 0, float(error.max()), of_images=of_images)
    known = knows(raw, chance, entropies, len(mean))
    room = np.maximum(entropies - chance, 1e-9)
    error = np.minimum(2 * error * entropies / room, entropies)  # both lie between 0 and H
    return Information(
        adjusted_for_chance(raw, chance, entropies),
        entropies,
        chance,
        known,
        float(error.max()),
        samples=len(mean),
        of_images=of_images,
    )


class _Latent:
    """The posteriors of one latent, and what groups of them tell."""

    def __init__(self, mean: Float64[np.ndarray, "n"], variance: Float64[np.ndarray, "n"]) -> None:
        self.mean, self.variance = mean, variance
        self.quadrature = Quadrature.over(mean, variance)
        all_rows = np.array([len(mean)])
        (self.whole,), (self.error,) = self.quadrature.entropies(mean, variance, all_rows)
        self.log_density = _log(next(self.quadrature.densities(mean, variance, all_rows))[0])

    def information_of_images(self) -> float:
        """I(z; x) of these samples, or more by the error of the quadrature."""
        each = 0.5 * (1 + float(np.log(2 * np.pi * self.variance).mean()))
        return float(self.whole + self.error) - each

    def information(self, groups: _Groups) -> tuple[float, float]:
        """Entropy of all rows less the mean of those of the groups, weighted by their sizes; and its error."""
        found, errors = self.quadrature.entropies(self.mean[groups.rows], self.variance[groups.rows], groups.sizes)
        shares = groups.sizes / len(self.mean)
        return max(0.0, float(self.whole - shares @ found)), float(self.error + shares @ errors)

    def information_of_chance(self, sizes: Int64[np.ndarray, "v"]) -> float:
        r"""The mean information over random groups of these sizes.

        It is the mean divergence of a group from all rows, :math:`\mathrm{KL}(q_g \| q)`, which is what a group's entropy lacks
        on average, without the noise of the entropy itself. For a group of m of n rows it is near C (1 / m - 1 / n) once it is
        little, so large groups are measured by smaller ones. Its standard error is about that of the information of as many
        values as there are groups.
        """
        if len(sizes) == 1:
            return 0.0
        n, rng, limit = len(self.mean), np.random.default_rng(0), CHANCE_ROWS
        orders = -(-CHANCE_GROUPS // len(sizes))
        while True:
            drawn = np.minimum(sizes, limit)
            found = self._divergences(rng, np.repeat(drawn, orders)).reshape(-1, orders).mean(1).clip(0)
            if limit >= sizes.max() or float(sizes @ found) < LITTLE * n:
                scale = np.divide(1 / sizes - 1 / n, 1 / drawn - 1 / n, out=np.ones(len(sizes)), where=drawn < sizes)
                return float(sizes @ (found * scale)) / n
            limit *= 4

    def _divergences(self, rng: np.random.Generator, sizes: Int64[np.ndarray, "m"]) -> Float64[np.ndarray, "m"]:
        """KL(q_g || q) of random groups of so many rows."""
        rows = np.concatenate([rng.choice(len(self.mean), size, replace=False, shuffle=False) for size in sizes.tolist()])
        found = [
            np.einsum("mg,mg->m", densities, _log(densities) - self.log_density)
            for densities in self.quadrature.densities(self.mean[rows], self.variance[rows], sizes)
        ]
        return np.concatenate(found) * self.quadrature.coarse.spacing


def _log(density: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
    """Its logarithm, finite where rounding leaves nothing."""
    return np.log(np.maximum(density, 1e-300))


@dataclass(frozen=True)
class _Groups:
    """Rows of each value of a factor, one value after the other, and how many there are of each."""

    rows: Int64[np.ndarray, "n"]
    sizes: Int64[np.ndarray, "v"]

    @classmethod
    def of(cls, labels: Integer[np.ndarray, "n"]) -> _Groups:
        """Those of these values."""
        return cls(np.argsort(labels, kind="stable"), np.unique(labels, return_counts=True)[1])
