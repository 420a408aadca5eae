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
    runs = [(one.label, result.seed, target.of(result)) for one in configurations for result in one.results]
    known = [(label, seed, score) for label, seed, score in runs if math.isfinite(score)]
    if not known:
        return []
    sign = 1.0 if target.higher_is_better else -1.0
    best = max(known, key=lambda run: sign * run[2])
    table = {(one.label, result.seed): result for one in configurations for result in one.results}
    values: dict[str, dict[tuple[str, int], float]] = {}
    for rule in rules:
        way = 1.0 if rule.higher_is_better else -1.0
        name = f"{'highest' if way > 0 else 'lowest'} {rule.name}"
        values[name] = {run: way * rule.of(result) for run, result in table.items()}
    if udr:
        values["highest UDR (no labels)"] = {(label, seed): one for label, own in udr.items() for seed, one in own.items()}
    chosen = [Chosen("the best run", best[0], best[1], best[2], 0.0)]
    for name, by_run in values.items():
        scored = [(by_run.get((label, seed), math.nan), label, seed, score) for label, seed, score in known]
        scored = [one for one in scored if math.isfinite(one[0])]
        if scored:
            _, label, seed, score = max(scored, key=lambda one: one[0])
            chosen.append(Chosen(name, label, seed, score, sign * (best[2] - score)))
    mean = float(np.mean([score for _, _, score in known]))
    chosen.append(Chosen("any run, on average", "", -1, mean, sign * (best[2] - mean)))
    return sorted(chosen, key=lambda one: one.regret)
