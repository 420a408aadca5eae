"""A run's model at several times of its training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unbraid.errors import CorruptFile, UnbraidError, UsageError
from unbraid.model import Model
from unbraid.training.checkpoint import list_checkpoints, read_checkpoint, require_fit, step_of
from unbraid.training.run import CHECKPOINTS, Run, open_run

HISTORY = 2
"""Runs keep two checkpoints unless told otherwise, for safety; these show nothing of what happened before."""


def every_time(newest: Model, most: int) -> list[Model]:
    """A model before training, at evenly chosen checkpoints that were kept, and now.

    There are at most `most` of them, the oldest first.

    The model alone where `most` is 1, of a folder that `Model.save` wrote, and where fewer than `HISTORY` earlier checkpoints
    were kept.

    Raises `UsageError` where `most` is below 1 and `CorruptFile` for a checkpoint that is damaged.
    """
    if most < 1:
        raise UsageError(f"--times is {most}; allowed: at least 1.")
    folder = newest.folder
    if folder is None or not (folder / CHECKPOINTS).is_dir():
        return [newest]
    run = open_run(folder)
    paths = [path for path in list_checkpoints(run.checkpoints) if step_of(path) < newest.step]
    if len(paths) < HISTORY or most < 2:
        return [newest]
    places = np.unique(np.linspace(0, len(paths), min(most - 1, len(paths) + 1), dtype=int))
    return [
        *(_at(run, paths[place - 1]) if place else Model(run.experiment.build(), run.experiment) for place in places),
        newest,
    ]


def _at(run: Run, path: Path) -> Model:
    try:
        saved = read_checkpoint(path)
    except UnbraidError as error:
        raise CorruptFile(f"{error} Remove this checkpoint, or show the end of training alone: --times 1.") from None
    require_fit(run.experiment.outline(), saved.weights, path)
    vae = run.experiment.build()
    vae.load_state_dict(dict(saved.weights))
    return Model(vae, run.experiment, step=step_of(path))
