"""Heat maps of measures over a grid of arms."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from unbraid.studies.blocks import Block, Chart
from unbraid.studies.declaration import Arm
from unbraid.studies.measures import Measure
from unbraid.studies.parts import not_run
from unbraid.studies.results import Results

Cell = tuple[float, float]


@dataclass(frozen=True, eq=False)
class GridMaps:
    """Means over seeds over two options, a heat map for each measure.

    Args:
        title: with the number of the report's figure.
        grid: arms by their values of the option along x and of that along y.
        names: what these are called.
        measures: of a run.
        marked: cells that are outlined.
        note: what the outlines mean, and what else there is to know.
    """

    title: str
    grid: Mapping[Cell, Arm]
    names: tuple[str, str]
    measures: Sequence[Measure]
    marked: Sequence[Cell] = ()
    note: str = ""

    def blocks(self, results: Results) -> Iterator[Block]:
        """One figure, or that nothing has run."""
        from unbraid.figures.heatmaps import grid_maps

        x, y = (sorted({cell[axis] for cell in self.grid}) for axis in (0, 1))
        maps = {
            one.column: np.array([[self._mean(results, (column, row), one) for column in x] for row in y])
            for one in self.measures
        }
        if not any(np.isfinite(values).any() for values in maps.values()):
            yield not_run(self.title, list(self.grid.values()))
            return
        marked = np.array([[(column, row) in self.marked for column in x] for row in y])
        figure = grid_maps(maps, x, y, names=self.names, marked=marked)
        yield Chart(self.title, figure, f"Means over seeds; darker is larger. {self.note}".strip())

    def _mean(self, results: Results, cell: Cell, measure: Measure) -> float:
        return results.mean(self.grid[cell], measure) if cell in self.grid else math.nan
