"""What `unbraid show METRIC` says beside the docstring.

That is how to read a score, and which published scores it can be compared with.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from unbraid.metrics.audit import variants
from unbraid.metrics.registry import Variant, range_in_words

if TYPE_CHECKING:
    from rich.console import RenderableType

    from unbraid.registry import Entry


def explain_metric(entry: Entry) -> Iterator[RenderableType]:
    """Formula, range, chance, what a perfect code scores, blind spots and definitions."""
    from rich.text import Text

    from unbraid.cli.layers import table

    details = entry.details
    facts = {
        "Computes ": details.get("formula"),
        "Range: ": range_in_words(details["range"]) if "range" in details else None,
        "Chance scores: ": details.get("chance"),
        "A perfect code scores: ": details.get("perfect"),
        "Blind ": details.get("blind"),
    }
    for label, fact in facts.items():
        if fact:
            yield Text.assemble((label, "bold"), fact)
    definitions = table("Definitions (unbraid audit FILE scores codes by each)")
    definitions.add_column("definition", no_wrap=True)
    definitions.add_column("comparable to numbers reported by", overflow="fold")
    for variant in variants(entry.name):
        definitions.add_row(_chosen_by(variant), "; ".join([variant.comparable, *_notes(variant)]))
    yield ""
    yield definitions


def _chosen_by(variant: Variant) -> str:
    return ", ".join(f"{option}={value!r}" for option, value in variant.options.items()) or "default"


def _notes(variant: Variant) -> list[str]:
    known = {
        "needs posterior variances": variant.needs_variance,
        "needs discrete latents": variant.needs_discrete,
        "takes minutes": variant.slow,
    }
    return [note for note, holds in known.items() if holds]
