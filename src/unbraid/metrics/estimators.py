"""The definitions of mutual information that metrics can be asked for, by name."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from jaxtyping import Shaped

from unbraid.errors import UsageError
from unbraid.metrics.binned_information import adjusted_information, plug_in_information
from unbraid.metrics.information import Information
from unbraid.metrics.mutual_information import check_codes
from unbraid.metrics.posterior_information import posterior_information
from unbraid.options import Option

Definition = Annotated[
    Literal["adjusted", "posterior", "chen2018", "locatello2019"] | None,
    Option("how information is estimated; by default posterior where variances are given, adjusted bins elsewhere"),
]
Bins = Annotated[int, Option("bins of equal width, for the definition locatello2019", ge=2)]
Array = Shaped[np.ndarray, "..."]


def information(
    codes: Array | None,
    factors: Array | None,
    *,
    mean: Array | None = None,
    variance: Array | None = None,
    definition: Definition = None,
    bins: int = 20,
) -> Information:
    r"""Information of each latent about each factor, by the name of its definition.

    * "adjusted" (default without variances): bins that respect the values of the factor, adjusted for chance
      (`adjusted_information`).
    * "posterior" (default with variances): the mixtures of all posteriors by quadrature, adjusted for chance
      (`posterior_information`).
    * "chen2018": the same without adjustment. Chen et al. estimate it from 10,000 draws; quadrature is the limit of that.
    * "locatello2019": plug-in estimate from `bins` bins of equal width over the range of each latent.

    Codes are the posterior means where `variance` is given, and `mean` is another name for them.
    Raises `UsageError` for arrays that no score can be computed from, and a definition that does not fit what is given.
    """
    given = mean if codes is None else codes
    if given is None or (codes is not None and mean is not None):
        raise UsageError("Give either codes or mean: the latents of each sample, one row a sample.")
    if factors is None:
        raise UsageError("Give factors: whole numbers, one row a sample.")
    check_codes(given, factors)
    chosen = definition or ("adjusted" if variance is None else "posterior")
    if chosen == "adjusted":
        return adjusted_information(given, factors)
    if chosen == "locatello2019":
        return plug_in_information(given, factors, bins=bins)
    if chosen not in {"posterior", "chen2018"}:
        raise UsageError(f"definition is {chosen!r}; allowed: adjusted, posterior, chen2018, locatello2019.")
    if variance is None:
        raise UsageError(f"The definition {chosen!r} needs variance: the posterior variances beside the means.")
    return posterior_information(given, variance, factors, adjusted=chosen == "posterior")
