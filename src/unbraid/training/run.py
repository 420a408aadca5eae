"""The run folder: what is in it, who may write to it, and whether it holds this run, another, or none."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any

import msgspec
import torch

from unbraid.config.experiment import Experiment
from unbraid.errors import ConfigMismatch, CorruptFile, UnbraidError, UsageError, warn
from unbraid.files import os_errors, read_json, remove, remove_leftovers, write_json
from unbraid.records import read_record
from unbraid.trackers.tracking import FILE as TRACKERS
from unbraid.training.checkpoint import (
    MOST_STEPS,
    STATE,
    TRAINING,
    WEIGHTS,
    Checkpoint,
    State,
    list_checkpoints,
    read_checkpoint,
    read_state,
    remove_checkpoint,
)
from unbraid.training.events import remove_events

CONFIG, ENVIRONMENT, LOG, METRICS, CODES, REPORT = (
    "config.json",
    "environment.json",
    "log.jsonl",
    "metrics.json",
    "codes.npz",
    "report.html",
)
CHECKPOINTS = "checkpoints"
IMPORTED = "imported.json"
"""In a run whose weights were trained by others."""

MARK = ".unbraid"
"""A file by which a run folder is known; those of version 0.1 have none."""
HARMLESS = ("log_every", "checkpoint_every", "keep_checkpoints", "evaluate_every")
"""Fields of the configuration that no weight depends on: checkpoints stay usable where they are edited."""
FORMER_FIELDS = {"format", "model", "model_options", "data", "data_options", "image_shape", "n_train", "latent_dim"}
"""Of the configuration, by which these are known."""


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What `imported.json` holds: where weights come from that unbraid did not train.

    Args:
        importer: that read them, see `unbraid list importers`.
        source: whose they are.
        name: what their authors call the model.
        sha256: of the file they were read from.
        notes: what a reader of scores should know.
    """

    importer: str
    source: str
    name: str
    sha256: str
    notes: list[str]


@dataclass(frozen=True)
class Run:
    """A run on disk."""

    folder: Path
    experiment: Experiment
    extend: int = 0

    @property
    def last_step(self) -> int:
        """Where the run ends: its length, or where `--extend` moved the end to."""
        return max(self.experiment.steps, self.extend)

    @property
    def checkpoints(self) -> Path:
        """Folder of checkpoints."""
        return self.folder / CHECKPOINTS

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / CONFIG

    @property
    def log(self) -> Path:
        """The log."""
        return self.folder / LOG

    @property
    def events(self) -> Path:
        """Folder of TensorBoard events."""
        return self.folder / "tensorboard"

    @property
    def imported(self) -> Imported | None:
        """Where its weights come from if unbraid did not train them."""
        path = self.folder / IMPORTED
        return read_record(path, Imported, "origin of the weights", "Import the model anew.") if path.is_file() else None

    def newest(self) -> Checkpoint | None:
        """The newest checkpoint that is sound and of this run; None where there is no checkpoint yet.

        Warns of newer ones that are damaged or of another run, since what is made from this one is of an earlier step.
        Raises `CorruptFile` where there are checkpoints but none can be used.
        """
        complaints: list[str] = []
        for path in reversed(list_checkpoints(self.checkpoints)):
            try:
                saved = read_checkpoint(path)
                self._require_own(saved.state, path)
            except UnbraidError as error:
                complaints.append(str(error))
                continue
            if complaints:
                warn(f"A newer checkpoint was passed over; step {saved.state.step:,} is used. {' '.join(complaints)}")
            return saved
        if complaints:
            raise CorruptFile(
                "No checkpoint of this run can be used: "
                + " ".join(complaints)
                + " To train it anew: unbraid train ... --overwrite."
            )
        return None

    def _require_own(self, state: State, path: Path) -> None:
        """Raise `CorruptFile` for a checkpoint of another configuration.

        `HARMLESS` fields may differ. Checkpoints of version 0.1 do not store their configuration.
        """
        if not state.configuration:
            return
        there, here = Experiment.from_dict(state.configuration, str(path / STATE)).identity(), self.experiment.identity()
        for name in HARMLESS:
            there.pop(name), here.pop(name)
        differing = _differing(there, here, f"in {CONFIG}")
        if differing:
            raise CorruptFile(
                f"{path} is of another run ({'; '.join(differing)}): {self.config} was edited, or the checkpoint put there. "
                "Put back what was there."
            )


