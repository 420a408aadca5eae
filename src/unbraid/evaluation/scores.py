"""What a code table tells: metrics, which latents are active, which factor each follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
from jaxtyping import Bool, Float, Integer, Real

from unbraid.codes import CodeTable
from unbraid.data.dataset import Dataset
from unbraid.data.factor_space import FactorSpace
from unbraid.data.grids.duplicates import first_twins
from unbraid.errors import UsageError
from unbraid.evaluation.stored import Split
from unbraid.figures.ranges import explained
from unbraid.metrics.evaluate import Chosen, choose
from unbraid.metrics.information.definitions import information
from unbraid.metrics.registry import metrics as registry
from unbraid.metrics.samples import Samples, gather

Metrics = str | Sequence[str] | Chosen
"""What `unbraid.metrics.evaluate` takes for metrics."""

FOLLOWS = 0.15
"""A latent follows a factor if it knows at least this share of the factor's entropy."""

ACTIVE = 0.05
"""A latent is active if its posterior means make up this share of its variance: about 0.026 nats of a normal code. Like the
active units of Burda et al. (2016), but relative, so that the scale of a latent does not matter (beta = 0), and above their
0.01, which calls a hundredth of a nat active."""


def samples_of(table: CodeTable, space: FactorSpace | None = None) -> Samples:
    """Means, variances and factors of a code table, for metrics.

    The space says which continuous factors are circular.
    """
    return posterior_samples(table.mean, table.variance, table.factors, table.factor_names, table.continuous, space)


def posterior_samples(
    mean: Float[np.ndarray, "n d"],
    variance: Float[np.ndarray, "n d"] | None,
    factors: Real[np.ndarray, "n k"],
    names: Sequence[str],
    continuous: Sequence[str] = (),
    space: FactorSpace | None = None,
) -> Samples:
    """Posteriors beside factors that are classes or continuous; those that are neither are left out.

    Variances are left out where some are 0, as for deterministic encoders.
    """
    spread = variance if variance is not None and (variance > 0).all() else None
    cyclic = {name: period for name, period in periods(space).items() if name in continuous} if space is not None else {}
    return gather(mean, factors, variance=spread, factor_names=names, only_classes=True, continuous=continuous, cyclic=cyclic)


def periods(space: FactorSpace) -> dict[str, float]:
    """The circular ones of the continuous factors of a space, with how far each goes once around."""
    circular = [factor for factor in space.factors if factor.continuous and factor.kind == "circular"]
    return {factor.name: factor.values[1] - factor.values[0] for factor in circular}


def reference_arguments(dataset: Dataset, index: Integer[np.ndarray, "_"]) -> dict[str, Any]:
    """`population` and `perfect` codes, which `unbraid.metrics.evaluate` compares these scores with.

    The perfect code of an image is its factors; equal images have those of the first of them.
    """
    assert dataset.factors is not None
    return {
        "population": len(dataset) if dataset.is_whole_grid else None,
        "perfect": dataset.factors[first_twins(dataset)[index]],
    }


def information_shares(samples: Samples) -> Float[np.ndarray, "d k"]:
    """I(z_j; v_k) / H(v_k): the share of each scored factor's entropy that each latent knows.

    The estimator is the default one of the metrics.

    Adjusted for chance: few images would else seem to tell much of factors with many values. Continuous factors have none.
    """
    if not samples.factor_names:
        return np.zeros((samples.codes.shape[1], 0))
    return information(samples.of_classes("A share", "")).shares


def known_shares(
    mean: Float[np.ndarray, "n d"],
    variance: Float[np.ndarray, "n d"],
    factors: Real[np.ndarray, "n k"],
    names: Sequence[str],
    continuous: Sequence[str] = (),
) -> Float[np.ndarray, "d k"] | None:
    """The information shares of codes, a column per factor, NaN for factors that are not scored.

    None for codes that are not finite, which have none, and where no factor is scored.
    """
    try:
        samples = posterior_samples(mean, variance, factors, names, continuous)
    except UsageError:
        return None
    return samples.of_all_factors(information_shares(samples))


def follows(shares: Float[np.ndarray, "d k"], names: Sequence[str]) -> list[str]:
    """For each latent the factor it knows most of, or "".

    It is "" where that is less than `FOLLOWS` of the factor's entropy.
    """
    if not names:
        return [""] * len(shares)
    known = np.nan_to_num(shares)
    return [names[k] if known[j, k] >= FOLLOWS else "" for j, k in enumerate(known.argmax(1))]


def active_latents(table: CodeTable) -> Bool[np.ndarray, "d"]:
    """Which latents are active: their means carry information about the image.

    The means of an inactive latent are lost in its noise.
    """
    return explained(table.mean, table.variance) >= ACTIVE


def choose_metrics(names: Metrics | None, has_factors: bool) -> Chosen:
    """Names of metrics with their options, checked; by default the core, none where there are no factors."""
    if names and not has_factors:
        given = names if isinstance(names, str) else ", ".join(names)
        raise UsageError(f"Metrics ({given}) need factors, and this data set has none.")
    chosen = choose("core" if names is None else names)
    return chosen if has_factors else {}


def quick_scores(samples: Samples) -> dict[str, float]:
    """Scores of all metrics that only compute, by name."""
    quick = [entry for entry in registry if not entry.details.get("sampled")]
    if not samples.factor_names:
        quick = [entry for entry in quick if entry.details.get("continuous")]
    return {entry.name: entry.factory(samples)["score"] for entry in quick}


def losses(table: CodeTable) -> dict[Split, dict[str, Any]]:
    """Reconstruction of each split, at one draw and at the posterior mean, in nats per image."""
    found: dict[Split, dict[str, Any]] = {}
    for split in get_args(Split):
        rows = table.is_test == (split == "test")
        if rows.any():
            found[split] = {
                "images": int(rows.sum()),
                "nll": float(table.nll_sample[rows].astype(np.float64).mean()),
                "nll_at_mean": float(table.nll_mean[rows].astype(np.float64).mean()),
            }
    return found
