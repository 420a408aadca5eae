"""Whether measures agree which runs are better: rank correlations over runs and means of arms."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from unbraid.studies.blocks import Block, Chart, Prose, Table
from unbraid.studies.declaration import Arm
from unbraid.studies.measures import Measure
from unbraid.studies.results import Results
from unbraid.sweep.compare.statistics import LEAST_CORRELATED, RankCorrelation, rank_correlation
from unbraid.sweep.compare.writing import MISSING, decimal


@dataclass(frozen=True, eq=False)
class Correlations:
    """Spearman's correlations of measures, over runs and over arms' means: a heat map and a table.

    Args:
        title: of both.
        arms: whose runs.
        measures: each with each other.
        against: each of these with each of the measures instead.
    """

    title: str
    arms: Sequence[Arm]
    measures: Sequence[Measure]
    against: Sequence[Measure] = ()

    def blocks(self, results: Results) -> Iterator[Block]:
        """The heat map and the table; a sentence where there are too few runs."""
        from unbraid.figures.heatmaps import correlation_grid

        every = {one.key: one for one in (*self.measures, *self.against)}
        runs = [run for arm in self.arms for run in results.of(arm)]
        by_run = {key: [one.of(run) for run in runs] for key, one in every.items()}
        means = {key: [results.mean(arm, one) for arm in self.arms] for key, one in every.items()}
        pairs = product(self.against, self.measures) if self.against else combinations(self.measures, 2)
        found = {
            (a.key, b.key): (rank_correlation(by_run[a.key], by_run[b.key]), rank_correlation(means[a.key], means[b.key]))
            for a, b in pairs
        }
        if not any(over_runs for over_runs, _ in found.values()):
            yield Prose(self.title, [f"{len(runs)} runs are too few, or do not differ: it takes {LEAST_CORRELATED}."])
            return
        rows = self.against or self.measures
        grid = np.full((len(rows), len(self.measures)), np.nan)
        for i, a in enumerate(rows):
            for j, b in enumerate(self.measures):
                over_runs, over_means = found.get((a.key, b.key)) or found.get((b.key, a.key)) or (None, None)
                one = over_runs if self.against or j > i else over_means
                grid[i, j] = math.nan if one is None else one.r
        names = [[one.name for one in side] for side in (rows, self.measures)]
        where = "Over runs" if self.against else "Above the diagonal over runs, below it over means of arms"
        yield Chart(self.title, correlation_grid(grid, *names), f"Spearman's rank correlation. {where}.")
        columns = ["", "", "over runs", "runs", "over means of arms", "arms"]
        told = [[every[a].name, every[b].name, *_cells(own), *_cells(other)] for (a, b), (own, other) in found.items()]
        note = (
            "Spearman's correlation with its 95 % interval, which takes runs, or arms, for independent. Runs of one arm are "
            "alike, so that the interval over runs is too narrow for other arms; the one over means is made for them, and wide."
        )
        yield Table(f"{self.title}: table", columns, told, note)


def _cells(found: RankCorrelation | None) -> tuple[str, str]:
    if found is None:
        return "too few, or constant", MISSING
    low, high = found.interval
    return f"{decimal(found.r, 2)} ({decimal(low, 2)} to {decimal(high, 2)})", str(found.n)
