"""Choosing a run without looking at the target: rules, and what each gives away."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from unbraid.errors import UnbraidError
from unbraid.sweep.compare.gather import Configuration
from unbraid.sweep.compare.quantities import Quantity

UDR_IMAGES = 2_000
"""Images on which models are compared with each other: rank correlations of so many vary by 0.02."""


@dataclass(frozen=True)
class Chosen:
    """What a rule chooses, and the target's score there.

    `regret` is what the best run of all would have had more.
    """

    rule: str
    label: str
    seed: int
    target: float
    regret: float


def udr_of(configurations: Sequence[Configuration]) -> dict[str, dict[int, float]]:
    """UDR of each run among the runs of its configuration, as Duan et al. have it.

    Only where codes lie beside the runs.
    """
    from unbraid.codes import CodeTable
    from unbraid.metrics.between_models import udr
    from unbraid.training.run import CODES

    found: dict[str, dict[int, float]] = {}
    for one in configurations:
        tables = []
        for result, folder in zip(one.results, one.folders, strict=True):
            try:
                if folder is not None and (folder / CODES).is_file():
                    tables.append((result.seed, CodeTable.load(folder / CODES)))
            except UnbraidError:  # damaged codes: the run is left out
                continue
        if len(tables) < 2 or any(not np.array_equal(table.index, tables[0][1].index) for _, table in tables):
            continue
        rows = np.sort(np.random.default_rng(0).permutation(len(tables[0][1].index))[:UDR_IMAGES])
        kl = [table.kl for _, table in tables]
        scores = udr([table.mean[rows] for _, table in tables], kl=kl if all(len(own) for own in kl) else None)
        found[one.label] = {seed: float(score) for (seed, _), score in zip(tables, scores, strict=True)}
    return found


def choose(
    configurations: Sequence[Configuration],
    target: Quantity,
    rules: Sequence[Quantity],
    udr: Mapping[str, Mapping[int, float]],
) -> list[Chosen]:
    """What each rule would have chosen of all runs, by its regret.

    "any run" is what choosing at random gives on average.

    Args:
        target: what the choice is judged by, the larger the better.
        rules: quantities to choose by.
        udr: of each run, by configuration and seed.
    """
    known = {(one.label, result.seed): target.of(result) for one in configurations for result in one.results}
    table = {(one.label, result.seed): result for one in configurations for result in one.results}
    values: dict[str, Mapping[tuple[str, int], float]] = {}
    for rule in rules:
        way = 1.0 if rule.higher_is_better else -1.0
        name = f"{'highest' if way > 0 else 'lowest'} {_within_a_sentence(rule.name)}"
        values[name] = {run: way * rule.of(result) for run, result in table.items()}
    if udr:
        values["highest UDR (no labels)"] = {(label, seed): one for label, own in udr.items() for seed, one in own.items()}
    chosen = choose_by(known, values, sign=1.0 if target.higher_is_better else -1.0)
    return sorted(chosen, key=lambda one: one.regret)


def _within_a_sentence(name: str) -> str:
    """A name whose first word is capitalized as the first of a sentence, but for abbreviations."""
    return name[0].lower() + name[1:] if name[1:2].islower() else name


BEST, ANY = "the best run", "any run, on average"


def choose_by(
    target: Mapping[tuple[str, int], float], rules: Mapping[str, Mapping[tuple[str, int], float]], *, sign: float = 1.0
) -> list[Chosen]:
    """The best run, what each rule chooses, and what choosing at random gives on average.

    Rules without a value of any run are left out; without any known target nothing is chosen.

    Args:
        target: of each run, by configuration and seed; what the choice is judged by.
        rules: of each run a value of which the largest is chosen.
        sign: 1 where a larger target is better, -1 where a smaller one is.
    """
    known = {run: score for run, score in target.items() if math.isfinite(score)}
    if not known:
        return []
    best = max(known, key=lambda run: sign * known[run])

    def one(rule: str, run: tuple[str, int]) -> Chosen:
        return Chosen(rule, *run, known[run], sign * (known[best] - known[run]))

    chosen = [one(BEST, best)]
    for name, by_run in rules.items():
        ranked = [run for run in known if math.isfinite(by_run.get(run, math.nan))]
        if ranked:
            chosen.append(one(name, max(ranked, key=lambda run: by_run[run])))
    mean = float(np.mean(list(known.values())))
    return [*chosen, Chosen(ANY, "", -1, mean, sign * (known[best] - mean))]
