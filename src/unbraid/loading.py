"""Trained models read back from folders, onto a device."""

from __future__ import annotations

import re
from pathlib import Path

import torch

from unbraid.data.dataset import JOINT
from unbraid.data.joint import is_function, joint_function
from unbraid.errors import CorruptFile, UsageError
from unbraid.files import read_json
from unbraid.model import Model
from unbraid.training.checkpoint import WEIGHTS, Checkpoint, read_weights, require_fit
from unbraid.training.run import Run, open_run
from unbraid.trust import trusting


def pick_device(name: str = "auto") -> torch.device:
    """The device of a name; `auto` is the GPU where there is one.

    Raises `UsageError` for a device that this machine does not have.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise UsageError(f"--device {name!r} is not a device that unbraid trains on; allowed: auto, cpu, cuda, cuda:N.")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"--device {name!r} cannot be used here ({reason}); allowed: auto, cpu, cuda, cuda:N.") from None
    return device


def load(path: str | Path, device: str = "auto", *, trust: bool = False) -> Model:
    """A model from a run folder (its newest checkpoint) or from a folder that `Model.save` wrote.

    Args:
        path: the folder.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        trust: import the modules that define this run's own networks, and the joint distribution of its data, which runs their
            code; by default only modules that are already imported are used (`docs/own-networks.md`).

    Raises `UsageError` where there is none and `CorruptFile` where files are damaged.

    >>> model = unbraid.load("runs/first")
    >>> model.sample(5).shape
    (5, 1, 32, 32)
    """
    with trusting(trust):
        run = open_run(Path(path))
        joint = run.experiment.data_options.get(JOINT)
        if trust and is_function(joint):  # so that the model can be scored on its data later
            joint_function(str(joint))
        return model_of(run, None if _is_saved_model(run) else run.newest(), device)


def model_of(run: Run, newest: Checkpoint | None, device: str = "auto") -> Model:
    """The model of a run.

    Args:
        run: the run, or a folder that `Model.save` wrote, opened as one.
        newest: its newest checkpoint; None where there is none.
        device: as `load` takes it.

    Raises `UsageError` without a checkpoint.
    """
    where = pick_device(device)
    if _is_saved_model(run):
        content = read_json(run.config, "configuration")
        step = content.get("step", 0)
        if type(step) is not int or step < 0:
            raise CorruptFile(f"{run.config}: step is {step!r}; it must be a whole number, at least 0.")
        weights = read_weights(run.folder / WEIGHTS, content.get("sha256", ""))
    elif newest is None:
        if "sha256" in read_json(run.config, "configuration"):
            raise CorruptFile(f"{run.folder} holds no {WEIGHTS}, which its {run.config.name} goes with. Copy the whole folder.")
        raise UsageError(f"{run.folder} has no checkpoint yet; train it first.")
    else:
        weights, step = dict(newest.weights), newest.state.step
    require_fit(run.experiment.outline(), weights, run.folder)  # before memory is taken for a model that a file describes
    vae = run.experiment.build()
    vae.load_state_dict(weights)
    return Model(vae.placed(where), run.experiment, step=step, folder=run.folder)


def _is_saved_model(run: Run) -> bool:
    return (run.folder / WEIGHTS).is_file()
