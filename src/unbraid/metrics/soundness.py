"""What metrics see: scores of codes whose flaws are known, and verdicts.

Over data processes and numbers of samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float64, Shaped

from unbraid.errors import UnbraidError, UsageError
from unbraid.metrics.evaluate import choose
from unbraid.metrics.registry import metrics as registry
from unbraid.metrics.samples import gather
from unbraid.metrics.score_table import nodes
from unbraid.options import Option, checked
from unbraid.progress import Progress

SIZES = (3, 4, 5, 6)
"""Values of the factors of all processes but the continuous one."""
IDLE = 2
"""Latents of noise beside those of the factors."""
CORRELATION, NOISE = 0.7, 0.5
"""Of pairs of factors, before they are cut into values; standard deviation of what is added to noisy codes."""
TOLERANCE = 0.1
"""Scores differ if they differ by this share of the metric's range."""

Known = Float64[np.ndarray, "n k"]
"""Standardized factors."""
Mark = Literal["sees", "blind", "wrong", "fine"]
Verdict = Literal["sees", "blind", "wrong"]


@dataclass(frozen=True)
class Process:
    """How factors come about.

    Args:
        about: in words.
        draw: factors of so many samples.
    """

    about: str
    draw: Callable[[np.random.Generator, int], Shaped[np.ndarray, "n k"]]


@dataclass(frozen=True)
class Encoder:
    """A code whose worth is known.

    Args:
        about: in words.
        question: that a metric answers if it scores this code below the perfect one; empty for codes that are as good.
        encode: standardized factors into codes.
    """

    about: str
    question: str
    encode: Callable[[Known, np.random.Generator], Float64[np.ndarray, "n d"]]


def _independent(rng: np.random.Generator, n: int) -> Shaped[np.ndarray, "n k"]:
    return rng.integers(0, SIZES, size=(n, len(SIZES)))


def _in_pairs(rng: np.random.Generator, n: int) -> Float64[np.ndarray, "n k"]:
    """Uniform, each pair as correlated as normal quantities are that have these ranks."""
    from scipy.special import ndtr

    normal = rng.normal(size=(n, len(SIZES)))
    normal[:, 1::2] = CORRELATION * normal[:, ::2] + np.sqrt(1 - CORRELATION**2) * normal[:, 1::2]
    return np.asarray(ndtr(normal))


def _correlated(rng: np.random.Generator, n: int) -> Shaped[np.ndarray, "n k"]:
    return np.asarray(np.minimum(_in_pairs(rng, n) * SIZES, np.array(SIZES) - 1).astype(np.int64))


def _with_holes(rng: np.random.Generator, n: int) -> Shaped[np.ndarray, "n k"]:
    drawn = _independent(rng, 3 * n)
    hole = ((drawn[:, 0] == 0) & (drawn[:, 1] >= 2)) | ((drawn[:, 2] >= 3) & (drawn[:, 3] < 2))
    return drawn[~hole][:n]


def _continuous(rng: np.random.Generator, n: int) -> Shaped[np.ndarray, "n k"]:
    return rng.uniform(size=(n, len(SIZES)))


PROCESSES: Mapping[str, Process] = {
    "independent": Process("independent factors of 3, 4, 5 and 6 values, all equally likely", _independent),
    "correlated": Process(f"two pairs of factors with a correlation of {CORRELATION:g}, cut into as many values", _correlated),
    "holes": Process(
        "the first process without three tenths of the combinations, so that pairs of factors depend", _with_holes
    ),
    "continuous": Process("four independent uniform factors, each sample with values of its own", _continuous),
    "continuous, correlated": Process(f"uniform factors, two pairs of them with a correlation of {CORRELATION:g}", _in_pairs),
}


def _beside_noise(codes: Float64[np.ndarray, "n c"], rng: np.random.Generator) -> Float64[np.ndarray, "n d"]:
    return np.hstack([codes, rng.normal(size=(len(codes), IDLE))])


def _permuted(known: Known, rng: np.random.Generator) -> Float64[np.ndarray, "n d"]:
    codes = _beside_noise(known, rng)
    return codes[:, ::-1] * np.where(np.arange(codes.shape[1]) % 2, -3.0, 0.5)


def _rotated(known: Known, rng: np.random.Generator) -> Float64[np.ndarray, "n d"]:
    """By half a right angle in the plane of each pair of factors."""
    first, second = known[:, ::2], known[:, 1::2]
    return _beside_noise(np.hstack([first + second, first - second]) / np.sqrt(2), rng)


