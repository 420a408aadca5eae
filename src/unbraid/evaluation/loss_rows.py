"""Losses and parts of the KL of a scored run: as records, and as the rows of every table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from unbraid.log_entry import Unit, unit_of
from unbraid.records import Count, Finite

Number = Finite | None
"""Null stands for what is not finite: JSON has no NaN."""
TERMS = {
    "loss": "Loss as trained (weighted sum)",
    "nll": "Reconstruction, z drawn",
    "nll_at_mean": "Reconstruction, at the mean",
    "nll_constant": "  of it constant",
    "kl": "KL to the prior",
    "kl_bound": "KL to the prior, at most",
    "mi": "Mutual information",
    "tc": "Total correlation",
    "dimension_wise_kl": "Dimension-wise KL",
    "quantization_codebook": "Codebooks to codes, squared",
    "quantization_commitment": "Codes to codebooks, squared",
    "column_overlap": "Overlap of the decoder's columns, 0 if orthogonal",
    "sigma": "Standard deviation of a pixel",
    "shared": "Latents that a pair of images shares",
    "violation": "Violation of the constraint",
    "multiplier": "Multiplier of the constraint",
    "discriminator/loss": "Discriminator's loss, 0.69 at chance",
    "discriminator/drawn": "Discriminator's loss on codes as drawn",
    "discriminator/permuted": "Discriminator's loss on permuted codes",
    "discriminator/accuracy": "Discriminator's accuracy, 0.5 at chance",
}
ESTIMATORS = {
    "mss": "from batches (mss)",
    "mws": "from batches (mws)",
    "plain": "within batches",
    "discriminator": "by the discriminator",
    "gaussian": "by linear dependence",
}


LABEL_FREE = {
    "column_overlap": ("Overlap of the decoder's columns", "0 if latents move images in orthogonal directions, 1 in the same"),
    "ima_contrast": ("Contrast of independent mechanisms, nats", "0 if these directions are orthogonal"),
    "pipe": ("PIPE", "1 if images of independent latents cannot be told from reconstructions"),
}
"""Scores without labels, and how to read them."""


class Estimate(Struct):
    """An estimate in nats per image, and its standard error."""

    value: Number
    error: Number


class Bound(Estimate):
    """Mean lower bound on log p(x), with its standard error over images.

    It also says how many images and draws it was made from.
    """

    images: Count
    draws: Count


class SplitLosses(Struct, omit_defaults=True):
    """Losses of one split, in nats per image.

    Args:
        images: how many.
        nll: -log p(x|z) at one draw of z; `nll_at_mean` at the posterior mean; `nll_constant`: its normalizing constant.
        terms: of the objective, unweighted.
        log_p_bound: on log p(x).
        loss: their weighted sum; unset where each player has a loss of its own.
    """

    images: Count
    nll: Number
    nll_at_mean: Number
    terms: dict[str, Number]
    log_p_bound: Bound
    nll_constant: Number | UnsetType = UNSET
    loss: Number | UnsetType = UNSET


class KLParts(Struct):
    """The KL to the prior and its three parts under the aggregate posterior, in nats per image."""

    kl: Number
    mi: Estimate
    tc: Estimate
    dimension_wise_kl: Number
    images: Count
    dimension_wise_kl_per_dim: list[Number] = []
    quadrature_error: Number = None
    samples: Count = 0


@dataclass(frozen=True)
class Row:
    """A row of a table of losses.

    Args:
        label: its heading, with the unit of its values where that is not nats per image.
        values: one per column, None for what is not known.
        digits: decimals that tell values of this unit apart.
        errors: standard errors of the values, where these are estimates.
        about: what the quantity is, for readers who do not know it.
    """

    label: str
    values: Sequence[float | None]
    digits: int = 2
    errors: Sequence[float | None] = ()
    about: str = ""

    def cells(self, number: Callable[[Any, int], str]) -> list[str]:
        """The values as text, by a function of a number and how many decimals it gets."""
        cells = [number(value, self.digits) for value in self.values]
        errors = [number(error, self.digits) for error in self.errors]
        return [f"{cell} ± {error}" for cell, error in zip(cells, errors, strict=True)] if errors else cells


def term_label(name: str, unit: str = "nats", label: str = "") -> str:
    """A term as readers want to see it.

    It says how the term was estimated where that changes its value, and its unit if that is not nats.

    Args:
        label: what the term calls itself.
    """
    beside = "" if unit == "nats" else f" ({unit})"
    if label:
        return f"{label}{beside}"
    quantity, _, estimator = name.rpartition("_")
    if quantity in TERMS and estimator in ESTIMATORS:
        return f"{TERMS[quantity]}, {ESTIMATORS[estimator]}"
    return TERMS.get(name, name.replace("_", " ")) + beside


def loss_rows(
    splits: Mapping[Any, SplitLosses], units: Mapping[str, str] | None = None, labels: Mapping[str, str] | None = None
) -> list[Row]:
    """Losses with one value per split: reconstruction, unweighted terms, loss, bound on -log p(x).

    A row that no split has a value for is left out: players that never move together have no common loss.

    Args:
        splits, units, labels: as in `unbraid.evaluation.stored.Scores`.
    """
    found = list(splits.values())
    terms = dict.fromkeys(name for one in found for name in one.terms if name != "nll")
    quantities: dict[str, list[float | None]] = {
        "nll": [one.nll for one in found],
        "nll_at_mean": [one.nll_at_mean for one in found],
        "nll_constant": [one.nll_constant or None for one in found],  # unset counts as false
        **{name: [one.terms.get(name) for one in found] for name in terms},
        "loss": [None if isinstance(one.loss, UnsetType) else one.loss for one in found],
    }
    rows = [_row(name, values, units, (labels or {}).get(name, "")) for name, values in quantities.items()]
    rows.append(_upper_bound([one.log_p_bound for one in found]))
    return [row for row in rows if any(value is not None for value in row.values)]


def _row(name: str, values: Sequence[float | None], units: Mapping[str, str] | None, label: str) -> Row:
    unit: Unit = unit_of(name, units)
    return Row(term_label(name, unit, label), values, 2 if unit == "nats" else 5)


def _upper_bound(bounds: Sequence[Bound]) -> Row:
    """The bound on -log p(x)."""
    values = [None if bound.value is None else -bound.value for bound in bounds]
    return Row("-log p(x), at most", values, errors=[bound.error for bound in bounds])


def kl_rows(parts: KLParts) -> list[Row]:
    """The KL to the prior and its three parts, each with one value."""
    most = f"{math.log(parts.images):.2f}" if parts.images else "0"
    told = f"between image and latents; {most} would tell all images apart"
    return [
        Row(TERMS["kl"], [parts.kl], about="the sum of these three"),
        Row("  " + TERMS["mi"], [parts.mi.value], errors=[parts.mi.error], about=told),
        Row(
            "  " + TERMS["tc"],
            [parts.tc.value],
            errors=[parts.tc.error],
            about="dependence between latents; 0 if they are independent",
        ),
        Row("  " + TERMS["dimension_wise_kl"], [parts.dimension_wise_kl], about="of each latent's distribution to the prior"),
    ]
