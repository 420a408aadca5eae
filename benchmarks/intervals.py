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
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from racing import RESULTS, keep

from unbraid.metrics import evaluate, gather, kl_decomposition
from unbraid.metrics.doubts import withheld
from unbraid.metrics.evaluate import Chosen, choose
from unbraid.metrics.registry import Variant
from unbraid.metrics.registry import metrics as registry
from unbraid.metrics.samples import Samples
from unbraid.metrics.score_table import nodes

SIZES = np.array([3, 6, 40, 32, 32])
NAMES = ("shape", "scale", "orientation", "x", "y")
FEW = np.array([3, 4, 5])
KL_PARTS = "kl_parts"
"""Mutual information and total correlation, which `unbraid evaluate` prints with their standard errors."""
TRUTH = 100_000
READ, DRAWS = 20_000, 10
"""Metrics that train models or vote read no more than so many samples; their population's score is the mean over draws."""
OF_POSTERIORS = {"aam", "dcimig", "mig", "mig_sup", "mmig", "modularity"}
"""Metrics that estimate information by quadrature where variances are known."""
READS_ALL = {"infomec", "entropy_forest"}
"""Metrics and models that read all samples."""
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
    "few, noise": "of three factors with few values: six latents that know nothing",
    "few, uncertain": "of three factors with few values: a latent each with a posterior deviation of 0.3, three of the prior",
    "few, discrete": "of three factors with few values: six latents of seven values each, three of which follow a factor",
    "few, continuous": "of three continuous factors, one an angle: a latent per factor with noise, and three of noise alone",
    "few, continuous mixed": "of three continuous factors, one an angle: six latents that mix them, with noise",
    "few, posteriors": "normal posteriors of three latents, two of which depend on each other, and the parts of their KL; "
    "images, a tenth of them far brighter, of a linear model whose posterior is off and too wide, and their bound on log p(x)",
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
    """Samples of three factors with few values each, or of continuous ones, beside six latents."""
    if kind.startswith("continuous"):
        factors: np.ndarray = rng.uniform(size=(n, 3))
        scaled = (factors * 2 - 1) * 1.7
    else:
        factors = rng.integers(0, FEW, size=(n, 3))
        scaled = (factors / (FEW - 1) * 2 - 1) * 1.7
    idle = rng.normal(size=(n, 6))
    own, noise = {"weak": (0.5, 1.0), "noise": (0.0, 1.0), "uncertain": (1.0, 0.3)}.get(kind, (1.0, 0.5))
    if kind.endswith("mixed"):
        codes = scaled @ (np.eye(3, 6) + 0.35 * np.random.default_rng(9).normal(size=(3, 6))) + 0.5 * idle
    else:
        codes = np.hstack([own * scaled + noise * idle[:, :3], idle[:, 3:]])
    if kind == "uncertain":
        variance = np.broadcast_to(np.repeat([noise**2, 0.95], 3), codes.shape)
        codes = np.hstack([scaled, 0.03 * idle[:, 3:]])
        return gather(codes, factors, variance=variance, factor_names=NAMES[:3])
    if kind == "discrete":
        codes = np.clip(np.round(codes), -3, 3)
    if kind.startswith("continuous"):
        return gather(codes, factors, factor_names=NAMES[:3], cyclic={NAMES[2]: 1.0})
    return gather(codes, factors, factor_names=NAMES[:3])


def parsed(words: str) -> tuple[str, dict[str, Any]]:
    """A metric, and its options behind colons; numbers, true and false as in JSON."""
    name, *options = words.split(":")
    return name, {key: _value(word) for key, word in (option.split("=") for option in options)}


def _value(word: str) -> Any:
    try:
        return json.loads(word)
    except json.JSONDecodeError:
        return word


def said(name: str, options: Mapping[str, Any]) -> str:
    """A score and the definition of its metric, as rows name it: "mig", "mig, locatello2019"."""
    return name if not options else f"{name}, {Variant('', options).name}"


def all_words() -> list[str]:
    """Every metric by every definition that has an interval, as --metrics takes them."""
    return [
        ":".join([entry.name, *(f"{key}={json.dumps(value).strip(chr(34))}" for key, value in variant.options.items())])
        for entry in registry
        for variant in entry.details["variants"]
        if not withheld(entry.name, variant.options)
    ]


