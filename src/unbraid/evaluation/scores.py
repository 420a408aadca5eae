"""What a code table tells: metrics, which latents are active, which factor each follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from unbraid.codes import CodeTable
from unbraid.data.dataset import SPLITS
from unbraid.errors import UsageError
from unbraid.figures.ranges import explained
from unbraid.metrics.binned_information import adjusted_information
from unbraid.metrics.registry import metrics as registry

FOLLOWS = 0.15
"""A latent follows a factor if it knows at least this share of the factor's entropy."""

ACTIVE = 0.05
"""A latent is active if its posterior means make up this share of its variance: about 0.026 nats of a normal code. Like the
active units of Burda et al. (2016), but relative, so that the scale of a latent does not matter (beta = 0), and above their
0.01, which calls a hundredth of a nat active."""


def information_shares(table: CodeTable) -> Float[np.ndarray, "d k"]:
    """I(z_j; v_k) / H(v_k): the share of each factor's entropy that each latent knows, from bins of the means.

    Adjusted for chance: few images would else seem to tell much of factors with many values.
    """
    return adjusted_information(table.mean, table.factors).shares


def follows(shares: Float[np.ndarray, "d k"], names: Sequence[str]) -> list[str]:
    """For each latent the factor it knows most of, or "" where that is less than `FOLLOWS` of the factor's entropy."""
    best = shares.argmax(1)
    return [names[k] if shares[j, k] >= FOLLOWS else "" for j, k in enumerate(best)]


def active_latents(table: CodeTable) -> Bool[np.ndarray, "d"]:
    """Whether each latent tells anything about the image; the means of one that does not are drowned by its noise."""
    return explained(table.mean, table.variance) >= ACTIVE


def choose_metrics(names: Sequence[str] | None, has_factors: bool) -> list[str]:
    """Names of metrics, checked; by default all of them, none where there are no factors."""
    if isinstance(names, str):
        raise UsageError(f"metrics is {names!r}; give a list of names.")
    if names and not has_factors:
        raise UsageError(f"Metrics ({', '.join(names)}) need factors, and this data set has none.")
    chosen = registry.names() if names is None else [registry[name].name for name in names]
    return chosen if has_factors else []


def score(table: CodeTable, names: Sequence[str]) -> dict[str, Any]:
    """Metrics of a code table, by name."""
    return {n: registry[n].factory(table.mean, table.factors, factor_names=table.factor_names) for n in names}


def losses(table: CodeTable) -> dict[str, dict[str, float]]:
    """Reconstruction of each split, at one draw and at the posterior mean, in nats per image."""
    found = {}
    for split in SPLITS:
        rows = table.is_test == (split == "test")
        if rows.any():
            found[split] = {
                "images": int(rows.sum()),
                "nll": float(table.nll_sample[rows].astype(np.float64).mean()),
                "nll_at_mean": float(table.nll_mean[rows].astype(np.float64).mean()),
            }
    return found
