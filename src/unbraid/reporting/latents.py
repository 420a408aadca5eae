"""Latents as a report speaks of them: in order, with their KL and the factor each follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from unbraid.codes import CodeTable
from unbraid.evaluation.scores import active_latents, known_shares
from unbraid.reporting.numbers import decimal

SHOWN = 10
"""At most so many latents get a row."""


@dataclass(frozen=True)
class Latent:
    """One latent: KL in nats (NaN if it has none), variance of its means, the factor it follows or ""."""

    index: int
    kl: float
    variance: float
    factor: str
    active: bool

    @property
    def name(self) -> str:
        """As in "z3"."""
        return f"z{self.index}"

    @property
    def amount(self) -> str:
        """Its KL, or where there is none the variance of its means."""
        if np.isnan(self.kl):
            return f"variance {decimal(self.variance)}"
        return f"{decimal(self.kl, 1 if self.kl >= 0.1 else 2)} nats"

    @property
    def label(self) -> str:
        """As in "z3 · 1.8 nats · scale"."""
        return " · ".join(part for part in (self.name, self.amount, self.factor.replace("_", " ")) if part)

    @property
    def short(self) -> str:
        """As in "z3 scale"."""
        return f"{self.name} {self.factor.replace('_', ' ')}".strip()


def has_kl(table: CodeTable) -> bool:
    """Whether each latent has a finite KL, to be shown and sorted by."""
    return len(table.kl) == table.latent_dim and bool(np.isfinite(table.kl).all())


def in_order(table: CodeTable, follows: Sequence[str]) -> list[Latent]:
    """All latents, the most informative first; dead ones come last and follow no factor."""
    kl = table.kl if has_kl(table) else np.full(table.latent_dim, np.nan)
    active = active_latents(table)
    spread = table.mean.astype(np.float64).var(0)
    return [
        Latent(int(j), float(kl[j]), float(spread[j]), follows[j] if follows and active[j] else "", bool(active[j]))
        for j in table.order(active)
    ]


def shares_of(table: CodeTable, scored: Mapping[str, Any]) -> Float[np.ndarray, "d k"] | None:
    """Information shares of the scored factors; None without factors or with non-finite codes."""
    if not table.has_factors:
        return None
    given = np.array(scored.get("information_shares") or [], dtype=np.float64)
    if given.shape == (table.latent_dim, len(table.scored_columns)) and np.isfinite(given).all():
        return given
    computed = known_shares(table.mean, table.variance, table.factors, table.factor_names, table.continuous)
    return None if computed is None else computed[:, table.scored_columns]


def shares_of_active(shares: Float[np.ndarray, "d k"], latents: Sequence[Latent]) -> Float[np.ndarray, "d k"]:
    """Information shares, zeroed for dead latents, whose means drown in the noise of the posterior."""
    active = np.zeros(len(latents), dtype=bool)
    active[[latent.index for latent in latents]] = [latent.active for latent in latents]
    return np.asarray(np.where(active[:, None], shares, 0.0))
