"""Arms in the order of their means, and how sure the order is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from unbraid.studies.blocks import Block, Table
from unbraid.studies.declaration import Arm
from unbraid.studies.measures import Measure
from unbraid.studies.parts import marked, not_run, runs_cell
from unbraid.studies.results import Results
from unbraid.sweep.compare.statistics import rank
from unbraid.sweep.compare.writing import MISSING, decimal


@dataclass(frozen=True, eq=False)
class Places:
    """Places of arms by their means, 1 for the best.

    With the places that they take when seeds are drawn again.

    Args:
        title: of the table.
        arms: rows, those with the best mean place first.
        measures: columns.
    """

    title: str
    arms: Sequence[Arm]
    measures: Sequence[Measure]

    def blocks(self, results: Results) -> Iterator[Block]:
        """The table; arms without runs come last."""
        ranks = {}
        for one in self.measures:
            values = {arm.name: results.values(arm, one) for arm in self.arms}
            ranks[one.key] = rank(values, higher_is_better=one.higher_is_better is not False)
        if not any(ranks.values()):
            yield not_run(self.title, self.arms)
            return
        rows = []
        for arm in self.arms:
            own = [ranks[one.key].get(arm.name) for one in self.measures]
            known = [found.place for found in own if found]
            mean = float(np.mean(known)) if known else float("inf")
            several = len(results.of(arm)) > 1
            cells = [
                MISSING if found is None else f"{found.place} ({found.low} to {found.high})" if several else f"{found.place}"
                for found in own
            ]
            rows.append((mean, [marked(results, arm), runs_cell(results, arm), decimal(mean, 1), *cells]))
        columns = ["", "runs", "mean place", *(one.name for one in self.measures)]
        note = (
            "Places by means over seeds. In brackets: where 95 % of the places lie that an arm takes when the seeds of all "
            "arms are drawn again; an arm with one seed has none, and with few they are too narrow."
        )
        yield Table(self.title, columns, [cells for _, cells in sorted(rows, key=lambda row: row[0])], note)
