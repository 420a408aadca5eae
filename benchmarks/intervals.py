"""How often 95 % intervals of scores hold the population's score, and how far scores of few samples are from it.

python benchmarks/intervals.py [--quick] [--metrics mig,dci] [--samples 1000] [--repetitions 100] [--finite 20000]

Populations are of the factor sizes of dSprites; those called "few" of 3, 4 and 5 values, which votes and trees need fewer
samples for. A metric with options is written as dci:importance=gbt. The population's score is that of 100,000 samples. With
--finite there are only so many samples, sets are drawn from them without replacement, and intervals are told so. Adds its rows
to benchmarks/results/intervals.json, in place of former ones of the same population, score and numbers of samples;
docs/source/reliability.py makes tables of them.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from racing import RESULTS, keep

from unbraid.metrics import evaluate, gather, kl_decomposition
from unbraid.metrics.evaluate import choose
from unbraid.metrics.samples import Samples
from unbraid.metrics.score_table import nodes

SIZES = np.array([3, 6, 40, 32, 32])
NAMES = ("shape", "scale", "orientation", "x", "y")
FEW = np.array([3, 4, 5])
KL_PARTS = "kl_parts"
"""Mutual information and total correlation, which `unbraid evaluate` prints with their standard errors."""
TRUTH = 100_000
PAGE = RESULTS / "intervals.json"
POPULATIONS = {
    "clean": "a latent that is each factor, and six of noise",
    "noisy": "a latent per factor with noise, and five of noise alone",
    "mixed": "ten latents that mix the factors, with noise",
    "weak": "a latent per factor, mostly noise, and five of noise alone",
    "noise": "ten latents that know nothing",
    "few, noisy": "of three factors with few values: a latent per factor with noise, and three of noise alone",
    "few, mixed": "of three factors with few values: six latents that mix them, with noise",
    "few, weak": "of three factors with few values: a latent per factor, mostly noise, and three of noise alone",
    "few, posteriors": "normal posteriors of three latents, two of which depend on each other; of them the parts of the KL",
    "posteriors": "a latent per factor with a posterior deviation of 0.3, and five near the prior",
}


def draw(kind: str, n: int, rng: np.random.Generator) -> Samples:
    """Samples of a population."""
    if kind.startswith("few"):
        return draw_few(kind.removeprefix("few, "), n, rng)
    factors = rng.integers(0, SIZES, size=(n, 5))
    scaled = (factors / (SIZES - 1) * 2 - 1) * 1.7
    idle = rng.normal(size=(n, 10))
    if kind == "clean":
        codes = np.hstack([scaled, idle[:, :6]])
    elif kind == "noisy":
        codes = np.hstack([scaled + 0.3 * idle[:, :5], idle[:, 5:]])
    elif kind == "mixed":
        mixing = np.eye(5, 10) + 0.35 * np.random.default_rng(9).normal(size=(5, 10))
        codes = scaled @ mixing + 0.3 * idle
    elif kind == "weak":
        codes = np.hstack([0.5 * scaled + idle[:, :5], idle[:, 5:]])
    elif kind == "posteriors":
        codes = np.hstack([scaled, 0.03 * idle[:, 5:]])
        variance = np.broadcast_to(np.repeat([0.3**2, 0.95], 5), codes.shape)
        return gather(codes, factors, variance=variance, factor_names=NAMES)
    else:
        codes = idle
    return gather(codes, factors, factor_names=NAMES)


def draw_few(kind: str, n: int, rng: np.random.Generator) -> Samples:
    """Samples of three factors with few values each, beside six latents."""
    factors = rng.integers(0, FEW, size=(n, 3))
    scaled = (factors / (FEW - 1) * 2 - 1) * 1.7
    idle = rng.normal(size=(n, 6))
    if kind == "mixed":
        codes = scaled @ (np.eye(3, 6) + 0.35 * np.random.default_rng(9).normal(size=(3, 6))) + 0.5 * idle
    else:
        own, noise = {"noisy": (1.0, 0.5), "weak": (0.5, 1.0)}[kind]
        codes = np.hstack([own * scaled + noise * idle[:, :3], idle[:, 3:]])
    return gather(codes, factors, factor_names=NAMES[:3])


def parsed(words: str) -> tuple[str, dict[str, str]]:
    """A metric, and its options behind colons."""
    name, *options = words.split(":")
    return name, dict(option.split("=") for option in options)


def simulated(
    kind: str, words: str, n: int, repetitions: int, *, finite: int | None = None, halves: int = 10
) -> Iterator[dict[str, Any]]:
    """For each score its population's value, mean and spread at n samples, and how many intervals there are and hold."""
    metric, options = parsed(words)
    if metric == KL_PARTS or kind == "few, posteriors":
        if metric == KL_PARTS and kind == "few, posteriors":
            yield from simulated_parts(kind, n, repetitions)
        return
    population = draw(kind, finite or TRUTH, np.random.default_rng(1))
    chosen = {metric: options}
    truth = flat(evaluate(population, metrics=chosen, intervals=0, references=False))
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in truth}
    for repetition in range(repetitions):
        rng = np.random.default_rng([2, repetition])
        samples = population.rows(np.sort(rng.permutation(finite)[:n])) if finite else draw(kind, n, rng)
        table = evaluate(samples, metrics=chosen, intervals=halves, references=False, population=finite, seed=repetition)
        for name, node in flat(table).items():
            found[name].append(node)
    for name, results in found.items():
        scores = np.array([node["score"] for node in results])
        given = [node for node in results if "interval" in node]
        held = sum(node["interval"][0] <= truth[name]["score"] <= node["interval"][1] for node in given)
        widths = [node["interval"][1] - node["interval"][0] for node in given]
        yield {
            "population": kind,
            "of": finite,
            "score": ", ".join([name, *options.values()]),
            "samples": n,
            "truth": truth[name]["score"],
            "mean": float(scores.mean()),
            "sd": float(scores.std(ddof=1)),
            "repetitions": repetitions,
            "given": len(given),
            "held": held,
            "width": float(np.mean(widths)) if widths else None,
        }


