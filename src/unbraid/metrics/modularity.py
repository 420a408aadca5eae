"""Modularity: whether a latent knows of one factor only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float

from unbraid.metrics.information.definitions import Definition, information
from unbraid.metrics.mig_sup import LatentScores, over_live
from unbraid.metrics.registry import EQUAL_WIDTHS, LOCATELLO, OWN, Variant, metrics
from unbraid.metrics.samples import Array, Codes, Factors, gather, require_choice
from unbraid.options import Option

ModularityDefinition = Annotated[
    Literal["adjusted", "posterior", "neighbors", "ridgeway2018", "locatello2019"] | None,
    Option("how information is estimated, and what becomes of latents that know nothing"),
]


def modularity_from_information(information: Float[np.ndarray, "d k"]) -> Float[np.ndarray, "d"]:
    r"""The modularity of each latent: 1 less :math:`(\sum_k I_{jk}^2 - \theta_j^2) / (\theta_j^2 (K - 1))`.

    0 for a latent that knows nothing, 1 for one that does where there is a single factor.
    """
    squares = information**2
    best = squares.max(1)
    others = squares.sum(1) - best
    room = best * max(information.shape[1] - 1, 1)
    deviation = np.divide(others, room, out=np.ones(len(best)), where=room > 0)
    return 1 - deviation


@metrics.register(
    "modularity",
    source="Ridgeway and Mozer (2018), Learning Deep Disentangled Embeddings with the F-Statistic Loss",
    formula="mean over live latents of 1 - (sum over factors of I^2 - best I^2) / (best I^2 (K - 1))",
    range=(0.0, 1.0),
    perfect="1",
    continuous="as mig; classes beside them by shares of entropy",
    chance="0; by published definitions a value that depends on the numbers of values, 0.67 on dSprites",
    blind="to several latents that know the same factor, and to factors that no latent knows",
    variants=(
        Variant(OWN),
        Variant(OWN + ", where no variances are known", {"definition": "adjusted"}, continuous=True),
        Variant("Ridgeway and Mozer (2018)", {"definition": "ridgeway2018"}),
        Variant(LOCATELLO, {"definition": "locatello2019"}),
    ),
    rests_on="live",
    no_interval_by={("definition", name): EQUAL_WIDTHS for name in ("ridgeway2018", "locatello2019")},
)
def modularity(
    codes: Codes = None,
    factors: Factors = None,
    *,
    mean: Array | None = None,
    variance: Array | None = None,
    definition: ModularityDefinition = None,
    factor_names: Sequence[str] | None = None,
) -> LatentScores:
    r"""Modularity: how far each latent knows of one factor only.

    .. math:: \frac1J \sum_j \Bigl(1 - \frac{\sum_k I_{jk}^2 - \theta_j^2}{\theta_j^2 (K - 1)}\Bigr), \qquad
        \theta_j = \max_k I_{jk}

    Latents that know no more of any factor than chance gives are left out, or the score would tell how many there are. `live`
    is the number of the others, and those left out are None in `per_latent`. Definitions:

    * "adjusted", "posterior": as of `unbraid.metrics.information.definitions`; the second by default where variances are given.
    * "ridgeway2018": 20 bins of equal width; a latent is left out only if it knows exactly nothing, as a constant does.
    * "locatello2019": the same, and a latent that knows exactly nothing scores 0 and counts.

    Range 0 to 1. A perfect code scores 1. A latent that mixes two of K factors evenly scores 1 - 1 / (K - 1). Chance scores 0;
    by the last two, a latent that knows nothing has information in proportion to the factors' numbers of values less one, which
    scores 0.68 on dSprites. Blind to copies among the latents, and to factors that no latent knows.
    Raises `UsageError` for arrays that no score can be computed from, and a definition that does not fit what is given.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> found = modularity(codes, factors, factor_names=["shape", "size", "x"])
    >>> found["live"], round(found["score"], 2)
    (3, 0.91)
    """
    require_choice("definition", definition, ModularityDefinition)
    estimator: Definition = "locatello2019" if definition == "ridgeway2018" else definition
    samples = gather(codes, factors, mean=mean, variance=variance, factor_names=factor_names)
    found = information(samples, estimator)
    live = np.ones(len(found.live), dtype=bool) if definition == "locatello2019" else found.live
    scored = over_live(modularity_from_information(found.measured[0]), live)
    return {**scored, "live": int(found.live.sum())}