def open_run(folder: Path) -> Run:
    """A run that exists.

    Raises `UsageError` where the folder holds none and `CorruptFile` where its configuration is damaged.
    """
    config = folder / CONFIG
    if not (folder.is_symlink() or folder.exists()):
        raise UsageError(f"There is no folder {folder}; give a run folder, or one that Model.save wrote.")
    if not config.is_file():
        raise UsageError(
            f"{folder} is not a run folder: it holds no {CONFIG}; give a run folder, or one that Model.save wrote."
        )
    content = read_json(config, "configuration")
    return Run(folder, Experiment.from_dict(content, str(config)), extension_of(content, str(config)))


def extension_of(content: Mapping[str, Any], where: str) -> int:
    """The step up to which the run of a configuration was trained on; 0 where it was not."""
    extend = content.get("extend", 0)
    if type(extend) is not int or not 0 <= extend <= MOST_STEPS:
        raise CorruptFile(f"{where}: extend is {extend!r}; it must be a whole number from 0 to {MOST_STEPS:,}.")
    return extend


def find_run(folder: Path, experiment: Experiment, *, extend: int = 0, overwrite: bool = False) -> Run:
    """The run that a folder holds or will hold; nothing is written.

    Raises `ConfigMismatch` that lists the differing fields where the folder holds another run, and `UsageError` where it
    holds something else.
    """
    if extend and extend < experiment.steps:
        raise UsageError(f"--extend {extend} lies before the end of the run at step {experiment.steps}.")
    if max(extend, experiment.steps) > MOST_STEPS:
        raise UsageError(f"A run of {max(extend, experiment.steps):,} steps is too long; allowed: up to {MOST_STEPS:,}.")
    if not str(folder.absolute()).isprintable():
        raise UsageError(f"The run folder's path is not printable text ({str(folder.absolute())!r}); give another --out.")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; give another --out.")
    if not folder.is_dir() or all(path.name.startswith(".") for path in folder.iterdir()):
        return Run(folder, experiment, extend)
    if not _holds_a_run(folder):
        raise UsageError(f"{folder} exists and is not a run folder (its {CONFIG} is missing or not ours); give another --out.")
    if overwrite:
        return Run(folder, experiment, extend)
    old = open_run(folder)
    _require_same(old.experiment, experiment, folder)
    return Run(folder, experiment, max(extend, old.extend))


def _holds_a_run(folder: Path) -> bool:
    """Whether a folder is marked as a run's, or holds what a run of version 0.1 holds.

    That version left no mark.
    """
    if (folder / MARK).is_file():
        return True
    if not (folder / CONFIG).is_file() or (folder / WEIGHTS).is_file():  # that of a model on its own, which `Model.save` wrote
        return False
    try:
        return set(read_json(folder / CONFIG, "configuration")) >= FORMER_FIELDS
    except UnbraidError:
        return any(_is_ours(path) for path in list_checkpoints(folder / CHECKPOINTS))


def _is_ours(checkpoint: Path) -> bool:
    try:
        return {WEIGHTS, TRAINING} == set(read_state(checkpoint).sha256)
    except UnbraidError:
        return False


