"""Every metric of one code in a table: score, interval, chance, ceiling and null encoders."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from unbraid.errors import UsageError
from unbraid.metrics.doubts import cautions, why_no_interval, withheld
from unbraid.metrics.intervals import LEAST_SAMPLES, doublings, half_samples, score_interval
from unbraid.metrics.nulls import KINDS, attach_nulls, draws_of, null_codes
from unbraid.metrics.registry import metrics as registry
from unbraid.metrics.samples import INSTEAD, Array, Codes, Factors, Samples, gather
from unbraid.metrics.score_table import ScoreTable, nodes
from unbraid.options import Option, checked
from unbraid.progress import Progress

REFERENCE_SAMPLES = 20_000
"""Chance, ceiling and the untrained encoder are scored on as many samples at most."""
PERFECT_SIGMA = 0.02
"""Posterior standard deviation of the perfect code, in steps between values."""
Chosen = Mapping[str, Mapping[str, Any]]


@checked
def evaluate(
    codes: Codes = None,
    factors: Factors = None,
    *,
    mean: Array | None = None,
    variance: Array | None = None,
    metrics: str | Sequence[str] | Chosen = "core",
    seed: Annotated[int, Option("of all that is drawn", ge=0)] = 0,
    intervals: Annotated[int, Option("random halves that intervals are made from")] = 10,
    population: Annotated[int | None, Option("number of all samples there are")] = None,
    references: bool = True,
    nulls: Annotated[int, Option("draws of each null encoder")] = 0,
    perfect: Array | None = None,
    untrained: Codes = None,
    factor_names: Sequence[str] | None = None,
    continuous: Sequence[str] = (),
    cyclic: Mapping[str, float] | None = None,
    progress: Progress | None = None,
) -> ScoreTable:
    r"""Score codes by many metrics, each beside its interval, its chance level and its ceiling.

    The ceiling is what the best code could get.

    Args:
        codes, factors, mean, variance: as for every metric, or `Samples`.
        continuous, cyclic: names of continuous factors, and periods of those that are angles and the like, as of
            `unbraid.metrics.gather`. Metrics that have no meaning for them leave them out, and a caution says so.
        metrics: "core", "all" (also those that train many models), names, or names with options:
            {"mig": {"definition": "locatello2019"}}.
        seed: of the choice of samples, votes, models, halves and shuffles.
        intervals: number of random halves of the samples that 95 % intervals are made from (`score_interval`); 0 for none.
            They are of the population's score, what any number of samples would tend to, and say nothing of another training
            run. Where so many samples cannot tell, `no_interval` says why in place of an interval.
        population: number of all samples there are, where these are drawn from them without replacement: intervals of metrics
            that only compute are then shorter by :math:`\sqrt{1 - n/N}`, and there are none if all are given. Samples that hold
            every combination of the factors' values once are taken for all.
        references: whether to compute chance (the rows of codes shuffled), ceiling and the untrained encoder's scores. They are
            computed on 20,000 samples at most.
        nulls: draws of each null encoder (`unbraid.metrics.nulls`) that scores are corrected for, 0 for none: random codes, a
            random linear map of the factors, one factor in every latent. Each draw takes as long as the scores themselves.
        perfect: codes of an encoder that knows all there is to know, which the ceiling is the score of, once they are
            standardized; by default the factors themselves, as numbers. Where different factors give the same image, no encoder
            can know them: give one code to such samples.
        untrained: codes of the same samples by an encoder that has learned nothing, scored for comparison; or `Samples` of
            others, at best not more than 20,000.
        progress: called with the number of scores computed and of all.

    Raises `UsageError` for arrays that no score can be computed from, unknown metrics and options, and numbers out of range.

    >>> rng = np.random.default_rng(0)
    >>> factors = rng.integers(0, 4, (500, 2))
    >>> codes = factors + 0.1 * rng.normal(size=(500, 2))
    >>> table = unbraid.metrics.evaluate(codes, factors, metrics=["mig"], intervals=0)
    >>> round(table["mig"]["score"], 2), round(table["mig"]["ceiling"], 2)
    (1.0, 1.0)
    """
    samples = gather(
        codes, factors, mean=mean, variance=variance, factor_names=factor_names, continuous=continuous, cyclic=cyclic
    )
    if intervals < 0 or intervals == 1:
        raise UsageError(f"intervals is {intervals}; allowed: 0 for none, or at least 2 halves.")
    if nulls < 0 or nulls == 1:
        raise UsageError(f"nulls is {nulls}; allowed: 0 for none, or at least 2 draws of each null encoder.")
    if population is None and is_whole_grid(samples):
        population = len(samples)
    if population is not None and population < len(samples):
        raise UsageError(f"population is {population} for {len(samples)} samples; allowed: at least as many.")
    chosen, told = for_samples(samples, choose(metrics))
    best = _best(samples, perfect) if references or nulls else samples
    comparisons = _comparisons(samples, seed, best, untrained) if references else []
    part = 1.0 if population is None else math.sqrt(1 - len(samples) / population)
    reasons = _no_intervals(samples, chosen, part) if intervals else {}
    uncertain = {name: given for name, given in chosen.items() if intervals and name not in reasons}
    halves = list(half_samples(len(samples), intervals, seed)) if uncertain else []
    draws = sum(draws_of(kind, best, nulls) for kind in KINDS)
    count = _Count(len(chosen) * (1 + len(comparisons) + draws) + len(uncertain) * len(halves), progress)

    found = _scores(samples, chosen, seed, count)
    for name, reference in comparisons:
        _attach(found, name, _scores(reference, chosen, seed, count))
    if halves:
        scored = [_scores(samples.part(rows), uncertain, seed + 1 + i, count) for i, rows in enumerate(halves)]
        _attach_intervals(found, scored, part, len(samples))
    if nulls:
        latents = samples.codes.shape[1]
        drawn = {kind: _of_draws(null_codes(kind, best, latents, nulls, seed), chosen, seed, count) for kind in KINDS}
        attach_nulls(found, drawn, best)
    for name, reason in reasons.items():
        for _, node in nodes(found[name]):
            node["no_interval"] = reason
    return ScoreTable(found, len(samples), samples.ordered_names, (*told, *cautions(samples, chosen)))


def for_samples(samples: Samples, chosen: Chosen) -> tuple[Chosen, list[str]]:
    """The metrics that have a meaning for these samples, and a sentence on what becomes of the others.

    Where that is none all stay, and refuse.
    """
    without = [name for name in chosen if samples.quantity_names and not registry[name].details.get("continuous")]
    if not without:
        return chosen, []
    lines = ", ".join(samples.quantity_names)
    if samples.factor_names:
        return chosen, [f"{', '.join(without)} compare samples that share a value: they leave out {lines}. {INSTEAD}"]
    kept = {name: given for name, given in chosen.items() if name not in without}
    if not kept:
        return chosen, []
    return kept, [f"Left out, since they compare samples that share a value of a factor: {', '.join(without)}. {INSTEAD}"]


def is_whole_grid(samples: Samples) -> bool:
    """Whether each combination of the factors' values is there once: there are no others to draw."""
    if samples.quantity_names:
        return False
    sizes = [len(np.unique(column)) for column in samples.factors.T]
    return math.prod(sizes) == len(samples) and len(np.unique(samples.factors, axis=0)) == len(samples)


