"""The definitions of mutual information that metrics can be asked for, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Bool

from unbraid.errors import UsageError
from unbraid.metrics.information.adaptive_bins import adjusted_information, plug_in_information
from unbraid.metrics.information.binned_posteriors import binned_posterior_information
from unbraid.metrics.information.histogram import factor_entropies
from unbraid.metrics.information.nearest_neighbors import Kind, neighbor_estimates
from unbraid.metrics.information.posterior_information import posterior_information
from unbraid.metrics.information.stratified import AS_RUN, NONE, stratified_information
from unbraid.metrics.information.types import Information, knows_of_parts
from unbraid.metrics.samples import Array, Codes, Factors, Samples, gather, require_choice
from unbraid.options import Option, checked

Definition = Annotated[
    Literal["adjusted", "posterior", "neighbors", "chen2018", "stratified", "dubois2019", "locatello2019", "do2020"] | None,
    Option("how information is estimated; by default posterior where variances are given, adjusted bins elsewhere"),
]
OF_QUANTITIES = frozenset({"adjusted", "posterior", "neighbors"})
"""Definitions that have a meaning for continuous factors."""
IN_WORDS = {
    "adjusted": "measured in bins of the codes and adjusted for chance",
    "posterior": "measured under the posteriors of the images and adjusted for chance",
    "neighbors": "measured by distances to nearest neighbors",
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
    * "neighbors": by the nearest neighbors of 10,000 samples (`nearest_neighbors`). A latent counts as knowing something where
      it does by "adjusted".
    * "chen2018": "posterior" without adjustment. Chen et al. estimate it from 10,000 draws; quadrature is the limit of that.
    * "stratified": the same from 10,000 draws of all samples and of those of each value, which "chen2018" is the limit of
      (`stratified_information`).
    * "dubois2019": that estimate as the code of Dubois et al. computes it: at means in place of draws, and with the values of
      all latents mixed up. It is here to show what published numbers are, and measures nothing.
    * "locatello2019": plug-in estimate from `bins` bins of equal width over the range of each latent.
    * "do2020": plug-in estimate from the mass of the posteriors in 100 bins from -4 to 4 (`binned_posteriors`).

    Continuous factors are cut into 20 parts of equally many samples (`Samples.cut`) by "adjusted" and "posterior", which gives
    a lower bound: what a latent tells of the part it also tells of the value. "neighbors" reads their values. By default
    they are read by "neighbors" where no variances are given, and by "posterior" elsewhere: then

    .. math:: I(z_j; \text{part of } v_k) - \epsilon \le I(z_j; v_k) \le I(z_j; x) + \epsilon

    with the error :math:`\epsilon` of the quadrature (`Information.error`) and I(z_j; x) of `Information.of_images`. The other
    definitions are of classes, and leave continuous factors out.

    Raises `UsageError` for a definition that does not exist or needs variances where there are none, and for one of classes
    where all factors are continuous.

    >>> from unbraid.metrics.samples import gather
    >>> rng = np.random.default_rng(0)
    >>> factors = rng.integers(0, 4, (1_000, 2))
    >>> samples = gather(factors[:, :1] + 0.1 * rng.normal(size=(1_000, 1)), factors)
    >>> information(samples, "locatello2019").estimate.round(1)  # log 4 of the first factor, nothing of the second
    array([[1.4, 0. ]])
    """
    require_choice("definition", definition, Definition)
    chosen = definition or default_definition(samples)
    if chosen == "neighbors" or (samples.quantity_names and chosen in OF_QUANTITIES):
        return _with_quantities(samples, chosen, of_classes=chosen == "neighbors" and definition is not None)
    samples = samples.of_classes(f"The definition {chosen!r}", 'Leave it out, or ask for "neighbors".')
    if chosen in OF_QUANTITIES:
        return judged(samples, lambda own: _estimate(own, chosen, bins))
    return _estimate(samples, chosen, bins)


def default_definition(samples: Samples) -> Literal["adjusted", "posterior", "neighbors"]:
    """The definition that samples are measured by unless another is asked for.

    "neighbors" is that of continuous factors; classes beside them are measured by "adjusted".
    """
    if samples.variance is not None:
        return "posterior"
    return "neighbors" if samples.quantity_names else "adjusted"


def _with_quantities(samples: Samples, chosen: str, of_classes: bool) -> Information:
    """Information of classes and continuous factors.

    Of a part of other samples those judge what latents know, as in `judged`.

    Args:
        chosen: "adjusted", "posterior" or "neighbors".
        of_classes: whether nearest neighbors are to measure the classes too.
    """
    if samples.whole is None:
        return _of_cut(samples, chosen, of_classes, None)
    whole = _with_quantities(samples.whole, chosen, of_classes)
    live = np.flatnonzero(whole.live)
    if not len(live):
        return replace(whole, samples=len(samples))
    part = _of_cut(samples.latents(live), chosen, of_classes, whole.known[live])
    found = np.zeros_like(whole.estimate)
    found[live] = part.estimate
    return replace(whole, estimate=found, entropies=part.entropies, samples=len(samples))


def _of_cut(samples: Samples, chosen: str, of_classes: bool, known: Bool[np.ndarray, "d k"] | None) -> Information:
    """Information of factors cut into classes.

    Where neighbors are asked for, estimates of those that are known are theirs.
    """

    def read() -> Information:
        cut, classes, values = samples.cut(), samples.factors, samples.quantities
        found = _estimate(cut, "posterior" if chosen == "posterior" else "adjusted", 0)
        parts = np.arange(len(found.entropies)) >= classes.shape[1]
        decided = np.where(parts, knows_of_parts(found), found.known)
        found = replace(found, continuous=len(samples.quantity_names), known=decided)
        if chosen != "neighbors":
            return found
        wanted = (found.known if known is None else known).copy()
        wanted[:, : classes.shape[1]] &= of_classes
        columns = [*classes.T, *([] if values is None else values.T)]
        kinds: list[Kind] = [*("class" for _ in classes.T), *(period or "quantity" for period in samples.periods)]
        near = np.maximum(neighbor_estimates(samples.codes, columns, kinds, wanted), 0.0)
        near[:, : classes.shape[1]] = np.minimum(near[:, : classes.shape[1]], found.entropies[: classes.shape[1]])
        return replace(found, estimate=np.where(wanted, near, found.estimate))

    return samples.keep(("cut", chosen, of_classes), read)


def judged(samples: Samples, estimate: Callable[[Samples], Information]) -> Information:
    """An estimate of classes.

    In a part of other samples a latent knows of a factor if it does in all of them.

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


@checked
def mutual_information(
    codes: Codes = None,
    factors: Factors = None,
    *,
    mean: Array | None = None,
    variance: Array | None = None,
    definition: Definition = None,
    bins: Bins = 20,
) -> Information:
    """I(z_j; v_k) in nats, with the entropies of the factors and what chance alone would give.

    See `information`.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)
    >>> found = mutual_information(factors.astype(float), factors)
    >>> (found.matrix / found.entropies).round(2).tolist()  # each latent is a factor
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    return information(gather(codes, factors, mean=mean, variance=variance), definition, bins)
