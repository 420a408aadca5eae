"""Numbers and lists as readers want to see them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from unbraid.figures.series import number

MISSING = "–"


def decimal(value: Any, digits: int = 2) -> str:
    """A number with this many decimals, fewer if it is large; a dash if it is no number."""
    x = number(value)
    if math.isnan(x):
        return MISSING
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    shown = max(0, digits - (2 if abs(x) >= 1000 else 1 if abs(x) >= 100 else 0))
    if abs(x) >= 1e7:
        return f"{x:.2e}".replace("-", "−")
    text = f"{x:,.{shown}f}"
    return text.replace("-", "" if float(text.replace(",", "")) == 0 else "−")


def span(ends: Sequence[float]) -> str:
    """A range by its two ends, with more digits where it is narrow: "−1.20 to 0.95"."""
    first, last = map(float, ends)
    narrow = abs(last - first) < 0.1
    return " to ".join(f"{end:.2g}".replace("-", "−") if narrow else decimal(end) for end in (first, last))


def count(value: Any) -> str:
    """A whole number with thousands separated."""
    x = number(value)
    return f"{round(x):,}" if math.isfinite(x) else MISSING


def plain(value: Any) -> str:
    """A value of a configuration as text: 0.5, 3 × 64 × 64, yes."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return MISSING
    if isinstance(value, int):
        return count(value) if abs(value) >= 10_000 else str(value)
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return " × ".join(plain(one) for one in value)
    return str(value)


_WRITTEN = {
    "beta_vae_score": "beta-VAE score",
    "dci_es": "DCI-ES",
    "dcimig": "DCIMIG",
    "factor_vae_score": "FactorVAE score",
    "infomec": "InfoMEC",
    "jemmig": "JEMMIG",
    "mig_sup": "MIG-sup",
    "z_max": "Z-max",
    "mcc": "MCC",
    "tmex": "T-MEX",
    "r2": "R²",
}


def metric_name(name: str) -> str:
    """The name of a metric as people write it: "MIG", "FactorVAE score", "linear probe"."""
    return _WRITTEN.get(name) or (name.upper() if len(name) <= 4 else name.replace("_", " "))


def score_name(key: str) -> str:
    """The name of a metric or of a part of one as people write it: "MIG", "DCI completeness"."""
    metric, _, part = key.partition(".")
    written = metric_name(metric)
    return f"{written} {part or 'disentanglement'}" if metric == "dci" else f"{written} {part.replace('_', ' ')}".strip()


def duration(seconds: float) -> str:
    """A time in words: "48 s", "7 min 12 s", "3 h 5 min"."""
    whole = round(seconds)
    minutes, hours = whole // 60, whole // 3600
    if hours:
        return f"{hours:,} h {minutes % 60} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"