def _no_intervals(samples: Samples, chosen: Chosen, part: float) -> dict[str, str]:
    """Metrics that have no interval, and why."""
    reasons = {}
    for name, given in chosen.items():
        if len(samples) < LEAST_SAMPLES:
            reasons[name] = f"fewer than {LEAST_SAMPLES} samples"
        elif part == 0:
            reasons[name] = "all samples that there are have been scored"
        elif reason := (
            withheld(name, given, continuous=bool(samples.quantity_names)) or why_no_interval(samples, name, given)
        ):
            reasons[name] = reason
    return reasons


def choose(metrics: str | Sequence[str] | Chosen) -> Chosen:
    """Names of metrics with their checked options.

    Raises `UsageError`, and `UnknownName` for what does not exist.
    """
    if isinstance(metrics, str):
        if metrics not in {"core", "all"}:
            raise UsageError(f'metrics is {metrics!r}; give "core", "all", a list of names, or a mapping of names to options.')
        return {entry.name: {} for entry in registry if metrics == "all" or not entry.details.get("downstream")}
    wanted = metrics if isinstance(metrics, Mapping) else {name: {} for name in metrics}
    if not wanted:
        raise UsageError('metrics is empty; give "all", or at least one name. See: unbraid list metrics')
    resolved = {name: registry[name].resolve(given) for name, given in wanted.items()}
    return {name: {option: resolved[name][option] for option in given} for name, given in wanted.items()}


