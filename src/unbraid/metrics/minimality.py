"""Minimality and sufficiency of latents for factors that may depend on each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Literal, TypedDict

import numpy as np
from jaxtyping import Float64

from unbraid.metrics.information.histogram import entropy, equal_width_bins, factor_entropies, mutual_information_matrix
from unbraid.metrics.jemmig import in_equal_widths
from unbraid.metrics.mig import Scores
from unbraid.metrics.mig_sup import LatentScores, over_live
from unbraid.metrics.registry import EQUAL_WIDTHS, OWN, Variant, metrics
from unbraid.metrics.samples import Codes, Factors, Samples, gather, require_choice
from unbraid.metrics.splitting import ranks
from unbraid.options import Option

ALMUDEVAR_BINS = 15

Definition = Annotated[Literal["adjusted", "almudevar2024"], Option("how entropies and information are estimated")]


class Minimality(TypedDict):
    """Both scores; `score` is minimality."""

    score: float
    minimality: LatentScores
    sufficiency: Scores


@metrics.register(
    "minimality",
    source="Almudevar and Ortega (2024), Rethinking Disentanglement under Dependent Factors of Variation, and its code",
    formula="mean over live latents of the largest I(z; v) / H(z); sufficiency: mean over factors of largest I(z; v) / H(v)",
    range=(0.0, 1.0),
    perfect="1",
    chance="0; by almudevar2024 a little more",
    blind="to several latents that know the same factor, and in minimality to factors that no latent knows",
    continuous="as classes, 20 parts of equally many samples",
    variants=(
        Variant(OWN),
        Variant("code of Almudevar and Ortega (2024)", {"definition": "almudevar2024"}),
    ),
    no_interval=EQUAL_WIDTHS,
)
def minimality(
    codes: Codes,
    factors: Factors = None,
    *,
    definition: Definition = "adjusted",
    factor_names: Sequence[str] | None = None,
) -> Minimality:
    r"""Minimality: does a latent tell of one factor alone. Sufficiency: does one tell all of a factor.

    .. math:: \frac1J \sum_j \max_k \frac{I(z_j; v_k)}{H(z_j)}, \qquad \frac1K \sum_k \max_j \frac{I(z_j; v_k)}{H(v_k)}

    Neither compares a factor with another one, so that both are 1 for a perfect code also where factors depend on each other:
    there MIG, MIG-sup and modularity cannot be 1. A latent is not minimal if it tells anything beside its factor, of other
    factors or of nothing that is known. Definitions:

    * "adjusted": latents in bins of equal width, at least 20 and as many as the factor has values; information is adjusted for
      chance, and the J latents are those that know more of any factor than chance gives. Of a continuous factor, cut into 20
      parts of equally many samples, the bins hold equally many too, so that monotone transforms do not matter.
    * "almudevar2024": 15 such bins, as it comes, all latents. A latent of more than 15 values seems minimal.

    Range 0 to 1. A perfect code scores 1 in both. Chance scores 0. Blind to copies among the latents; sufficiency sees factors
    that no latent knows, and minimality does not. `score` is minimality.
    Raises `UsageError` for arrays that no score can be computed from.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> found = minimality(codes, factors, factor_names=["shape", "size", "x"])
    >>> [round(found[part]["score"], 2) for part in ("minimality", "sufficiency")]
    [0.83, 0.92]
    """
    samples = gather(codes, factors, factor_names=factor_names)
    require_choice("definition", definition, Definition)
    if definition == "almudevar2024":
        samples = samples.of_classes("The definition 'almudevar2024'", 'Ask for "adjusted".')
        matrix = mutual_information_matrix(samples.codes, samples.factors, bins=ALMUDEVAR_BINS)
        binned = equal_width_bins(samples.codes, ALMUDEVAR_BINS).T
        own = np.repeat([[entropy(bins)] for bins in binned], matrix.shape[1], axis=1)
        entropies, live = factor_entropies(samples.factors), np.ones(len(matrix), dtype=bool)
    else:
        read = [in_equal_widths(part) for part in _as_classes(samples)]
        matrix, own = (np.hstack(tables) for tables in ([found.matrix for found, _, _ in read], [own for _, own, _ in read]))
        entropies, live = np.concatenate([found.entropies for found, _, _ in read]), np.asarray(matrix.any(1))
    least = np.clip(_shares(matrix, own).max(1), 0.0, 1.0)
    enough = np.clip(_shares(matrix, np.broadcast_to(entropies, matrix.shape)).max(0), 0.0, 1.0)
    minimal = over_live(least, live)
    return {
        "score": minimal["score"],
        "minimality": minimal,
        "sufficiency": {"score": float(enough.mean()), "per_factor": samples.by_factor(enough)},
    }


def _as_classes(samples: Samples) -> Iterator[Samples]:
    """Codes beside factors that are classes; and ranks of codes beside continuous factors, cut into parts."""
    if samples.factor_names:
        yield samples.of_classes("Minimality", "")
    if samples.quantity_names:
        none = np.empty((len(samples), 0), dtype=np.int64)
        yield replace(samples.with_codes(ranks(samples.codes)), factors=none, factor_names=()).cut()


def _shares(information: Float64[np.ndarray, "d k"], entropies: Float64[np.ndarray, "d k"]) -> Float64[np.ndarray, "d k"]:
    return np.divide(information, entropies, out=np.zeros_like(information), where=entropies > 0)
