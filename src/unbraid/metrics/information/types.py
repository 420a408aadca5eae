"""What latents know about factors, in nats, and what of it chance alone would give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

DEVIATIONS = 4.0
"""A latent knows something if it is this many standard deviations above what chance gives, ..."""
LEAST_SHARE = 0.01
"""... and knows at least this share of the factor's entropy: with many samples any trace is beyond chance."""
DECIDED = 2.0
"""Whether a latent knows `LEAST_SHARE` is decided this many standard deviations away from it."""


@dataclass(frozen=True)
class Information:
    """I(z_j; v_k) in nats.

    Args:
        estimate: information, latents by factors; never negative.
        entropies: H(v_k) of each factor.
        chance: what a latent that knows nothing would be given by the estimator before any adjustment, latents by factors.
        known: whether a latent knows of a factor at all, latents by factors; see `knows`.
        error: largest error of the quadrature in `estimate`, in nats, on the safe side; bins have none.
        samples: number of samples that the estimate is adjusted for; 0 where it is not adjusted.
    """

    estimate: Float64[np.ndarray, "d k"]
    entropies: Float64[np.ndarray, "k"]
    chance: Float64[np.ndarray, "d k"]
    known: Bool[np.ndarray, "d k"]
    error: float = 0.0
    samples: int = 0

    @property
    def matrix(self) -> Float64[np.ndarray, "d k"]:
        """The estimates, 0 where a latent does not know of a factor."""
        return np.where(self.known, self.estimate, 0.0)

    @property
    def live(self) -> Bool[np.ndarray, "d"]:
        """Whether a latent knows of any factor."""
        return np.asarray(self.known.any(1))

    @property
    def shares(self) -> Float64[np.ndarray, "d k"]:
        """I(z_j; v_k) / H(v_k) of `matrix`; 0 for a factor with a single value."""
        return _shares(self.matrix, self.entropies)

    @property
    def detectable(self) -> Float64[np.ndarray, "k"]:
        """The least share of each factor's entropy that this many samples tell from chance.

        It is 0 for estimates that are not adjusted for chance.
        """
        return DEVIATIONS * self._deviation(np.zeros_like(self.estimate)).max(0)

    @property
    def undecided(self) -> Bool[np.ndarray, "d k"]:
        """Whether other samples may decide otherwise if a latent knows `LEAST_SHARE` of a factor."""
        share = _shares(self.estimate, self.entropies)
        return np.abs(share - LEAST_SHARE) < DECIDED * self._deviation(share)

    def _deviation(self, share: Float64[np.ndarray, "d k"]) -> Float64[np.ndarray, "d k"]:
        """Standard deviation of a share.

        Its variance adds that of chance to that of weak information I, whose log-ratios vary by 2 I.
        """
        room = self.entropies - self.chance
        spread = np.sqrt((self.chance + 2 * share * self.entropies) / max(self.samples, 1))
        return np.divide(spread, room, out=np.zeros_like(room), where=(room > 1e-9) & (self.samples > 0))


def _shares(information: Float64[np.ndarray, "d k"], entropies: Float64[np.ndarray, "k"]) -> Float64[np.ndarray, "d k"]:
    return np.divide(information, entropies, out=np.zeros_like(information), where=entropies > 0)


def adjusted_for_chance(
    raw: Float64[np.ndarray, "d k"], chance: Float64[np.ndarray, "d k"], entropies: Float64[np.ndarray, "k"]
) -> Float64[np.ndarray, "d k"]:
    r"""Information without what chance gives: :math:`H (I - E) / (H - E)`, between 0 and the entropy H.

    E is the mean of I over all orders of the factor's values. So a latent that knows nothing gets 0 on average, and one that
    knows all gets H, whatever the number of samples. Source: the adjusted mutual information of Vinh et al. (2010), with H(v_k)
    as the largest possible value.
    """
    room = entropies - chance
    share = np.divide(raw - chance, room, out=np.zeros_like(raw), where=room > 1e-9)
    return entropies * np.clip(share, 0.0, 1.0)


def beyond_chance(raw: Float64[np.ndarray, "d k"], chance: Float64[np.ndarray, "d k"], n: int) -> Bool[np.ndarray, "d k"]:
    """Which latents are `DEVIATIONS` standard deviations above chance, for each factor.

    2 n I of a latent that knows nothing is chi-squared: with mean 2 n E it has the variance 4 n E, so I has E / n.
    """
    known: Bool[np.ndarray, "d k"] = raw - chance > DEVIATIONS * np.sqrt(chance / n) + 1e-12
    return known


def knows(
    raw: Float64[np.ndarray, "d k"], chance: Float64[np.ndarray, "d k"], entropies: Float64[np.ndarray, "k"], n: int
) -> Bool[np.ndarray, "d k"]:
    """Which latents know of each factor.

    They know more than chance gives (`beyond_chance`), and a hundredth of its entropy or more.
    """
    enough = adjusted_for_chance(raw, chance, entropies) >= LEAST_SHARE * entropies
    return beyond_chance(raw, chance, n) & enough & (entropies > 0)