def simulated_parts(kind: str, n: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """The same of mutual information and total correlation of n posteriors, each within 1.96 of its standard errors."""
    rng = np.random.default_rng(0)
    mean, variance = rng.normal(size=(n, 3)), np.full((n, 3), 0.1)
    mean[:, 1] += 0.7 * mean[:, 0]
    truth = kl_decomposition(mean, variance, rng=np.random.default_rng(1), samples=TRUTH)
    found = [kl_decomposition(mean, variance, rng=np.random.default_rng([2, repetition])) for repetition in range(repetitions)]
    for part in ("mi", "tc"):
        exact = getattr(truth, part).value
        values = np.array([getattr(one, part).value for one in found])
        errors = np.array([getattr(one, part).error for one in found])
        yield {
            "population": kind, "of": None, "score": f"{KL_PARTS}.{part}", "samples": n, "truth": exact,
            "mean": float(values.mean()), "sd": float(values.std(ddof=1)), "repetitions": repetitions, "given": repetitions,
            "held": int((np.abs(values - exact) <= 1.96 * errors).sum()), "width": float(2 * 1.96 * errors.mean()),
        }  # fmt: skip


def flat(table: Any) -> dict[str, dict[str, Any]]:
    """Every score by its name, parts after their metric."""
    return {f"{name}.{part}" if part else name: node for name in table for part, node in nodes(table[name])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="keep nothing")
    parser.add_argument("--metrics", default=",".join(choose("core")))
    parser.add_argument("--samples", default="1000,5000")
    parser.add_argument("--populations", default=";".join(POPULATIONS), help="names joined by semicolons")
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--finite", type=int, help="samples that there are; without it any number")
    given = parser.parse_args()
    repetitions = given.repetitions
    rows = []
    print(f"{'population':13}{'score':28}{'samples':>8}{'truth':>8}{'mean':>8}{'sd':>7}{'given':>7}{'held':>7}{'width':>8}")
    for kind in given.populations.split(";"):
        for n in map(int, given.samples.split(",")):
            for row in (
                row for words in given.metrics.split(",") for row in simulated(kind, words, n, repetitions, finite=given.finite)
            ):
                rows.append(row)
                held = f"{100 * row['held'] / row['given']:.0f} %" if row["given"] else "-"
                width = f"{row['width']:.3f}" if row["given"] else "-"
                print(
                    f"{kind:13}{row['score']:28}{n:8,}{row['truth']:8.3f}{row['mean']:8.3f}{row['sd']:7.3f}"
                    f"{100 * row['given'] / repetitions:6.0f}%{held:>7}{width:>8}",
                    flush=True,
                )
    if not given.quick:
        keep("intervals", {"seeds": "1 for the population, [2, repetition] for samples", "rows": merged(rows)})


def merged(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """These rows and those that are kept of other populations, scores and numbers of samples."""
    kept = json.loads(PAGE.read_text())["rows"] if PAGE.is_file() else []

    def key(row: dict[str, Any]) -> tuple[Any, ...]:
        metric, _, options = row["score"].partition(", ")
        return (list(POPULATIONS).index(row["population"]), row["of"] or 0, metric.partition(".")[0], row["samples"], options)

    new = {key(row) for row in rows}
    order = [*choose("all"), KL_PARTS]
    return sorted(
        [*(row for row in kept if key(row) not in new), *rows],
        key=lambda row: (key(row)[1], key(row)[0], order.index(key(row)[2]), row["samples"]),
    )


if __name__ == "__main__":
    main()
