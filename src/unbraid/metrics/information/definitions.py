"""The definitions of mutual information that metrics can be asked for, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Literal

import numpy as np

from unbraid.errors import UsageError
from unbraid.metrics.information.adaptive_bins import adjusted_information, plug_in_information
from unbraid.metrics.information.binned_posteriors import binned_posterior_information
from unbraid.metrics.information.histogram import factor_entropies
from unbraid.metrics.information.posterior_information import posterior_information
from unbraid.metrics.information.stratified import AS_RUN, NONE, stratified_information
from unbraid.metrics.information.types import Information
from unbraid.metrics.samples import Array, Codes, Factors, Samples, gather, require_choice
from unbraid.options import Option

Definition = Annotated[
    Literal["adjusted", "posterior", "chen2018", "stratified", "dubois2019", "locatello2019", "do2020"] | None,
    Option("how information is estimated; by default posterior where variances are given, adjusted bins elsewhere"),
]
IN_WORDS = {
    "adjusted": "measured in bins of the codes and adjusted for chance",
    "posterior": "measured under the posteriors of the images and adjusted for chance",
    "chen2018": "measured under the posteriors of the images",
    "stratified": "measured under the posteriors of the images, at 10,000 draws of each value",
    "dubois2019": "measured by the code of Dubois et al. (2019), which scrambles latents",
    "locatello2019": "measured in bins of equal width",
    "do2020": "measured from the mass of the posteriors in bins of equal width",
}
"""How each definition estimates information, for captions."""

Bins = Annotated[int, Option("bins of equal width, for the definition locatello2019", ge=2)]


def information(samples: Samples, definition: str | None = None, bins: int = 20) -> Information:
    r"""Information of each latent about each factor, by the name of its definition.

    * "adjusted" (default without variances): bins that respect the values of the factor, without bias and the level of
      chance (`adjusted_information`).
    * "posterior" (default with variances): the mixtures of all posteriors by quadrature, adjusted for chance
      (`posterior_information`).
    * "chen2018": the same without adjustment. Chen et al. estimate it from 10,000 draws; quadrature is the limit of that.
    * "stratified": the same from 10,000 draws of all samples and of those of each value, which "chen2018" is the limit of
      (`stratified_information`).
    * "dubois2019": that estimate as the code of Dubois et al. computes it: at means in place of draws, and with the values of
      all latents mixed up. It is here to show what published numbers are, and measures nothing.
    * "locatello2019": plug-in estimate from `bins` bins of equal width over the range of each latent.
    * "do2020": plug-in estimate from the mass of the posteriors in 100 bins from -4 to 4 (`binned_posteriors`).

    Raises `UsageError` for a definition that does not exist or needs variances where there are none.
    """
    require_choice("definition", definition, Definition)
    chosen = definition or default_definition(samples)
    if chosen in {"adjusted", "posterior"}:
        return judged(samples, lambda own: _estimate(own, chosen, bins))
    return _estimate(samples, chosen, bins)


def default_definition(samples: Samples) -> Literal["adjusted", "posterior"]:
    """The definition that samples are measured by unless another is asked for."""
    return "adjusted" if samples.variance is None else "posterior"


def judged(samples: Samples, estimate: Callable[[Samples], Information]) -> Information:
    """An estimate; in a part of other samples a latent knows of a factor if it does in all of them.

    A part has less to tell knowledge from chance by, and by a measure of its own each would decide otherwise. Latents that
    know nothing are not read again.
    """
    if samples.whole is None:
        return estimate(samples)
    whole = estimate(samples.whole)
    live = np.flatnonzero(whole.live)
    found = np.zeros_like(whole.estimate)
    if len(live):
        found[live] = estimate(samples.latents(live)).estimate
    return replace(whole, estimate=found, entropies=factor_entropies(samples.factors), samples=len(samples))


def _estimate(samples: Samples, chosen: str, bins: int) -> Information:
    codes, factors, variance = samples.codes, samples.factors, samples.variance
    if chosen == "adjusted":
        return samples.keep(chosen, lambda: adjusted_information(codes, factors))
    if chosen == "locatello2019":
        return samples.keep((chosen, bins), lambda: plug_in_information(codes, factors, bins=bins))
    if variance is None:
        raise UsageError(f"The definition {chosen!r} needs variance: the posterior variances beside the means.")
    if chosen == "do2020":
        return samples.keep(chosen, lambda: binned_posterior_information(codes, variance, factors))
    if chosen in {"stratified", "dubois2019"}:
        faults = AS_RUN if chosen == "dubois2019" else NONE
        return samples.keep(
            chosen, lambda: stratified_information(codes, variance, factors, faults=faults, rng=np.random.default_rng(0))
        )
    return samples.keep(chosen, lambda: posterior_information(codes, variance, factors, adjusted=chosen == "posterior"))


def mutual_information(
    codes: Codes = None,
    factors: Factors = None,
    *,
    mean: Array | None = None,
    variance: Array | None = None,
    definition: Definition = None,
    bins: int = 20,
) -> Information:
    """I(z_j; v_k) in nats, with the entropies of the factors and what chance alone would give.

    See `information`.
    """
    return information(gather(codes, factors, mean=mean, variance=variance), definition, bins)
