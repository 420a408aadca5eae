"""Times of the metrics on one core, beside the straightforward published procedures in the same run.

    python benchmarks/metrics.py [--quick] [--only continuous large]

Every metric at 10,000 samples, 10 latents and 5 factors of dSprites' sizes, and those that read continuous factors also with
such; the core at 100,000 samples, 20 latents and 10 factors, some of them continuous or none; how those of information grow
with samples, latents and factors, and up to all 737,280 images of dSprites; and what the procedures take as they are usually
written. Medians. Writes benchmarks/results/metrics.json, but not with --quick.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy starts its threads
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import json
import platform
import time
from statistics import median

import numpy as np
import scipy
import sklearn
from racing import RESULTS, keep, machine
from sklearn.metrics import mutual_info_score

import unbraid
from unbraid.metrics.evaluate import evaluate
from unbraid.metrics.factor_vae_score import factor_vae_score
from unbraid.metrics.information.posterior_information import posterior_information
from unbraid.metrics.mig import mig
from unbraid.metrics.registry import metrics
from unbraid.metrics.samples import gather

SIZES = (3, 6, 40, 32, 32)
LONG = 5.0
"""Seconds after which a measurement is not repeated."""


def seconds(call, repeats):
    """Median time of a call on its core, after one to warm up; a long one counts as it is.

    It is the time of the processor, which other processes on the machine hardly change.
    """
    start = time.process_time()
    call()
    first = time.process_time() - start
    if first > LONG:
        return first
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return median(times)


def sample(n, d=10, k=5, whole=False):
    """Means and variances of a trained encoder's kind, and factors: some follow factors, the others are near the prior."""
    rng = np.random.default_rng(0)
    sizes = np.resize(SIZES, k)
    factors = np.stack(np.unravel_index(np.arange(n), SIZES), 1) if whole else rng.integers(0, sizes, size=(n, k))
    mean = 0.02 * rng.normal(size=(n, d))
    follow = min(d, k)
    mean[:, :follow] = 4 * factors[:, :follow] / (sizes[:follow] - 1) - 2 + 0.1 * rng.normal(size=(n, follow))
    middle = np.where(np.arange(d) < follow, np.resize([0.003, 0.01, 0.05], d), 0.95)
    variance = np.clip(middle * np.exp(0.7 * rng.normal(size=(n, d))), 0.002, 1)
    return mean, variance, factors


def published_mig(codes, factors):
    """20 bins by numpy's histogram and scikit-learn's information, for each pair, as disentanglement_lib does."""
    binned = np.stack([np.digitize(code, np.histogram(code, 20)[1][:-1]) for code in codes.T])
    information = np.array([[mutual_info_score(factor, code) for factor in factors.T] for code in binned])
    entropies = np.array([mutual_info_score(factor, factor) for factor in factors.T])
    ordered = np.sort(information, axis=0)
    return float(((ordered[-1] - ordered[-2]) / entropies).mean())


def published_factor_vae_score(codes, factors, votes=(10_000, 5_000), batch=64):
    """One vote at a time: choose a factor and a value, draw a batch that shares it, note the latent that varies least."""
    rng = np.random.default_rng(0)
    scale = codes.var(0, ddof=1)
    counts = [np.zeros((codes.shape[1], factors.shape[1]), int) for _ in votes]
    for table, number in zip(counts, votes, strict=True):
        for _ in range(number):
            k = rng.integers(factors.shape[1])
            rows = np.flatnonzero(factors[:, k] == factors[rng.integers(len(factors)), k])
            batch_codes = codes[rng.choice(rows, batch)]
            table[np.argmin(batch_codes.var(0, ddof=1) / scale), k] += 1
    train, test = counts
    return float(test[np.arange(len(test)), train.argmax(1)].sum() / test.sum())