@dataclass
class _Count:
    total: int
    progress: Progress | None
    done: int = 0

    def step(self) -> None:
        self.done += 1
        if self.progress:
            self.progress(self.done, self.total)


def _scores(samples: Samples, chosen: Chosen, seed: int, count: _Count) -> dict[str, dict[str, Any]]:
    found = {}
    for name, given in chosen.items():
        entry = registry[name]
        seeded = {"seed": seed} if "seed" in entry.options and "seed" not in given else {}
        found[name] = dict(entry.factory(samples, **given, **seeded))
        count.step()
    return found


def _of_draws(drawn: Iterable[Samples], chosen: Chosen, seed: int, count: _Count) -> list[dict[str, Any]]:
    """Results of each draw of a null encoder; a metric that refuses one has its reason in their place.

    One that reads discrete latents, for example, cannot score codes that are not.
    """
    found = []
    for number, samples in enumerate(drawn):
        own: dict[str, Any] = {}
        for name, given in chosen.items():
            try:
                own |= _scores(samples, {name: given}, seed + 1 + number, count)
            except UsageError as error:
                own[name] = str(error)
        found.append(own)
    return found


def _best(samples: Samples, perfect: Array | None) -> Samples:
    """The perfect code beside the factors, each latent of mean 0 and variance 1."""
    best = samples.perfect().codes if perfect is None else gather(perfect, samples.cut().factors).codes
    scale = np.where(best.std(0) > 0, best.std(0), 1.0)  # that of the prior, which some definitions take for granted
    spread = None if samples.variance is None else np.broadcast_to((PERFECT_SIGMA / scale) ** 2, best.shape)
    return samples.with_codes((best - best.mean(0)) / scale, spread)


def _comparisons(samples: Samples, seed: int, best: Samples, untrained: Codes) -> list[tuple[str, Samples]]:
    """Samples whose scores are shown beside those of the code: shuffled, perfect, untrained."""
    compared = [("ceiling", best)]
    if untrained is not None:
        compared.append(
            (
                "untrained",
                untrained
                if isinstance(untrained, Samples)
                else samples.with_codes(gather(untrained, samples.cut().factors).codes),
            )
        )
    rng = np.random.default_rng(seed)
    if len(samples) > REFERENCE_SAMPLES:
        rows = np.sort(rng.permutation(len(samples))[:REFERENCE_SAMPLES])
        compared = [(name, own.rows(rows) if len(own) == len(samples) else own) for name, own in compared]
        samples = samples.rows(rows)
    order = rng.permutation(len(samples))
    shuffled = samples.with_codes(samples.codes[order], None if samples.variance is None else samples.variance[order])
    return [("chance", shuffled), *compared]


def _attach(found: dict[str, dict[str, Any]], name: str, other: dict[str, dict[str, Any]]) -> None:
    for metric, result in found.items():
        reference = dict(nodes(other[metric]))
        for part, node in nodes(result):
            node[name] = reference[part]["score"]
            if name == "ceiling" and "per_factor" in node:
                node["per_factor_ceiling"] = reference[part]["per_factor"]


def _attach_intervals(
    found: dict[str, dict[str, Any]], halves: Sequence[dict[str, dict[str, Any]]], part: float, n: int
) -> None:
    for metric in halves[0]:
        details = registry[metric].details
        scores = [dict(nodes(half[metric])) for half in halves]
        for name, node in nodes(found[metric]):
            own = [half[name]["score"] for half in scores]
            interval = score_interval(
                node["score"],
                own,
                part=1.0 if details.get("sampled") else part,
                reach=doublings(n, details.get("learns_from")),
                bounds=details.get("range", (-np.inf, np.inf)),
            )
            if interval is None:
                node["no_interval"] = f"the score depends on the number of samples: half of them give {np.mean(own):.3f}"
            else:
                node["interval"] = list(interval)