def fits(kind: str, metric: str, options: Mapping[str, Any]) -> bool:
    """Whether a definition is of such samples: of posteriors, of few values, of continuous factors."""
    if not kind.startswith("few"):
        return True
    entry = registry[metric]
    variant = next((own for own in entry.details["variants"] if dict(own.options) == dict(options)), None)
    if variant is None:
        return kind in ("few, noisy", "few, mixed", "few, weak")
    if "continuous" in kind:
        return bool(entry.details.get("continuous")) and (variant.continuous or not options)
    if kind == "few, uncertain":
        return variant.needs_variance or entry.name in OF_POSTERIORS
    return variant.needs_discrete == (kind == "few, discrete") and not variant.needs_variance


def simulated(
    kind: str, words: str, n: int, repetitions: int, *, finite: int | None = None, halves: int = 10
) -> Iterator[dict[str, Any]]:
    """For each score its population's value, mean and spread at n samples, and how many intervals there are and hold."""
    metric, options = parsed(words)
    if metric == KL_PARTS or kind == "few, posteriors":
        if metric == KL_PARTS and kind == "few, posteriors":
            yield from simulated_parts(kind, n, repetitions)
            yield simulated_bound(kind, repetitions)
        return
    if not fits(kind, metric, options):
        return
    chosen = {metric: options}
    population, truth = true_scores(kind, chosen, finite)
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
        held = sum(node["interval"][0] <= truth[name] <= node["interval"][1] for node in given)
        widths = [node["interval"][1] - node["interval"][0] for node in given]
        yield {
            "population": kind,
            "of": finite,
            "score": said(name, options),
            "samples": n,
            "truth": truth[name],
            "mean": float(scores.mean()),
            "sd": float(scores.std(ddof=1)),
            "repetitions": repetitions,
            "given": len(given),
            "held": held,
            "width": float(np.mean(widths)) if widths else None,
        }


def true_scores(kind: str, chosen: Chosen, finite: int | None) -> tuple[Samples, dict[str, float]]:
    """A population, and its scores: of all its samples, or means over draws where models or votes read only so many."""
    population = draw(kind, finite or TRUTH, np.random.default_rng(1))
    ((metric, options),) = chosen.items()
    drawn = [(0, population)]
    if not finite and registry[metric].details.get("sampled") and not READS_ALL & {metric, *options.values()}:
        drawn = [(seed, draw(kind, READ, np.random.default_rng([1, seed]))) for seed in range(DRAWS)]
    tables = [flat(evaluate(own, metrics=chosen, intervals=0, references=False, seed=seed)) for seed, own in drawn]
    return population, {name: float(np.mean([own[name]["score"] for own in tables])) for name in tables[0]}


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