def published_posterior_information(mean, variance, factors, draws=10_000, chunk=1000):
    """Entropies from draws, each scored under every posterior: draws x rows normals, for all rows and for each value."""
    rng = np.random.default_rng(0)

    def entropies(mean, variance):
        rows = rng.integers(len(mean), size=draws)
        drawn = mean[rows] + np.sqrt(variance[rows]) * rng.standard_normal((draws, mean.shape[1]))
        total = np.zeros(mean.shape[1])
        for start in range(0, draws, chunk):
            z = drawn[start : start + chunk, None]
            logs = -0.5 * ((z - mean) ** 2 / variance + np.log(2 * np.pi * variance))
            top = logs.max(1)
            total += (top + np.log(np.exp(logs - top[:, None]).mean(1))).sum(0)
        return -total / draws

    found = np.empty((mean.shape[1], factors.shape[1]))
    whole = entropies(mean, variance)
    for k, labels in enumerate(factors.T):
        parts = [
            (labels == value).mean() * entropies(mean[labels == value], variance[labels == value]) for value in set(labels)
        ]
        found[:, k] = whole - sum(parts)
    return found


def timed_metrics(repeats):
    """Seconds of every registered metric by its default, and of three by another definition and from posteriors."""
    mean, variance, factors = sample(10_000)
    calls = {name: (metrics[name].factory, {}) for name in metrics.names()}
    for name in ("mig", "aam", "mmig"):
        metric = metrics[name].factory
        calls[f"{name}, locatello2019"] = (metric, {"definition": "locatello2019"})
        calls[f"{name}, posterior"] = (metric, {"variance": variance})
    calls["all core metrics"] = (core, {})
    found = {}
    for shown, (metric, options) in calls.items():
        found[shown] = seconds(lambda metric=metric, options=options: metric(mean, factors, **options), repeats)
        print(f"  {shown:36}{found[shown]:10.4f} s", flush=True)
    return found


def core(mean, factors):
    """What `evaluate` computes by default, without intervals and references."""
    return evaluate(mean, factors, intervals=0, references=False)


def continuous_factors(mean, factors):
    """Continuous factors in the place of classes: each a little apart from its value."""
    return factors + np.random.default_rng(1).uniform(-0.5, 0.5, factors.shape)


def timed_continuous(repeats):
    """Seconds of every metric that reads continuous factors."""
    mean, _, factors = sample(10_000)
    lines = gather(mean, continuous_factors(mean, factors))
    found = {}
    for name in metrics.names():
        if metrics[name].details.get("continuous"):
            metric = metrics[name].factory
            found[name] = seconds(lambda metric=metric: metric(fresh(lines)), repeats)
            print(f"  {name:36}{found[name]:10.4f} s", flush=True)
    found["all core metrics"] = seconds(lambda: core(fresh(lines), None), repeats)
    print(f"  {'all core metrics':36}{found['all core metrics']:10.4f} s", flush=True)
    return found


def fresh(samples):
    """The same samples with nothing computed of them."""
    return samples.rows(np.arange(len(samples)))


def timed_large(repeats):
    """Seconds of all core metrics at the size that a study of large sets has, by how many factors are continuous."""
    mean, _, factors = sample(100_000, 20, 10)
    found = {}
    for lines in (0, 5, 10):
        table = factors.astype(float)
        table[:, :lines] = continuous_factors(mean, factors)[:, :lines]
        samples = gather(mean, table)
        found[str(lines)] = seconds(lambda samples=samples: core(fresh(samples), None), repeats)
        print(f"  {lines:3} continuous, {10 - lines} classes{found[str(lines)]:12.2f} s", flush=True)
    return found


