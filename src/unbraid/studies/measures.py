"""Measures: one number of a run, from its scores, its losses, or what the ledger keeps beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from unbraid.reporting.numbers import score_name
from unbraid.sweep.compare.quantities import LOSSES, WITHOUT_LABELS, limits_of, node_of, number
from unbraid.sweep.records import Result


@dataclass(frozen=True)
class Run:
    """A finished run: its result, what the ledger keeps beside it, and its folder where that exists."""

    result: Result
    evidence: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None


@dataclass(frozen=True, eq=False)
class Measure:
    """One number of every run.

    Args:
        key: in JSON; a score has the name of its metric, as in "dci.completeness".
        name: what tables call it.
        of: the number of a run, NaN where it has none.
        higher_is_better: None where neither is.
        limits: the least and largest number there can be.
        unit: "nats", or "".
        decimals: that are shown; 2 of what has a unit and 3 of other numbers unless given.
    """

    key: str
    name: str
    of: Callable[[Run], float]
    higher_is_better: bool | None = True
    limits: tuple[float, float] = (-math.inf, math.inf)
    unit: str = ""
    decimals: int | None = None

    @property
    def digits(self) -> int:
        """Decimals that are shown."""
        return self.decimals if self.decimals is not None else 2 if self.unit else 3

    @property
    def column(self) -> str:
        """Name and unit."""
        return f"{self.name}, {self.unit}" if self.unit else self.name


def score(key: str, name: str = "") -> Measure:
    """The score of a metric, a part of it, or one factor of it: "mig", "dci.completeness", "mig.x".

    >>> measure = score("dci.completeness")
    >>> measure.key, measure.name
    ('dci.completeness', 'DCI completeness')
    """
    return Measure(key, name or score_name(key), lambda run: score_of(run.result.metrics, key), True, limits_of(key))


def untrained_score(run: Run, key: str) -> float:
    """A score of the run's encoder before its first step, by its key; NaN where there is none."""
    return number(node_of(run.result.metrics, key).get("untrained"))


def above_untrained(key: str, name: str) -> Measure:
    """By how much a score is above that of the same encoder before its first step."""

    def of(run: Run) -> float:
        return score_of(run.result.metrics, key) - untrained_score(run, key)

    return Measure(f"{key}.above_untrained", name, of, True)


def score_of(scores: Mapping[str, Any], key: str) -> float:
    """A score by its key, NaN where there is none."""
    metric, _, part = key.partition(".")
    node = node_of(scores, key)
    if not node and part:
        return number((node_of(scores, metric).get("per_factor") or {}).get(part))
    return number(node.get("score"))


_QUANTITIES = {one.key: one for one in (*LOSSES, *WITHOUT_LABELS)}


def _loss(key: str) -> Measure:
    quantity = _QUANTITIES[key]
    return Measure(
        key,
        quantity.name,
        lambda run: quantity.of(run.result),
        quantity.higher_is_better,
        quantity.limits,
        quantity.unit,
    )


def losses_of(run: Run, split: str) -> Mapping[str, Any]:
    """What was measured of a split, "train" or "test"; empty where nothing was."""
    found: Mapping[str, Any] = run.result.losses.get(split) or {}
    return found


NLL = _loss("nll")
"""Reconstruction: negative log-likelihood of held-out images, in nats per image."""
KL = _loss("kl")
"""KL to the prior of all images that are scored, in nats per image."""
BOUND = _loss("bound")
"""What the importance-weighted bound says that -log p(x) is at most, in nats per image."""
OVERLAP = _loss("column_overlap")
"""How far latents are from moving images in orthogonal directions; needs no labels."""
CONTRAST = _loss("ima_contrast")
"""The same as a contrast, in nats."""
PIPE = _loss("pipe")
"""Whether images of independent latents can be told from reconstructions; needs no labels."""
ACTIVE = _loss("active")
"""Latents that tell something about the image."""


def unweighted_loss(run: Run) -> float:
    """Reconstruction plus KL in nats per image, whatever weights the objective has."""
    return NLL.of(run) + KL.of(run)


IMAGES = Measure("images", "images seen in training", lambda run: float(run.result.images), None, (0.0, math.inf), "", 0)
"""Repeats included."""


def kl_part(part: str, name: str) -> Measure:
    """One of the KL's three parts under the aggregate posterior: "mi", "tc" or "dimension_wise_kl"."""

    def of(run: Run) -> float:
        found = (run.result.kl_parts or {}).get(part)
        return number(found.get("value") if isinstance(found, Mapping) else found)

    return Measure(f"kl_parts.{part}", name, of, None, unit="nats")


