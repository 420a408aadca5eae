"""Write docs/continuous-factors.md: how scores read continuous, cyclic and dependent factors, and what perfect codes score.

python docs/source/continuous.py    # a minute
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import log, sqrt
from pathlib import Path

import numpy as np
from tables import markdown

import unbraid
from unbraid.metrics import evaluate, mutual_information, neighbor_information
from unbraid.metrics.score_table import labeled

TEXT = Path(__file__).with_suffix(".md")
PAGE = TEXT.parents[1] / "continuous-factors.md"
DRAWS, SAMPLES = 20, 4_000
SCORES = ("mig", "mmig", "aam", "sap", "mig_sup", "modularity", "dcimig", "infomec", "dci", "mcc", "r2", "minimality", "tmex")


def main() -> None:
    words = {
        "bias": bias(),
        "joint": joint(),
        "draws": str(DRAWS),
        "samples": f"{SAMPLES:,}",
        "made": f"unbraid {unbraid.__version__}, seed 0",
    }
    page = TEXT.read_text()
    for name, said in words.items():
        page = page.replace(f"{{{{ {name} }}}}", said)
    PAGE.write_text(page)


def pairs() -> Iterator[tuple[str, float, Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]]]]:
    """Pairs of quantities with known information."""

    def normal(correlation: float) -> Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]]:
        def draw(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
            first, other = rng.standard_normal((2, n))
            return first, correlation * first + sqrt(1 - correlation**2) * other

        return draw

    def sharp(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        first = rng.uniform(size=n)
        return first, first + rng.uniform(0, 0.1, n)

    for correlation in (0.0, 0.3, 0.6, 0.9):
        yield f"normal, r = {correlation}", -0.5 * log(1 - correlation**2), normal(correlation)

    def long_tails(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        first, other = normal(0.9)(n, rng)
        return np.exp(5 * first), other**3

    yield "sharp", log(10) + 0.05, sharp
    yield "long tails", -0.5 * log(1 - 0.81), long_tails


def bias() -> str:
    """Estimates of known information, and of codes that know nothing."""
    rows = []
    for name, truth, draw in pairs():
        for n in (500, 2_000, 10_000):
            found = []
            for seed in range(DRAWS):
                code, factor = draw(n, np.random.default_rng(seed))
                near = neighbor_information(code[:, None], factor[:, None])
                parts = mutual_information(code[:, None], factor[:, None], definition="adjusted").estimate
                found.append((near.estimate[0, 0], near.chance[0, 0], parts[0, 0]))
            means, spread = np.mean(found, axis=0), np.std(found, axis=0, ddof=1)
            cells = [f"{mean + 0:.3f} ± {own:.3f}" for mean, own in zip(means, spread, strict=True)]
            rows.append([name, f"{n:,}", f"{truth:.3f}", *cells])
    return markdown(["pair", "samples", "information", "neighbors", "of independent codes", "by parts"], rows)


def joint() -> str:
    """Scores of perfect codes, by the correlation of two factors."""
    columns = {}
    for correlation in (0.0, 0.5, 0.9):
        rng = np.random.default_rng(0)
        spread = [[1, correlation, 0], [correlation, 1, 0], [0, 0, 1]]
        factors = rng.multivariate_normal([0, 0, 0], spread, size=SAMPLES)
        table = evaluate(factors, factors, metrics=list(SCORES), intervals=0, references=False)
        columns[correlation] = {name.strip(): node["score"] for name, node in labeled(table.scores)}
    rows = [[f"`{name}`", *(f"{own[name]:.2f}" for own in columns.values())] for name in columns[0.0]]
    return markdown(["a perfect code", *(f"r = {correlation}" for correlation in columns)], rows)


if __name__ == "__main__":
    main()
