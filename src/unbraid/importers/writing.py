"""A run folder from what an importer found."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from unbraid.config.plan import plan
from unbraid.errors import UsageError
from unbraid.files import write_json
from unbraid.importers.registry import Found
from unbraid.records import to_json
from unbraid.registry import Entry
from unbraid.training.checkpoint import Checkpoint, State, list_checkpoints, require_fit, write_checkpoint
from unbraid.training.lock import only_writer
from unbraid.training.run import ENVIRONMENT, IMPORTED, Imported, Run, environment, find_run, make_run

ELSEWHERE = "another machine"
"""Where the model was trained, as the environment of its run has it; versions there are of the import."""


def write_run(entry: Entry, file: Path, found: Found, folder: Path, *, overwrite: bool = False) -> Run:
    """Make a run folder that holds a model of others as the checkpoint of its last step.

    It has no log, and its optimizers have no state: a run that is trained further begins with new ones.

    Raises `UsageError` where the folder holds a run already, unless `overwrite` is given, and what `plan` and `find_run` raise;
    nothing is written then.
    """
    experiment, _ = plan(found.model, found.data, found.options)
    vae = experiment.build()
    weights = {**vae.state_dict(), **found.weights}
    require_fit(vae, weights, file)
    find_run(folder, experiment, overwrite=overwrite)
    if list_checkpoints(folder / "checkpoints") and not overwrite:
        raise UsageError(f"{folder} holds a run already; give another --out, or --overwrite to replace it.")
    with only_writer(folder):
        run = find_run(folder, experiment, overwrite=overwrite)
        make_run(run, overwrite=overwrite)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        record = Imported(importer=entry.name, source=entry.source, name=found.name, sha256=digest, notes=list(found.notes))
        write_json(folder / IMPORTED, to_json(record))
        here = environment(torch.device("cpu"))
        kept = {name: here[name] for name in ("versions", "commit", "python", "platform")}
        write_json(folder / ENVIRONMENT, {**kept, "device": ELSEWHERE, "threads": 0, "seconds": 0.0})
        state = State(step=experiment.steps, seconds=0.0, log_size=0, interval={}, configuration=experiment.to_dict())
        write_checkpoint(run.checkpoints, Checkpoint(weights, {}, state))
    return run
