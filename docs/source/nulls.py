"""Write docs/null-encoders.md: what null encoders are, what they score by every metric, and how scores are corrected for them.

python docs/source/nulls.py    # minutes
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from tables import markdown

import unbraid
from unbraid.metrics import evaluate, gather
from unbraid.metrics.nulls import KINDS, LEAST_ROOM, MOST_ERROR
from unbraid.metrics.score_table import labeled

TEXT = Path(__file__).with_suffix(".md")
PAGE = TEXT.parents[1] / "null-encoders.md"
SIZES = {"shape": 3, "scale": 6, "orientation": 40, "x": 32, "y": 32}
"""Factors of dSprites."""
SAMPLES, LATENTS, DRAWS = 2_000, 10, 20


def main() -> None:
    words = {
        "table": table(),
        "about": f"{SAMPLES:,} samples of dSprites' factors, {LATENTS} latents, {DRAWS} draws, definitions by default",
        "room": f"{LEAST_ROOM:.0%}",
        "error": f"{MOST_ERROR:g}",
        "made": f"unbraid {unbraid.__version__}, seed 0",
    }
    page = TEXT.read_text()
    for name, said in words.items():
        page = page.replace(f"{{{{ {name} }}}}", said)
    PAGE.write_text(page)


def table() -> str:
    """What each null encoder scores, and which of them a score is corrected for."""
    rng = np.random.default_rng(0)
    factors = rng.integers(0, list(SIZES.values()), size=(SAMPLES, len(SIZES)))
    codes = np.hstack([factors, rng.normal(size=(SAMPLES, LATENTS - len(SIZES)))])
    samples = gather(codes, factors, factor_names=list(SIZES))
    scores = evaluate(samples, metrics="core", intervals=0, references=False, nulls=DRAWS).scores
    rows = []
    for name, node in labeled(scores):
        nulls = node["nulls"]
        strictest = node.get("null_of", "none")
        needed = nulls[strictest].get("draws_needed", DRAWS) if strictest in nulls else ""
        rows.append([f"`{name.strip()}`", *(cell(nulls[kind]) for kind in KINDS), strictest, str(needed)])
    return markdown(["score", *KINDS, "strictest", "draws"], rows)


def cell(null: dict[str, Any]) -> str:
    """Mean and standard deviation; in brackets where the null encoder leaves too little room."""
    said = f"{round(float(null['mean']), 2) + 0:.2f} ± {null['sd']:.2f}"
    return said if "error" in null else f"({said})"


if __name__ == "__main__":
    main()