def simulated_bound(kind: str, repetitions: int) -> dict[str, Any]:
    """The same of the bound on log p(x) of as many images and draws as `unbraid evaluate` takes."""
    import torch

    from unbraid.data.dataset import Dataset
    from unbraid.data.storage import ByteImages
    from unbraid.evaluation.bound import importance_weighted_bound
    from unbraid.evaluation.evaluate import BOUND_DRAWS, BOUND_IMAGES

    rng = np.random.default_rng(1)
    bright = rng.random(TRUTH // 4) < 0.1
    pixels = rng.integers(0, np.where(bright, 256, 128)[:, None, None, None], (len(bright), 1, 2, 4)).astype(np.uint8)
    images = Dataset("pixels", ByteImages(pixels), np.arange(0))
    model = linear_model(8)

    def bound(index: np.ndarray, seed: int) -> tuple[float, float]:
        noise = torch.Generator().manual_seed(seed)
        found = importance_weighted_bound(
            model, images, index=index, draws=BOUND_DRAWS, generator=noise, device=torch.device("cpu")
        )
        assert found.value is not None
        assert found.error is not None
        return found.value, found.error

    exact, _ = bound(np.arange(len(images)), 0)
    drawn = [np.sort(np.random.default_rng([2, seed]).permutation(len(images))[:BOUND_IMAGES]) for seed in range(repetitions)]
    values, errors = np.array([bound(index, 1 + seed) for seed, index in enumerate(drawn)]).T
    return {
        "population": kind, "of": None, "score": "log_p_bound", "samples": BOUND_IMAGES, "truth": exact,
        "mean": float(values.mean()), "sd": float(values.std(ddof=1)), "repetitions": repetitions, "given": repetitions,
        "held": int((np.abs(values - exact) <= 1.96 * errors).sum()), "width": float(2 * 1.96 * errors.mean()),
    }  # fmt: skip


def linear_model(pixels: int) -> Any:
    """A linear VAE of two latents, whose posteriors lie off the true ones and are twice as wide."""
    import torch
    from torch import nn

    from unbraid.distributions.likelihoods.gaussian import Gaussian
    from unbraid.distributions.posteriors.diagonal_normal import DiagonalNormalHead
    from unbraid.distributions.priors.standard_normal import StandardNormal
    from unbraid.nn.vae import VAE

    sigma = 0.3
    weight = torch.from_numpy(np.random.default_rng(3).normal(scale=0.3, size=(pixels, 2))).float()
    decoder = nn.Linear(2, pixels, bias=False)
    encoder = nn.Linear(pixels, 4)
    with torch.no_grad():
        decoder.weight.copy_(weight)
        gain = torch.linalg.solve(torch.eye(2) + weight.T @ weight / sigma**2, weight.T / sigma**2)
        encoder.weight.copy_(torch.cat([gain, torch.zeros_like(gain)]))
        variance = 1 / (1 + weight.square().sum(0) / sigma**2)
        encoder.bias.copy_(torch.cat([torch.full((2,), 0.1), (2 * variance).log()]))
    return VAE(
        nn.Sequential(nn.Flatten(), encoder),
        nn.Sequential(decoder, nn.Unflatten(1, (1, 2, pixels // 2))),
        Gaussian(sigma, squash="none"),
        StandardNormal(2),
        DiagonalNormalHead(2),
    )


def flat(table: Any) -> dict[str, dict[str, Any]]:
    """Every score by its name, parts after their metric."""
    return {f"{name}.{part}" if part else name: node for name in table for part, node in nodes(table[name])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="keep nothing")
    parser.add_argument(
        "--metrics", default=",".join(choose("core")), help="names, or all: every definition that has intervals"
    )
    parser.add_argument("--samples", default="1000,5000")
    parser.add_argument("--populations", default=";".join(POPULATIONS), help="names joined by semicolons")
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--finite", type=int, help="samples that there are; without it any number")
    given = parser.parse_args()
    repetitions = given.repetitions
    wanted = all_words() if given.metrics == "all" else given.metrics.split(",")
    print(f"{'population':22}{'score':32}{'samples':>8}{'truth':>8}{'mean':>8}{'sd':>7}{'given':>7}{'held':>7}{'width':>8}")
    for words in wanted:
        for kind in given.populations.split(";"):
            for n in map(int, given.samples.split(",")):
                rows = list(simulated(kind, words, n, repetitions, finite=given.finite))
                for row in rows:
                    held = f"{100 * row['held'] / row['given']:.0f} %" if row["given"] else "-"
                    width = f"{row['width']:.3f}" if row["given"] else "-"
                    print(
                        f"{kind:22}{row['score']:32}{n:8,}{row['truth']:8.3f}{row['mean']:8.3f}{row['sd']:7.3f}"
                        f"{100 * row['given'] / repetitions:6.0f}%{held:>7}{width:>8}",
                        flush=True,
                    )
                if rows and not given.quick:
                    keep("intervals", {"seeds": "1 for the population, [2, repetition] for samples", "rows": merged(rows)})


def merged(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """These rows and those that are kept of other populations, scores and numbers of samples."""
    kept = json.loads(PAGE.read_text())["rows"] if PAGE.is_file() else []

    def key(row: dict[str, Any]) -> tuple[Any, ...]:
        metric, _, options = row["score"].partition(", ")
        return (list(POPULATIONS).index(row["population"]), row["of"] or 0, metric.partition(".")[0], row["samples"], options)

    new = {key(row) for row in rows}
    order = [*choose("all"), KL_PARTS, "log_p_bound"]
    return sorted(
        [*(row for row in kept if key(row) not in new), *rows],
        key=lambda row: (key(row)[1], key(row)[0], order.index(key(row)[2]), row["samples"]),
    )


if __name__ == "__main__":
    main()
