"""Names that earlier versions wrote into files, and what they are called now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

_V = TypeVar("_V")

OPTIONS: Mapping[str, str] = {"colour": "color", "normalised": "normalized"}
"""Options of models, data sets and networks, as `config.json` holds them."""

METRICS: Mapping[str, str] = {"strong_generalisation": "strong_generalization"}
"""Metrics, as `metrics.json` holds them."""

TERMS: Mapping[str, str] = {
    "quantisation_codebook": "quantization_codebook",
    "quantisation_commitment": "quantization_commitment",
}
"""Terms of losses, as `log.jsonl` and `metrics.json` hold them."""


def renamed(content: Mapping[str, _V], names: Mapping[str, str]) -> dict[str, _V]:
    """The same mapping under today's names."""
    return {names.get(name, name): value for name, value in content.items()}
