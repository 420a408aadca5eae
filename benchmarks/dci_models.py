"""Compare the fast importance model of DCI with the classic one, gradient boosting, on the codes of runs.

python benchmarks/dci_models.py RUN [RUN ...] [--samples 3000]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

import unbraid
from unbraid.codes import CodeTable
from unbraid.metrics import dci

MODELS = ("forest", "gbt", "logistic")
PARTS = ("disentanglement", "completeness", "informativeness")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, help="run folders with codes.npz, see unbraid evaluate")
    parser.add_argument("--samples", type=int, default=3_000, help="images scored, two thirds of them to learn from")
    given = parser.parse_args()
    print(f"unbraid {unbraid.__version__}, {given.samples:,} samples a run, seed 0; D, C, I and seconds by model\n")
    print("| run | " + " | ".join(MODELS) + " |\n|---|" + "---|" * len(MODELS))
    found: dict[str, list[list[float]]] = {model: [] for model in MODELS}
    for run in given.runs:
        cells = []
        for model in MODELS:
            scores, seconds = score(run, model, given.samples)
            found[model].append(scores)
            cells.append(" ".join(f"{value:.3f}" for value in scores) + f" ({seconds:.1f} s)")
        print(f"| {run.name} | " + " | ".join(cells) + " |", flush=True)
    print("\n| rank correlation with gbt | " + " | ".join(PARTS) + " |\n|---|" + "---|" * len(PARTS))
    classic = np.array(found["gbt"])
    for model in MODELS:
        if model != "gbt":
            own = np.array(found[model])
            ranks = [spearmanr(own[:, part], classic[:, part]).statistic for part in range(len(PARTS))]
            print(f"| {model} | " + " | ".join(f"{rank:.2f}" for rank in ranks) + " |")


def score(run: Path, model: str, samples: int) -> tuple[list[float], float]:
    table = CodeTable.load(run / "codes.npz")
    rows = np.sort(np.random.default_rng(0).permutation(len(table))[:samples])
    began = time.perf_counter()
    result = dci(table.mean[rows], table.factors[rows], importance=model)
    return [result[part]["score"] for part in PARTS], time.perf_counter() - began


if __name__ == "__main__":
    main()
