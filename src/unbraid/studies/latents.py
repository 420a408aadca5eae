"""What single latents do, as kept in a ledger: KL over training, position maps, traversals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unbraid.reporting.view import RunView
from unbraid.studies.blocks import Block, Chart
from unbraid.studies.declaration import Arm
from unbraid.studies.evidence import COLUMNS, Evidence, named, picture
from unbraid.studies.parts import not_run
from unbraid.studies.results import Results
from unbraid.sweep.compare.quantities import number

TRUNCATED = 5
"""Latents of a traversal from the prior, as in Dubois et al. (2019), Fig. 4."""


def _kl_curves(view: RunView) -> dict[str, Any] | None:
    from unbraid.figures.series import thin, vector_series

    steps, kl = vector_series(view.log, "kl_per_dim", view.table.latent_dim)
    if not len(steps):
        return None
    steps, kl = thin(steps, kl)
    return {
        "step": [int(step) for step in steps],
        "kl": [[round(float(value), 4) for value in row] for row in kl],
        "names": named(sorted(view.latents, key=lambda one: one.index)),
        "order": [one.index for one in view.latents],
    }


KL_CURVES = Evidence("kl_curves", _kl_curves, first_seed_only=True)
"""KL of each latent over training, with the factor that each follows in the end."""


def _prior_traversals(view: RunView) -> dict[str, Any] | None:
    from unbraid.reporting.traversals import along, code_of, values_of

    if not view.dataset.redistributable:
        return None
    code, _ = code_of(view, "prior")
    shown = view.latents[:TRUNCATED]
    rows = along(view, code, values_of(view, COLUMNS), [one.index for one in shown])
    return {**picture(rows), "labels": named(shown)}


PRIOR_TRAVERSALS = Evidence("prior_traversals", _prior_traversals, first_seed_only=True)
"""The five latents with the largest KL, moved over their range from the middle of the prior."""


def _position_maps(view: RunView) -> dict[str, Any] | None:
    from unbraid.figures.heatmaps import diverging_pixels
    from unbraid.figures.positions import LIMIT
    from unbraid.reporting.pictures import position_maps_of

    table = view.table
    if not {"x", "y"} <= set(table.factor_names):
        return None
    columns = [np.arange(len(table))]
    for name in ("scale", "shape"):
        if name in table.factor_names:
            k = table.factor_names.index(name)
            columns += [np.flatnonzero(table.factors[:, k] == value) for value in range(table.factor_sizes[k])]
    maps = position_maps_of(table, columns)[[one.index for one in view.latents]]
    pixels = np.stack([[diverging_pixels(one, LIMIT) for one in row] for row in maps]).transpose(0, 1, 4, 2, 3)
    return {**picture(pixels), "labels": named(view.latents)}


POSITION_MAPS = Evidence("position_maps", _position_maps, first_seed_only=True)
"""Mean of each latent over the position of the object: of all images, then of those of each scale and of each shape."""


@dataclass(frozen=True, eq=False)
class KLCurves:
    """KL of each latent over the training of the first seed of each arm, from `KL_CURVES`."""

    title: str
    arms: Sequence[Arm]

    def blocks(self, results: Results) -> Iterator[Block]:
        """One plot per arm."""
        from unbraid.figures.kl import kl_over_training

        drawn = False
        for arm in self.arms:
            for run in results.of(arm)[:1]:
                kept = run.evidence.get("kl_curves")
                if not kept:
                    continue
                steps = np.array(kept["step"], dtype=np.int64)
                kl = np.array([[number(value) for value in row] for row in kept["kl"]])
                figure = kl_over_training(steps, kl, kept["names"], kept["order"])
                caption = "Lines are named after the latent and the factor it follows in the end, which is computed."
                yield Chart(f"{self.title}: {arm.name}", figure, caption)
                drawn = True
        if not drawn:
            yield not_run(self.title, self.arms)
