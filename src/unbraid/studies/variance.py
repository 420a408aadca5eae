"""What makes scores differ: the objective, the setting of its hyper-parameter, the seed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from unbraid.studies.blocks import Block, Table
from unbraid.studies.declaration import Arm, Values, Verdict
from unbraid.studies.measures import Measure
from unbraid.studies.results import Results
from unbraid.sweep.compare.components import LEVELS, Components, components
from unbraid.sweep.compare.writing import MISSING, decimal

Families = Mapping[str, Sequence[Arm]]
"""Objectives, each with an arm for every setting of its hyper-parameter."""


def split(families: Families, measure: Measure, found: Values) -> Components | str:
    """Components of variance of a measure; what is missing, in words, where there are too few runs."""
    return components(
        {
            objective: {arm.name: list(found.values(arm, measure).values()) for arm in arms}
            for objective, arms in families.items()
        }
    )


@dataclass(frozen=True, eq=False)
class VarianceSplit:
    """Shares of the variance of each measure between objectives, settings and seeds.

    By `unbraid.sweep.compare.components.components`.

    Args:
        title: of the table.
        families: objectives and their settings.
        measures: rows.
    """

    title: str
    families: Families
    measures: Sequence[Measure]

    def blocks(self, results: Results) -> Iterator[Block]:
        """The table; a measure with too few runs says what is missing."""
        rows = []
        for one in self.measures:
            found = split(self.families, one, results)
            rows.append([one.name, *_cells(found)])
        columns = ["", "runs", *LEVELS, "sd of seeds", "fit by objective", "fit by both", "below 0"]
        note = (
            f"Objectives: {', '.join(self.families)}. Components of variance by the nested analysis of variance, as shares of "
            "their sum, with generalized confidence intervals of 95 %. Objectives and settings count as a sample of those "
            "that could be; few of them make intervals wide. A component estimated below 0, less than seeds alone make, "
            "counts as 0 and is named in the last column. 'Fit' is the share of the total sum of squares that a regression "
            "on the objective takes, and one on objective and setting: larger the more groups there are."
        )
        yield Table(self.title, columns, rows, note)


def _cells(found: Components | str) -> list[str]:
    if isinstance(found, str):
        return [f"too few: {found}", *(MISSING for _ in range(7))]
    shares = [
        f"{decimal(share, 2)} ({decimal(low, 2)} to {decimal(high, 2)})" if math.isfinite(share) else "nothing varies"
        for share, (low, high) in zip(found.shares, found.intervals, strict=True)
    ]
    below = ", ".join(found.negative) or MISSING
    seed = math.sqrt(max(0.0, found.estimates[2]))
    return [str(found.counts[2]), *shares, decimal(seed, 3), *(decimal(one, 2) for one in found.fitted), below]


@dataclass(frozen=True, eq=False)
class ShareBelow:
    """A part's share of the variance of a measure is below a value.

    Confirmed or reversed where the interval of the share (`components`) lies on one side of the value.

    Args:
        families: objectives and their settings.
        measure: of a run.
        value: between 0 and 1.
        part: whose share.
    """

    families: Families
    measure: Measure
    value: float = 0.5
    part: Literal["objective", "setting", "seed"] = "objective"

    @property
    def arms(self) -> Sequence[Arm]:
        """All settings of all objectives."""
        return tuple(arm for arms in self.families.values() for arm in arms)

    def decide(self, found: Values) -> Verdict:
        """By the interval of the share."""
        if not any(found.values(arm, self.measure) for arm in self.arms):
            return Verdict("not run", "there is no run yet of these arms")
        one = split(self.families, self.measure, found)
        if isinstance(one, str):
            return Verdict("undecided", f"too few runs: {one}")
        place = LEVELS.index(self.part)
        share, (low, high) = one.shares[place], one.intervals[place]
        if not math.isfinite(share):
            return Verdict("undecided", f"{self.measure.name} does not vary")
        objectives, settings, runs = one.counts
        words = (
            f"{self.measure.name}: the share of the {self.part} in the variance is {decimal(share, 2)} ({decimal(low, 2)} to "
            f"{decimal(high, 2)}; {runs} runs of {settings} settings of {objectives} objectives); claimed below {self.value:g}"
        )
        if low <= self.value <= high:
            return Verdict("undecided", words, share)  # more seeds alone need not decide it: it may take more objectives
        return Verdict("confirmed" if high < self.value else "reversed", words, share, (low, high))
