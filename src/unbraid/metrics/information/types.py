"""What latents know about factors, in nats, and what of it chance alone would give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

DEVIATIONS = 4.0
"""A latent knows something if it is this many standard deviations above what chance gives, ..."""
LEAST_SHARE = 0.01
"""... and knows at least this share of the factor's entropy: with many samples any trace is beyond chance."""
LEAST_EXPLAINED = -0.5 * float(np.log1p(-LEAST_SHARE))
"""The same of a continuous factor, in nats: a hundredth of its variance."""
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
        continuous: how many of the last factors are continuous. Their `entropies`, and `chance`, are those of the equal parts
            of their range that decide whether a latent knows of them; estimates may exceed them.
        of_images: I(z_j; x), what each latent tells of the sample, where posteriors say it: a bound on what it tells of
            anything that the sample determines.
    """

    estimate: Float64[np.ndarray, "d k"]
    entropies: Float64[np.ndarray, "k"]
    chance: Float64[np.ndarray, "d k"]
    known: Bool[np.ndarray, "d k"]
    error: float = 0.0
    samples: int = 0
    continuous: int = 0
    of_images: Float64[np.ndarray, "d"] | None = None

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
        """How much of a factor a latent knows, of `matrix`, from 0 to 1.

        It is I(z_j; v_k) / H(v_k), and of a continuous factor `explained`; 0 for a factor with a single value.
        """
        found = _shares(self.matrix, self.entropies)
        if self.continuous:
            found[:, -self.continuous :] = explained(self.matrix[:, -self.continuous :])
        return found

    @property
    def measured(self) -> tuple[Float64[np.ndarray, "d k"], Float64[np.ndarray, "k"]]:
        """What metrics are made of: `matrix` and `entropies`, in nats.

        With continuous factors it is `shares`, of which 1 is all. A continuous factor has no entropy that information could
        be a share of.
        """
        return (self.shares, np.ones(len(self.entropies))) if self.continuous else (self.matrix, self.entropies)

    @property
    def detectable(self) -> Float64[np.ndarray, "k"]:
        """The least share of each factor's entropy that this many samples tell from chance.

        It is 0 for estimates that are not adjusted for chance.
        """
        return DEVIATIONS * self._deviation(np.zeros_like(self.estimate)).max(0)

    @property
    def undecided(self) -> Bool[np.ndarray, "d k"]:
        """Whether other samples may decide otherwise if a latent knows `LEAST_SHARE` of a factor."""
        share, least = _shares(self.estimate, self.entropies), np.full(len(self.entropies), LEAST_SHARE)
        if self.continuous:
            own = slice(len(least) - self.continuous, None)
            least[own] = np.divide(LEAST_EXPLAINED, self.entropies[own], out=least[own], where=self.entropies[own] > 0)
        return np.abs(share - least) < DECIDED * self._deviation(share)

    def _deviation(self, share: Float64[np.ndarray, "d k"]) -> Float64[np.ndarray, "d k"]:
        """Standard deviation of a share.

        Its variance adds that of chance to that of weak information I, whose log-ratios vary by 2 I.
        """
        room = self.entropies - self.chance
        spread = np.sqrt((self.chance + 2 * share * self.entropies) / max(self.samples, 1))
        return np.divide(spread, room, out=np.zeros_like(room), where=(room > 1e-9) & (self.samples > 0))


def explained(information: Float64[np.ndarray, "*shape"]) -> Float64[np.ndarray, "*shape"]:
    r"""Information on a scale from 0 to 1 that needs no entropy: :math:`1 - e^{-2 I}`.

    A share :math:`I / H(v)` has no meaning for a continuous factor, whose entropy is infinite, or, as differential entropy, any
    number. This one is the squared correlation of two normal quantities with that much information, the share of the variance
    of one that the other explains. 0 for none, 1 for infinitely much; estimates below 0 count as 0. Source: Linfoot (1957), An
    informational measure of correlation, whose coefficient is its root.
    """
    found: Float64[np.ndarray, "*shape"] = -np.expm1(-2 * np.maximum(information, 0.0))
    return found


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


def knows_of_parts(found: Information) -> Bool[np.ndarray, "d k"]:
    """Which latents know of factors that are cut into parts.

    They know more than chance gives, and a hundredth of the variance or more. A hundredth of the entropy of 20 parts would be
    6 hundredths of the variance.
    """
    room = np.maximum(found.entropies - found.chance, 0.0)
    raw = found.chance + _shares(found.estimate, found.entropies) * room
    enough = found.estimate >= LEAST_EXPLAINED
    return beyond_chance(raw, found.chance, found.samples) & enough
