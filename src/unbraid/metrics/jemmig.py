"""Joint entropy minus mutual information gap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float64, Int64
from scipy.special import entr

from unbraid.errors import UsageError
from unbraid.metrics.information.adaptive_bins import LEAST_BINS, from_counts
from unbraid.metrics.information.binned_posteriors import BINS, binned_posteriors
from unbraid.metrics.information.definitions import judged
from unbraid.metrics.information.histogram import Labels, equal_width_bins, factor_entropies, information_of_counts
from unbraid.metrics.information.types import Information
from unbraid.metrics.mig import Scores, best_two
from unbraid.metrics.registry import EQUAL_WIDTHS, OWN, Variant, metrics
from unbraid.metrics.samples import Array, Codes, Factors, Samples, gather, require_choice
from unbraid.options import Option

CARBONNEAU_BINS = 10
ROUNDING = 1e-9
"""Nats by which equal information may differ."""

Tables = Int64[np.ndarray, "d _ _"] | Float64[np.ndarray, "d _ _"]


def jemmig_from_information(
    information: Float64[np.ndarray, "d k"],
    latent_entropies: Float64[np.ndarray, "d k"],
    entropies: Float64[np.ndarray, "k"],
    most: Float64[np.ndarray, "k"],
) -> Float64[np.ndarray, "k"]:
    r"""The score of each factor, in closed form.

    :math:`1 - (H(v) + H(z^*) - 2 I(z^*; v) + I(z^\circ; v)) / (H(v) + \log b)`.

    Of latents that know equally much, but for rounding, z* is the one of the largest entropy. `most` is log b.
    """
    best, second = best_two(information)
    own = np.where(information >= best - ROUNDING, latent_entropies, 0.0).max(0)
    return np.clip(1 - (entropies + own - 2 * best + second) / (entropies + most), 0.0, 1.0)


def _by_counts(
    samples: Samples, bins: Callable[[int], int]
) -> tuple[list[Int64[np.ndarray, "d _ _"]], Float64[np.ndarray, "k"]]:
    """For each factor, samples by bin of each latent and value; and the logarithms of the numbers of bins."""
    labels = [Labels.of(column) for column in samples.factors.T]
    counts = [bins(len(own.sizes)) for own in labels]
    binned = {count: equal_width_bins(samples.codes, count).T for count in set(counts)}
    tables = [
        np.stack([_counts(column, own, count) for column in binned[count]]) for own, count in zip(labels, counts, strict=True)
    ]
    return tables, np.log(counts)


def _counts(bin_of: Int64[np.ndarray, "n"], labels: Labels, bins: int) -> Int64[np.ndarray, "b v"]:
    values = len(labels.sizes)
    return np.bincount(bin_of * values + labels.places, minlength=bins * values).reshape(bins, values).astype(np.int64)


def _latent_entropies(tables: Sequence[Tables]) -> Float64[np.ndarray, "d k"]:
    """H(z_j) in the bins that go with v_k."""
    return np.stack([entr(joint.sum(2) / joint[0].sum()).sum(1) for joint in tables], axis=1)


def _plug_in(tables: Sequence[Tables]) -> Float64[np.ndarray, "d k"]:
    return np.stack([information_of_counts(joint) for joint in tables], axis=1)


def _adjusted(samples: Samples) -> Float64[np.ndarray, "k"]:
    found = judged(samples, lambda own: in_equal_widths(own)[0])
    _, latent_entropies, most = in_equal_widths(samples)
    return np.where(found.known.any(0), jemmig_from_information(found.matrix, latent_entropies, found.entropies, most), 0.0)


def in_equal_widths(samples: Samples) -> tuple[Information, Float64[np.ndarray, "d k"], Float64[np.ndarray, "k"]]:
    """Information without bias and chance, entropies H(z_j), and logarithms of numbers of bins.

    H(z_j) is computed in the bins that belong to v_k.
    """

    def of_equal_widths() -> tuple[Information, Float64[np.ndarray, "d k"], Float64[np.ndarray, "k"]]:
        tables, most = _by_counts(samples, lambda values: max(LEAST_BINS, values))
        return from_counts(tables), _latent_entropies(tables), most

    return samples.keep("jemmig", of_equal_widths)


def _carbonneau(samples: Samples) -> Float64[np.ndarray, "k"]:
    tables, most = _by_counts(samples, lambda values: CARBONNEAU_BINS)
    return jemmig_from_information(_plug_in(tables), _latent_entropies(tables), factor_entropies(samples.factors), most)


def _do(samples: Samples) -> Float64[np.ndarray, "k"]:
    mean, variance = samples.codes, samples.variance
    if variance is None:
        raise UsageError("The definition 'do2020' needs variance: the posterior variances beside the means.")
    pairs = list(zip(mean.T, variance.T, strict=True))
    tables = [np.stack([binned_posteriors(*own, values) for own in pairs]) for values in samples.factors.T]
    most = np.full(samples.factors.shape[1], np.log(BINS))
    return jemmig_from_information(_plug_in(tables), _latent_entropies(tables), factor_entropies(samples.factors), most)


DEFINITIONS: dict[str, Callable[[Samples], Float64[np.ndarray, "k"]]] = {
    "adjusted": _adjusted,
    "carbonneau2022": _carbonneau,
    "do2020": _do,
}


Definition = Annotated[Literal["adjusted", "carbonneau2022", "do2020"], Option("how entropies and information are estimated")]


@metrics.register(
    "jemmig",
    source="Do and Tran (2020), Theory and Evaluation Metrics for Learning Disentangled Representations",
    formula="1 - (H(z*, v) - I(z*; v) + I(z2; v)) / (H(v) + log bins), mean over factors",
    range=(0.0, 1.0),
    perfect="1",
    continuous="as classes, 20 parts of equally many samples",
    chance="0; by published definitions more, and 1/2 and above for constants",
    blind="to information about a factor that is spread over several latents beyond the second",
    variants=(
        Variant(OWN),
        Variant("code of Carbonneau et al. (2022), told that factors are discrete", {"definition": "carbonneau2022"}),
        Variant("Do and Tran (2020), 1 less their number", {"definition": "do2020"}, needs_variance=True),
    ),
    no_interval=EQUAL_WIDTHS,
)
def jemmig(
    codes: Codes = None,
    factors: Factors = None,
    *,
    mean: Array | None = None,
    variance: Array | None = None,
    definition: Definition = "adjusted",
    factor_names: Sequence[str] | None = None,
) -> Scores:
    r"""JEMMIG: does a factor's best latent know the factor, nothing else, and more than the second best.

    .. math:: \frac1K \sum_k \Bigl(1 - \frac{H(z^*, v_k) - I(z^*; v_k) + I(z^\circ; v_k)}{H(v_k) + \log b}\Bigr)

    z* is the latent with the most information about v_k, z° the second, b the number of bins that entropies of latents are
    taken in, and :math:`H(z^*, v_k) = H(z^*) + H(v_k) - I(z^*; v_k)`. Unlike MIG it lowers the score if z* tells anything
    beside v_k, also noise, so a code scores 1 only if each value of v_k has a bin of its own. The published number is what is
    taken off 1 here, less being better. Definitions:

    * "adjusted": bins of equal width over the range of a latent, at least 20 and as many as the factor has values; information
      is adjusted for chance, and a factor of which no latent knows more than chance gives scores 0.
    * "carbonneau2022": 10 such bins, as it comes. A code that knows nothing scores the more the fewer values a factor has,
      because its joint entropy is lower: constants score log b / (H + log b).
    * "do2020": the mass of posteriors in 100 bins from -4 to 4 (`binned_posteriors`), so it depends on the scale of latents,
      and needs variances.

    Range 0 to 1. A perfect code scores 1; by "carbonneau2022" less where a factor has more than 10 values, or not evenly spaced
    codes. Sign does not matter, nor scale except by "do2020"; transforms that are not linear do, also monotone ones.
    Raises `UsageError` for arrays that no score can be computed from, and a definition that does not fit what is given.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> found = jemmig(codes, factors, factor_names=["shape", "size", "x"])
    >>> round(found["score"], 2)
    0.83
    """
    samples = gather(codes, factors, mean=mean, variance=variance, factor_names=factor_names)
    require_choice("definition", definition, Definition)
    samples = (
        samples.cut() if definition == "adjusted" else samples.of_classes(f"The definition {definition!r}", "Leave it out.")
    )
    scores = DEFINITIONS[definition](samples)
    return {"score": float(scores.mean()), "per_factor": samples.by_factor(scores)}
