"""The headline of a report: which factors have latents of their own, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from unbraid.evaluation.scores import FOLLOWS
from unbraid.metrics.score_table import MOST_FACTORS
from unbraid.phrases import few, in_words

KNOWS = 0.30
"""Share of a factor's entropy that a latent of its own knows at least."""
AHEAD = 2.0
"""How many times as much as any other latent it knows."""

_MOST_NAMED = 8

RULE = (
    f"A factor has a latent of its own if one active latent alone knows at least {KNOWS:.0%} of the factor's entropy, knows "
    f"twice as much of it as any other latent, and knows no other factor better; "
    f"a factor is not coded by any single latent if no active one knows {FOLLOWS:.0%} of it."
).replace("%", " %")


@dataclass(frozen=True)
class Finding:
    """What the information shares say of one factor."""

    factor: str
    own: int | None
    known_by: tuple[int, ...]


def own_latents(shares: Float[np.ndarray, "d k"]) -> Bool[np.ndarray, "d k"]:
    """Whether a latent is a factor's own, by `RULE`: at most one latent per factor and vice versa."""
    padded = np.vstack([np.nan_to_num(shares), np.zeros((1, shares.shape[1]))])  # a lone latent has no rival
    second = np.sort(padded, axis=0)[-2]
    best_of_factor = shares >= np.maximum(KNOWS, AHEAD * second)
    best_of_latent = np.arange(shares.shape[1]) == shares.argmax(1)[:, None]
    return np.asarray(best_of_factor & best_of_latent)


def findings(shares: Float[np.ndarray, "d k"], names: Sequence[str]) -> list[Finding]:
    """One finding per factor."""
    own = own_latents(shares)
    found = []
    for k, name in enumerate(names):
        latent = int(own[:, k].argmax()) if own[:, k].any() else None
        knowing = [int(j) for j in np.argsort(-shares[:, k], kind="stable") if shares[j, k] >= FOLLOWS]
        found.append(Finding(name, latent, tuple(knowing)))
    return found


def shown_factors(shares: Float[np.ndarray, "d k"]) -> list[int]:
    """Which factors tables and heat maps show: all, or of very many those that a latent knows best."""
    best = np.nan_to_num(shares).max(axis=0, initial=0)
    return sorted(np.argsort(-best, kind="stable")[:MOST_FACTORS].tolist())


def phrase(factors: Sequence[str]) -> str:
    """Factors in words: "both positions and scale"; very many are counted."""
    if len(factors) > MOST_FACTORS:
        return few([name.replace("_", " ") for name in factors], _MOST_NAMED)
    names = list(factors)
    if "x" in names and "y" in names:
        names[min(names.index("x"), names.index("y"))] = "both positions"
        names = [name for name in names if name not in ("x", "y")]
    return in_words([f"position {name}" if name in ("x", "y") else name.replace("_", " ") for name in names])


def headline(found: Sequence[Finding]) -> str:
    """The findings as one sentence."""
    own = [one.factor for one in found if one.own is not None]
    partly = [one.factor for one in found if one.own is None and one.known_by]
    absent = [one.factor for one in found if not one.known_by]
    if len(own) == len(found) > 1:
        return "Every factor has a latent of its own."
    parts = []
    if own:
        parts.append(f"{phrase(own)} {'have latents' if len(own) > 1 else 'has a latent'} of {_its(own)} own")
    if partly:
        verb, have = ("are", "have") if len(partly) > 1 else ("is", "has")
        parts.append(f"{phrase(partly)} {verb} coded in part but {have} no latent of {_its(partly)} own")
    if absent:
        parts.append(f"{phrase(absent)} {'are' if len(absent) > 1 else 'is'} not coded by any single latent")
    text = "; ".join(parts) + "."
    if not own:
        return "No factor has a latent of its own: " + text
    return text[0].upper() + text[1:]


def _its(factors: Sequence[str]) -> str:
    return "their" if len(factors) > 1 else "its"


def headline_without_factors(n_active: int, n_latents: int, kl: float) -> str:
    """The headline where there are no factors to name latents by."""
    one = n_active == 1 or n_latents == 1
    which = "The only latent" if n_latents == 1 else f"{n_active} of {n_latents} latents"
    active = f"{'is' if one else 'are'} {'active' if n_latents > 1 or n_active else 'not active'}"
    known = np.isfinite(kl) and n_active > 0
    carry = f" and {'carries' if one else 'carry'} {kl:,.1f} nats per image" if known else ""
    return f"{which} {active}{carry}; the data set has no factors to name {'it' if one else 'them'} by."