def make_run(run: Run, *, overwrite: bool = False) -> None:
    """Make the folder of a run that `find_run` gave, and write its configuration.

    Call it within `only_writer`.

    To overwrite, what runs leave is removed and nothing else, the old configuration last: at no moment does the folder look
    like anything but a run.
    """
    config = run.experiment.to_dict() | ({"extend": run.extend} if run.extend else {})
    with os_errors(f"make run folder {run.folder}", "Give another --out."):
        if not (run.folder / MARK).is_file():
            (run.folder / MARK).write_text("This folder holds a run of unbraid.\n", encoding="utf-8")
        if overwrite:
            _remove_run(run)
    if overwrite or not run.config.exists() or read_json(run.config, "configuration") != config:
        write_json(run.config, config)
    with os_errors(f"make run folder {run.folder}", "Give another --out."):
        run.checkpoints.mkdir(parents=True, exist_ok=True)
        for leftover in (*run.checkpoints.glob(".step_*"), *run.checkpoints.glob(".unbraid-*")):
            remove(leftover)  # of a process that was killed while it wrote; there is no other writer
    remove_leftovers(run.folder)


def _remove_run(run: Run) -> None:
    """Remove what runs leave but for the configuration; other files stay, in these folders too."""
    for checkpoint in list_checkpoints(run.checkpoints):
        remove_checkpoint(checkpoint)
    remove_events(run.events)
    for name in (LOG, CODES, METRICS, REPORT, ENVIRONMENT, IMPORTED, TRACKERS):
        (run.folder / name).unlink(missing_ok=True)


def _differing(there: Mapping[str, Any], here: Mapping[str, Any], where: str) -> list[str]:
    """The fields in which two configurations differ, in words; one that is left out counts as empty.

    Of options, those that differ are shown; options of another model or data set follow from that.
    """
    found = []
    for name in {**there, **here}:
        one, other = there.get(name, ""), here.get(name, "")
        part = name.removesuffix("_options")
        if one == other or (part != name and there.get(part) != here.get(part)):
            continue
        if part != name and isinstance(one, Mapping) and isinstance(other, Mapping):
            found += [told if part == "model" else f"{part} {told}" for told in _differing(one, other, where)]
        else:
            found.append(f"{name}: {one!r} there, {other!r} {where}")
    return found


def _require_same(old: Experiment, new: Experiment, folder: Path) -> None:
    before, after = old.identity(), new.identity()
    digests = [content.pop("data_digest", "") for content in (before, after)]
    differing = _differing(before, after, "now")
    if not differing and digests[0] != digests[1]:
        raise ConfigMismatch(
            f"{folder} holds a run on other data: the content of {new.address!r} has changed since it began (digest "
            f"{digests[0]} there, {digests[1]} now). Put the former data back, or give another --out, or --overwrite to "
            "replace the run."
        )
    if differing:
        raise ConfigMismatch(
            f"{folder} holds a run of another configuration. It differs in {'; '.join(differing)}. "
            f"{_longer(before, after)}Give another --out, or --overwrite to replace it."
        )


def _longer(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """How to train on, where the same run was asked for with more steps."""
    follows = ("steps", "checkpoint_every", "log_every")
    same = all(before.get(name) == after.get(name) for name in {**before, **after} if name not in follows)
    if not same or after["steps"] <= before["steps"]:
        return ""
    return f"To train it on to that step, give the former command with --extend {after['steps']}. "


def environment(device: torch.device) -> dict[str, Any]:
    """Versions, machine and device, as recorded beside a run."""
    packages = ("unbraid", "torch", "numpy", "scipy", "scikit-learn", "safetensors")
    return {
        "versions": {name: version(name) for name in packages},
        "commit": commit(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": str(device) if device.type == "cpu" else f"{device} ({torch.cuda.get_device_name(device)})",
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
    }


@cache
def commit() -> str:
    """The commit of unbraid's source, followed by "-dirty" where files differ from it.

    It is empty where that is not known.
    """
    origin = distribution("unbraid").read_text("direct_url.json")
    installed: str = json.loads(origin).get("vcs_info", {}).get("commit_id", "") if origin else ""
    root = Path(__file__).parents[3]
    if installed or not (root / ".git").exists():
        return installed
    command = ("git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    with suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    return ""
