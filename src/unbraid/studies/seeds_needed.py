"""How many seeds a comparison needs, by how much scores differ between seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from unbraid.reporting.numbers import count
from unbraid.studies.blocks import Block, Table
from unbraid.studies.declaration import Arm
from unbraid.studies.measures import Measure
from unbraid.studies.results import Results
from unbraid.sweep.compare.power import MOST, POWER, least_seen, pooled_sd, runs_to_see
from unbraid.sweep.compare.writing import MISSING, decimal


@dataclass(frozen=True, eq=False)
class SeedsNeeded:
    """Seeds of each of two arms that would see a difference of their means, by each measure.

    By the standard deviation between seeds, pooled over arms (`unbraid.sweep.compare.power`).

    Args:
        title: of the table.
        arms: whose seeds.
        measures: rows, all on one scale.
        difference: to be seen.
        seeds: a number of seeds for which the least difference is told that they see.
    """

    title: str
    arms: Sequence[Arm]
    measures: Sequence[Measure]
    difference: float = 0.05
    seeds: int = 5

    def blocks(self, results: Results) -> Iterator[Block]:
        """The table; a measure without two seeds of any arm says so."""
        rows = []
        for one in self.measures:
            found = pooled_sd([list(results.values(arm, one).values()) for arm in self.arms])
            if found is None:
                rows.append([one.name, "too few: no arm has two seeds", *(MISSING for _ in range(4))])
                continue
            if found.sd == 0:
                rows.append([one.name, "seeds do not differ", *(MISSING for _ in range(4))])
                continue
            low, high = found.interval
            needed = [_runs(self.difference, sd) for sd in (found.sd, low, high)]
            rows.append(
                [
                    one.name,
                    f"{decimal(found.sd)} ({decimal(low)} to {decimal(high)})",
                    f"{decimal(found.range[0])} to {decimal(found.range[1])}",
                    str(found.freedom),
                    f"{needed[0]} ({needed[1]} to {needed[2]})",
                    decimal(least_seen(found.sd, self.seeds), 2),
                ]
            )
        columns = [
            "",
            "sd between seeds, pooled",
            "sd of single arms",
            "degrees of freedom",
            f"seeds needed for {self.difference:g}",
            f"{self.seeds} seeds see",
        ]
        note = (
            f"Seeds of each of two arms for which Welch's 95 % interval of a difference of {self.difference:g} of their means "
            f"leaves out 0 with a chance of {POWER:.0%}, were both as scattered as arms are on average; in brackets for the "
            "ends of the 95 % interval of the pooled standard deviation, which takes arms for equally scattered: the next "
            f"column says how far they are not. The last column: the least difference that {self.seeds} seeds of each see "
            "with that chance."
        )
        yield Table(self.title, columns, rows, note)


def _runs(difference: float, sd: float) -> str:
    found = runs_to_see(difference, sd)
    return f"more than {count(MOST)}" if found is None else count(found)