MUTUAL_INFORMATION = kl_part("mi", "I(x; z)")
TOTAL_CORRELATION = kl_part("tc", "total correlation")
DEPENDENCE = Measure("tc", TOTAL_CORRELATION.name, TOTAL_CORRELATION.of, higher_is_better=False, unit="nats")
"""The total correlation where less of it is better."""


def shares_of(run: Run) -> tuple[tuple[str, ...], Float[np.ndarray, "d k"]] | None:
    """Names of the factors, and the share of each one's entropy that each latent knows.

    Dead latents know nothing. None of runs whose ledger does not keep them.
    """
    kept = run.evidence.get("shares")
    if not kept:
        return None
    shares = np.array([[number(value) for value in row] for row in kept["shares"]], dtype=np.float64)
    return tuple(kept["factors"]), np.nan_to_num(shares) * np.array(kept["active"], dtype=bool)[:, None]


def from_shares(key: str, name: str, of: Callable[[Float[np.ndarray, "d k"]], float], **more: Any) -> Measure:
    """A measure of the shares of information."""

    def measured(run: Run) -> float:
        found = shares_of(run)
        return math.nan if found is None else float(of(found[1]))

    return Measure(key, name, measured, **more)


def latents_per_factor(threshold: float) -> Measure:
    """Mean number of latents that know at least so much of a factor's entropy."""
    return from_shares(
        "latents_per_factor",
        f"latents per factor (≥ {threshold:g})",
        lambda shares: (shares >= threshold).sum(0).mean(),
        higher_is_better=None,
        limits=(0.0, math.inf),
    )


def factors_per_latent(threshold: float) -> Measure:
    """Mean number of factors of which a latent knows so much, over latents that know so much of any.

    1 where every such latent stands for one factor.
    """

    def of(shares: Float[np.ndarray, "d k"]) -> float:
        counts = (shares >= threshold).sum(1)
        return float(counts[counts > 0].mean()) if counts.any() else math.nan

    return from_shares(
        "factors_per_latent", f"factors per latent (≥ {threshold:g})", of, higher_is_better=False, limits=(1.0, math.inf)
    )


def best_share(factor: str) -> Measure:
    """The largest share of a factor's entropy that one latent knows."""

    def of(run: Run) -> float:
        found = shares_of(run)
        return float(found[1][:, found[0].index(factor)].max()) if found and factor in found[0] else math.nan

    return Measure(f"best_share.{factor}", f"best latent's share of {factor}", of, True, (0.0, 1.0))


def values_of(run: Run, evidence: str, name: str) -> Float[np.ndarray, "_"]:
    """What the ledger keeps of a run over training; empty where it keeps nothing.

    Args:
        run: the run.
        evidence: the name under which it is kept.
        name: of the quantity.
    """
    kept = run.evidence.get(evidence) or {}
    return np.array([number(value) for value in kept.get(name, ())], dtype=np.float64)


def quarters(values: Float[np.ndarray, "_"]) -> Float[np.ndarray, "4"]:
    """Means of the four quarters of training; NaN for fewer than four values."""
    if len(values) < 4:
        return np.full(4, np.nan)
    return np.array([quarter.mean() for quarter in np.array_split(values, 4)])


def late_fall(values: Float[np.ndarray, "_"]) -> float:
    """(Mean of the third quarter less that of the last) / the last: near 0 where training has converged.

    NaN for fewer than four values.
    """
    *_, third, last = quarters(values)
    return float((third - last) / abs(last))


LOSS_CHANGE = Measure(
    "loss_change", "fall of the loss in the last quarter", lambda run: late_fall(values_of(run, "curve", "loss")), None
)
"""Of the loss as trained (`late_fall`)."""


def _gain(run: Run) -> float:
    losses = losses_of(run, "test")
    energy = number(losses.get("nll")) - number(losses.get("nll_constant", 0.0))
    of_mean = number((run.evidence.get("mean_image") or {}).get("energy"))
    return 1 - energy / of_mean if of_mean > 0 else math.nan


GAIN = Measure("gain", "gain over the mean image", _gain, True, (-math.inf, 1.0))
r"""The share of the mean image's error that reconstructions of held-out images leave out,

.. math:: 1 - \frac{-\log p(x|z) - c}{-\log p(x|\bar x) - c},

where the decoder's image is once that of the code and once the mean of the training images, and c is what no reconstruction
changes. Near 0 for a model that ignores its codes, far below for one that is stuck or has diverged.
"""
STUCK = -0.05
"""A gain that is lower is no matter of what the codes hold: a decoder that ignores them comes nearer to the mean image."""


def kept(key: str, name: str, path: str, **more: Any) -> Measure:
    """A number that the ledger keeps beside a run, by its path: "spectrum.checkerboard"."""

    def of(run: Run) -> float:
        found: Any = run.evidence
        for part in path.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return number(found)

    return Measure(key, name, of, **more)
