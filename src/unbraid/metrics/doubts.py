"""What so many samples cannot decide: why a score has no interval, and what to be cautious of."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from unbraid.metrics.information.definitions import OF_QUANTITIES, information
from unbraid.metrics.information.types import LEAST_SHARE, Information
from unbraid.metrics.registry import metrics as registry
from unbraid.metrics.samples import Samples

SAMPLES_PER_VALUE = 250
"""Votes and probes of factors with fewer samples per value score otherwise than those of many."""
ADJUSTED = frozenset({None, "adjusted", "posterior", "neighbors", "held_out", "forest"})
"""Definitions, and importance models, by which latents are judged to know of a factor or not."""


def withheld(metric: str, options: Mapping[str, Any], *, continuous: bool = False) -> str:
    """Why a metric by some definition has no interval, however many samples there are; empty where it has.

    Args:
        continuous: whether some factors are.
    """
    details = registry[metric].details
    by_option: Mapping[tuple[str, Any], str] = details.get("no_interval_by", {})
    reasons = [details.get("no_interval", ""), *(by_option.get(given, "") for given in options.items())]
    of_continuous = details.get("no_interval_continuous", "") if continuous else ""
    return next(filter(None, [*reasons, of_continuous]), "")


def why_no_interval(samples: Samples, metric: str, options: Mapping[str, Any]) -> str:
    """Why so many samples do not show what the score of a metric rests on; empty where they do.

    Metrics say what that is as `rests_on`: "values", samples of each value of a factor, "known", what each latent knows of
    each factor, or "live", which latents know anything.
    """
    rests_on = registry[metric].details.get("rests_on")
    if rests_on is None:
        return ""
    definition = options.get("definition", options.get("importance"))
    if rests_on == "values":
        return _too_few_per_value(samples)
    found = information(samples, definition if definition in OF_QUANTITIES else None)
    if definition not in ADJUSTED:
        return _too_few(samples, found)
    if not found.live.any():
        return "no latent knows more of any factor than chance gives"
    few = _too_few(samples, found)
    if few:
        return few
    return _undecided(found) if rests_on == "live" else ""


def _too_few(samples: Samples, found: Information) -> str:
    """Whether a latent that counts, one that knows a hundredth of a factor, would go unnoticed."""
    least = found.detectable
    k = int(least.argmax())
    if least[k] <= LEAST_SHARE:
        return ""
    needed = len(samples) * least[k] / LEAST_SHARE  # the level of chance and its deviation fall as 1 / n
    return (
        f"{len(samples):,} samples do not show a latent that knows less than {least[k]:.1%} of {samples.names[k]!r}; "
        f"about {_round(needed):,} would show {LEAST_SHARE:.0%}"
    )


def _too_few_per_value(samples: Samples) -> str:
    if not samples.factor_names:
        return ""
    values = [len(np.unique(column)) for column in samples.factors.T]
    k = int(np.argmax(values))
    each = len(samples) / values[k]
    if each >= SAMPLES_PER_VALUE:
        return ""
    return (
        f"there are {each:.0f} samples per value of {samples.factor_names[k]!r}, and the score settles with about "
        f"{SAMPLES_PER_VALUE}"
    )


def _undecided(found: Information) -> str:
    """Latents of which other samples may say that they know nothing, or something."""
    sure = found.known & ~found.undecided
    open_ = np.flatnonzero(found.undecided.any(1) & ~sure.any(1))
    if not len(open_):
        return ""
    names = ", ".join(f"z{j}" for j in open_[:4]) + (f" and {len(open_) - 4} more" if len(open_) > 4 else "")
    return f"other samples may decide otherwise whether {names} {'knows' if len(open_) == 1 else 'know'} anything"


def _round(number: float) -> int:
    """Up, to two digits."""
    unit = 10 ** max(int(np.log10(number)) - 1, 0)
    return int(-(-number // unit) * unit)


def cautions(samples: Samples, metrics: Collection[str]) -> Iterator[str]:
    """What to know before scores of these samples by some metrics are read."""
    for name, reason in samples.left_out.items():
        yield f"{name} {reason}, so it is left out of every score."
    if any(registry[name].details.get("rests_on") for name in metrics):
        few = _too_few(samples, information(samples))
        if few:
            yield few[0].upper() + few[1:] + "."
