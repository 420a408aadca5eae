"""Write docs/dci.md: what DCI makes of codes whose worth is known, by several importance models.

python docs/source/dci.py    # minutes: gradient boosting is slow
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr
from tables import markdown

import unbraid
from unbraid.metrics.dci_by_models import PARTS, USUAL, DCIByModels, dci_by_models, score_of
from unbraid.metrics.soundness import ENCODERS, PROCESSES, SIZES

TEXT = Path(__file__).with_suffix(".md")
PAGE = TEXT.parents[1] / "dci.md"
SAMPLES = 1_500
CODES = ("perfect", "monotone", "noisy", "partial", "redundant", "entangled", "rotated", "mapped", "null")
MODELS = (*USUAL, "lasso")


def main() -> None:
    found = compared()
    words = {
        "codes": markdown(["code", *MODELS, "spread of D", "disagreement"], [row(name, own) for name, own in found.items()]),
        "ranks": ranks(found),
        "about": f"{SAMPLES:,} samples of factors with {', '.join(map(str, SIZES[:-1]))} and {SIZES[-1]} values",
        "kinds": "; ".join(f"*{name}*: {ENCODERS[name].about}" for name in CODES),
        "made": f"unbraid {unbraid.__version__}, seed 0",
    }
    page = TEXT.read_text()
    for name, said in words.items():
        page = page.replace(f"{{{{ {name} }}}}", said)
    PAGE.write_text(page)


def compared() -> dict[str, DCIByModels]:
    """Scores of each code, of the same factors."""
    rng = np.random.default_rng(0)
    factors = PROCESSES["independent"].draw(rng, SAMPLES)
    known = (factors - factors.mean(0)) / factors.std(0)
    return {name: dci_by_models(ENCODERS[name].encode(known, rng), factors, models=MODELS) for name in CODES}


def row(name: str, own: DCIByModels) -> list[str]:
    cells = [" ".join(f"{score_of(own.scores[model], part):.2f}" for part in PARTS) for model in MODELS]
    return [name, *cells, f"{own.spread[PARTS[0]]:.2f}", f"{np.mean(list(own.disagreement.values())):.2f}"]


def ranks(found: dict[str, DCIByModels]) -> str:
    """How alike two models rank the codes, by part."""
    rows = []
    for one, other in combinations(MODELS, 2):
        pairs = [[[score_of(own.scores[model], part) for own in found.values()] for model in (one, other)] for part in PARTS]
        rows.append([f"{one} and {other}", *(f"{spearmanr(*pair).statistic:.2f}" for pair in pairs)])
    return markdown(["models", *PARTS], rows)


if __name__ == "__main__":
    main()