def _entangled(known: Known, rng: np.random.Generator) -> Float64[np.ndarray, "n d"]:
    return _beside_noise(known + 0.7 * np.roll(known, 1, axis=1), rng)


def _mapped(known: Known, rng: np.random.Generator) -> Float64[np.ndarray, "n d"]:
    return known @ rng.normal(size=(known.shape[1], known.shape[1] + IDLE))


def _partial(known: Known, rng: np.random.Generator) -> Float64[np.ndarray, "n d"]:
    codes = known.copy()
    codes[:, 1::2] = rng.normal(size=codes[:, 1::2].shape)
    return _beside_noise(codes, rng)


OWN, ONE, ALL, ANY = (
    "Has each factor a latent of its own?",
    "Is each factor in one latent only?",
    "Are all factors known, and how well?",
    "Is anything known?",
)
ENCODERS: Mapping[str, Encoder] = {
    "perfect": Encoder(f"a latent is each factor, beside {IDLE} of noise", "", _beside_noise),
    "permuted": Encoder("the same in another order, with other signs and scales", "", _permuted),
    "monotone": Encoder("the third power of the perfect code", "", lambda known, rng: _beside_noise(known**3, rng)),
    "bare": Encoder("the perfect code without the latents of noise", "", lambda known, rng: known.copy()),
    "rotated": Encoder("two latents of each pair of factors are turned by 45 degrees", OWN, _rotated),
    "entangled": Encoder("each latent is a factor and 0.7 of another", OWN, _entangled),
    "mapped": Encoder("a random linear map of the factors: all is known, nothing has a latent of its own", OWN, _mapped),
    "redundant": Encoder(
        "each factor has two latents", ONE, lambda known, rng: _beside_noise(np.hstack([known, known]), rng)
    ),
    "partial": Encoder("every other factor is not coded", ALL, _partial),
    "noisy": Encoder(
        f"the perfect code with noise of {NOISE:g} standard deviations",
        ALL,
        lambda known, rng: _beside_noise(known + NOISE * rng.normal(size=known.shape), rng),
    ),
    "collapsed": Encoder(
        "one factor has a latent, all other latents are constant",
        ALL,
        lambda known, rng: np.hstack([known[:, :1], np.zeros((len(known), known.shape[1] - 1 + IDLE))]),
    ),
    "null": Encoder(
        "independent noise", ANY, lambda known, rng: rng.normal(size=(len(known), known.shape[1] + IDLE))
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """What a metric was computed on."""

    score: str
    process: str
    samples: int


@dataclass(frozen=True, eq=False)
class Soundness:
    """Scores of all codes, and what follows from them.

    Args:
        scores: mean over seeds of each case, by encoder.
        refused: why a metric has no score on a process.
    """

    scores: Mapping[Case, Mapping[str, float]]
    refused: Mapping[tuple[str, str], str]

    def marks(self, case: Case) -> dict[str, Mark]:
        """What a score makes of each code beside the perfect one.

        A flawed code is seen where it scores less than the perfect code by more than a tenth of the range of the metric; the
        metric is blind to it where the two differ by less, and wrong where the flawed code scores more. Codes that are as good
        as the perfect one are fine, and the metric is wrong where they score less or more by as much.
        """
        scores = self.scores[case]
        low, high = registry[case.score.partition(" ")[0]].details["range"]
        tolerance = TOLERANCE * (high - low if np.isfinite(high - low) else 1.0)
        found: dict[str, Mark] = {}
        for name, score in scores.items():
            lost = scores["perfect"] - score
            if not ENCODERS[name].question:
                found[name] = "fine" if abs(lost) <= tolerance else "wrong"
            else:
                found[name] = "sees" if lost > tolerance else "blind" if lost >= -tolerance else "wrong"
        return found

    def verdict(self, case: Case) -> Verdict:
        """Whether a score tells disentangled from entangled codes.

        Wrong: it is wrong about a code, or does not tell the perfect code from noise. Sees: it sees all codes in which a factor
        has no latent of its own. Blind: it does not.
        """
        marks = self.marks(case)
        if "wrong" in marks.values() or marks.get("null") == "blind":
            return "wrong"
        own = [mark for name, mark in marks.items() if ENCODERS[name].question == OWN]
        return "sees" if all(mark == "sees" for mark in own) else "blind"

    def answers(self, case: Case, question: str) -> bool:
        """Whether a score that is not wrong sees all the codes by which a question is asked."""
        marks = self.marks(case)
        asked = [mark for name, mark in marks.items() if ENCODERS[name].question == question]
        return self.verdict(case) != "wrong" and bool(asked) and all(mark == "sees" for mark in asked)


@checked
def soundness(
    metrics: str | Sequence[str] = "core",
    *,
    processes: Iterable[str] = tuple(PROCESSES),
    encoders: Iterable[str] = tuple(ENCODERS),
    samples: Iterable[int] = (1_000, 5_000),
    seeds: Annotated[int, Option("draws that scores are means of", ge=1)] = 2,
    progress: Progress | None = None,
) -> Soundness:
    """Score codes whose flaws are known by metrics, over data processes and numbers of samples.

    Args:
        metrics: as for `unbraid.metrics.evaluate`; their default definitions.
        processes, encoders: names, of `PROCESSES` and `ENCODERS`; the perfect code is always among them.
        samples: how many of each process.
        seeds: draws that scores are means of.
        progress: called with the number of codes that are scored, and of all.

    A metric that refuses the factors of a process is left out there, with the reason. Raises `UsageError` for names that do
    not exist.
    """
    chosen, counts = choose(metrics), list(samples)
    ways = _known("process", processes, PROCESSES)
    codes = list(dict.fromkeys(["perfect", *_known("encoder", encoders, ENCODERS)]))
    found: dict[Case, dict[str, list[float]]] = {}
    refused: dict[tuple[str, str], str] = {}
    done, total = 0, len(ways) * len(counts) * seeds * len(codes)
    for process in ways:
        for n in counts:
            for seed in range(seeds):
                rng = np.random.default_rng([seed, n])
                factors = PROCESSES[process].draw(rng, n)
                known = (factors - factors.mean(0)) / factors.std(0)
                for name in codes:
                    values = ENCODERS[name].encode(known, rng)
                    for metric, score in _scored(values, factors, list(chosen), process, refused, seed):
                        found.setdefault(Case(metric, process, n), {}).setdefault(name, []).append(score)
                    done += 1
                    if progress:
                        progress(done, total)
    kept = {case: by for case, by in found.items() if case.score in _own_scores(found)}
    return Soundness({case: {name: float(np.mean(own)) for name, own in by.items()} for case, by in kept.items()}, refused)


def _own_scores(found: Mapping[Case, Mapping[str, Sequence[float]]]) -> set[str]:
    """Names of the scores that metrics stand by.

    A metric whose own score is always that of its first part is its parts; of others parts are details.
    """
    names = list(dict.fromkeys(case.score for case in found))
    parts = {metric: [name for name in names if name.startswith(f"{metric} ")] for metric in names if " " not in metric}
    kept: set[str] = set()
    for metric, own in parts.items():
        several = bool(own) and all(
            by == found.get(Case(own[0], case.process, case.samples)) for case, by in found.items() if case.score == metric
        )
        kept |= set(own) if several else {metric}
    return kept


def _known(kind: str, names: Iterable[str], there: Mapping[str, object]) -> list[str]:
    chosen = list(names)
    for name in chosen:
        if name not in there:
            raise UsageError(f"There is no {kind} {name!r}; allowed: {', '.join(there)}.")
    return chosen


def _scored(
    codes: Float64[np.ndarray, "n d"],
    factors: Shaped[np.ndarray, "n k"],
    metrics: Sequence[str],
    process: str,
    refused: dict[tuple[str, str], str],
    seed: int,
) -> list[tuple[str, float]]:
    """The scores of a code by each metric that takes it."""
    found: list[tuple[str, float]] = []
    try:
        samples = gather(codes, factors, factor_names=["a", "b", "c", "d"])
    except UnbraidError as error:
        refused.update({(metric, process): str(error) for metric in metrics})
        return found
    for metric in metrics:
        if (metric, process) in refused:
            continue
        entry = registry[metric]
        try:
            result = dict(entry.factory(samples, **({"seed": seed} if "seed" in entry.options else {})))
        except UnbraidError as error:
            refused[metric, process] = str(error)
            continue
        found += [(f"{metric} {part}" if part else metric, float(node["score"])) for part, node in nodes(result)]
    return found