def timed_growth(repeats, quick):
    """Seconds of MIG from bins, and of information from posteriors, by samples, latents and factors."""
    found = []
    shapes = [
        (1000, 10, 5),
        (10_000, 10, 5),
        (100_000, 10, 5),
        (10_000, 5, 5),
        (10_000, 40, 5),
        (10_000, 10, 1),
        (10_000, 10, 10),
    ]
    for n, d, k in shapes[:2] if quick else [*shapes, (737_280, 10, 5)]:
        mean, variance, factors = sample(n, d, k, whole=n == np.prod(SIZES))
        bins = seconds(lambda m=mean, f=factors: mig(m, f), repeats)
        plain = seconds(lambda m=mean, v=variance, f=factors: posterior_information(m, v, f, adjusted=False), repeats)
        adjusted = seconds(lambda m=mean, v=variance, f=factors: posterior_information(m, v, f), repeats)
        print(f"  {n:8}{d:4}{k:4}{bins:12.4f} s{plain:12.3f} s{adjusted:12.3f} s", flush=True)
        found.append({"samples": n, "latents": d, "factors": k, "bins": bins, "posterior": plain, "adjusted": adjusted})
    return found


def timed_procedures(repeats, quick):
    """Ours and theirs in turn, so that both meet the same machine; their results show that they compute the same."""
    mean, variance, factors = sample(10_000)
    votes = (1000, 500) if quick else (10_000, 5_000)
    few, draws = 300 if quick else 1000, 500 if quick else 10_000
    part = mean[:few], variance[:few], factors[:few]
    pairs = {
        "MIG, 20 bins, 10,000 samples": (
            lambda: mig(mean, factors, definition="locatello2019")["score"],
            lambda: published_mig(mean, factors),
        ),
        f"FactorVAE score, {sum(votes):,} votes": (
            lambda: factor_vae_score(mean, factors, train_votes=votes[0], test_votes=votes[1])["score"],
            lambda: published_factor_vae_score(mean, factors, votes),
        ),
        f"posterior I, {few:,} samples, {draws:,} draws": (
            lambda: float(posterior_information(*part, adjusted=False).matrix.sum()),
            lambda: float(published_posterior_information(*part, draws=draws).sum()),
        ),
    }
    found = {}
    for name, (ours, theirs) in pairs.items():
        own, other = seconds(ours, repeats), seconds(theirs, repeats)
        found[name] = {"ours": own, "procedure": other}
        print(f"  {name:42}{own:10.4f} s{other:10.3f} s{other / own:8.1f} x   ({ours():.4f}, {theirs():.4f})", flush=True)
    print("  Draws cost draws x samples for all, and as much again for each factor: in proportion to the samples.")
    return found


def parts_of(repeats, quick):
    """What is measured, by name: a title and a function."""
    return {
        "procedures": (
            "straightforward procedure                        unbraid  procedure     ratio   (results)",
            lambda: timed_procedures(repeats, quick),
        ),
        "growth": (
            "   samples   d   k    MIG, bins  posterior I    adjusted",
            lambda: timed_growth(repeats, quick),
        ),
        "metrics": ("metric, 10,000 samples, 10 latents, 5 factors", lambda: timed_metrics(repeats)),
        "continuous": ("metric, the same with continuous factors", lambda: timed_continuous(repeats)),
        "large": ("all core metrics, 100,000 samples, 20 latents, 10 factors", lambda: timed_large(repeats)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repeats and smaller tables")
    parser.add_argument("--only", nargs="+", metavar="PART", help="measure these anew and keep the others")
    given = parser.parse_args()
    repeats = 1 if given.quick else 5
    versions = ", ".join(f"{m.__name__} {m.__version__}" for m in (unbraid, np, scipy, sklearn))
    print(f"{versions}; Python {platform.python_version()}, {platform.machine()}, one thread; medians of {repeats}")
    parts = parts_of(repeats, given.quick)
    wanted = given.only or [name for name in parts if not (given.quick and name == "large")]
    found = json.loads((RESULTS / "metrics.json").read_text()) if given.only else {}
    before = found.pop("machine", {}) | {"load before": None}
    if given.only and before != machine() | {"load before": None}:
        raise SystemExit(f"The other parts were measured on another machine or version, so measure all: {before}")
    for name in wanted:
        title, measure = parts[name]
        print(f"\n{title}")
        found[name] = measure()
    if not given.quick:
        keep("metrics", found)


if __name__ == "__main__":
    main()
