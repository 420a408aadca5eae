"""What latents know about factors, in nats, and what of it chance alone would give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

DEVIATIONS = 4.0
"""A latent knows something if it is this many standard deviations above what chance gives, ..."""
LEAST_SHARE = 0.01
"""... and knows at least this share of the factor's entropy: with many samples any trace is beyond chance."""


@dataclass(frozen=True)
class Information:
    """I(z_j; v_k) in nats.

    Args:
        matrix: information, latents by factors; never negative.
        entropies: H(v_k) of each factor.
        chance: what a latent that knows nothing would be given by the estimator before any adjustment, latents by factors.
        known: whether a latent knows of a factor at all, latents by factors; see `knows`.
        error: largest error of the quadrature in `matrix`, in nats, on the safe side; bins have none.
    """

    matrix: Float64[np.ndarray, "d k"]
    entropies: Float64[np.ndarray, "k"]
    chance: Float64[np.ndarray, "d k"]
    known: Bool[np.ndarray, "d k"]
    error: float = 0.0

    @property
    def live(self) -> Bool[np.ndarray, "d"]:
        """Whether a latent knows of any factor."""
        return np.asarray(self.known.any(1))

    @property
    def shares(self) -> Float64[np.ndarray, "d k"]:
        """I(z_j; v_k) / H(v_k); 0 for a factor with a single value."""
        return np.divide(self.matrix, self.entropies, out=np.zeros_like(self.matrix), where=self.entropies > 0)

    @property
    def beyond(self) -> Float64[np.ndarray, "d k"]:
        """Nats above chance before adjustment, where `matrix` is adjusted; 0 for those below."""
        return self.shares * (self.entropies - self.chance)


def known_in_part(part: Information, whole: Information, n: int) -> Bool[np.ndarray, "d k"]:
    """Which latents know of each factor in a part of n samples, as all of them would be judged anew.

    A part has less to tell knowledge from chance by, so that what is just known in all samples would never be in their halves,
    and the spread of halves would miss that other samples may decide otherwise. Here a latent has to be as many nats above
    chance in the part as `knows` asks of all. The noise in a part exceeds this more often than that in all samples does, so it
    must be half as far above chance in these.
    """
    least = DEVIATIONS * np.sqrt(whole.chance / n)
    known: Bool[np.ndarray, "d k"] = (part.beyond > least) & (whole.beyond > least / 2) & (part.shares >= LEAST_SHARE)
    return known


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
    """Which latents know of each factor: more than chance gives (`beyond_chance`), and a hundredth of its entropy or more."""
    enough = adjusted_for_chance(raw, chance, entropies) >= LEAST_SHARE * entropies
    return beyond_chance(raw, chance, n) & enough & (entropies > 0)
