"""The run folder: what is in it, who may write to it, and whether it holds this run, another, or none."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from unbraid.config.experiment import Experiment
from unbraid.errors import ConfigMismatch, CorruptFile, UnbraidError, UsageError
from unbraid.files import os_errors, read_json, write_json
from unbraid.training.checkpoint import Checkpoint, checkpoint_path, list_checkpoints, read_checkpoint

CONFIG, ENVIRONMENT, LOG, METRICS, CODES, REPORT = (
    "config.json",
    "environment.json",
    "log.jsonl",
    "metrics.json",
    "codes.npz",
    "report.html",
)
CHECKPOINTS = "checkpoints"

LOCK = ".lock"


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

    def is_newest(self, step: int) -> bool:
        """Whether the newest checkpoint, sound or not, is that of this step; also where no checkpoint was kept."""
        saved = list_checkpoints(self.checkpoints)
        return not saved or saved[-1] == checkpoint_path(self.checkpoints, step)

    def newest(self) -> tuple[Checkpoint | None, list[str]]:
        """The newest checkpoint that is sound, and what is wrong with newer ones.

        Raises `CorruptFile` where there are checkpoints but none is sound.
        """
        complaints: list[str] = []
        for path in reversed(list_checkpoints(self.checkpoints)):
            try:
                return read_checkpoint(path), complaints
            except UnbraidError as error:
                complaints.append(str(error))
        if complaints:
            raise CorruptFile(
                "No checkpoint of this run can be read: " + " ".join(complaints) + " Give --overwrite to train it anew."
            )
        return None, []


def open_run(folder: Path) -> Run:
    """A run that exists.

    Raises `UsageError` where the folder holds none and `CorruptFile` where its configuration is damaged.
    """
    config = folder / CONFIG
    if not config.is_file():
        raise UsageError(f"{folder} is not a run folder: it holds no {CONFIG}.")
    content = read_json(config, "configuration")
    extend = content.get("extend", 0)
    if not isinstance(extend, int) or isinstance(extend, bool) or extend < 0:
        raise CorruptFile(f"{config}: extend is {extend!r}; it must be a whole number.")
    return Run(folder, Experiment.from_dict(content, str(config)), extend)


def find_run(folder: Path, experiment: Experiment, *, extend: int = 0, overwrite: bool = False) -> Run:
    """The run that a folder holds or will hold; nothing is written.

    Raises `ConfigMismatch` that lists the differing fields where the folder holds another run, and `UsageError` where it
    holds something else.
    """
    if extend and extend < experiment.steps:
        raise UsageError(f"--extend {extend} lies before the end of the run at step {experiment.steps}.")
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
    """Whether a folder's configuration is one of ours, or is damaged and lies beside checkpoints of ours."""
    if not (folder / CONFIG).is_file():
        return False
    if list_checkpoints(folder / CHECKPOINTS):
        return True
    try:
        return {"format", "model"} <= set(read_json(folder / CONFIG, "configuration"))
    except CorruptFile:
        return False


def make_run(run: Run, *, overwrite: bool = False) -> None:
    """Make the folder of a run that `find_run` gave, and write its configuration; call it as `only_writer`.

    To overwrite, what runs leave is removed and nothing else, the old configuration last: at no moment does the folder look
    like anything but a run.
    """
    config = run.experiment.to_dict() | ({"extend": run.extend} if run.extend else {})
    with os_errors(f"make run folder {run.folder}", "Give another --out."):
        if overwrite:
            for name in (CHECKPOINTS, "tensorboard", LOG, CODES, METRICS, REPORT, ENVIRONMENT):
                path = run.folder / name
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    if overwrite or not run.config.exists() or read_json(run.config, "configuration") != config:
        write_json(run.config, config)
    with os_errors(f"make run folder {run.folder}", "Give another --out."):
        run.checkpoints.mkdir(parents=True, exist_ok=True)
        for leftover in run.checkpoints.glob(".step_*"):  # of a process that was killed while it wrote
            shutil.rmtree(leftover, ignore_errors=True)


def _require_same(old: Experiment, new: Experiment, folder: Path) -> None:
    before, after = old.identity(), new.identity()
    digests = [content.pop("data_digest", "") for content in (before, after)]
    differing = [f"{name}: {before[name]!r} there, {after[name]!r} now" for name in after if before[name] != after[name]]
    if not differing and digests[0] != digests[1]:
        raise ConfigMismatch(
            f"{folder} holds a run on other data: the content of {new.address!r} has changed since it began (digest "
            f"{digests[0]} there, {digests[1]} now). Put the former data back, or give another --out, or --overwrite to "
            "replace the run."
        )
    if differing:
        raise ConfigMismatch(
            f"{folder} holds a run of another configuration. It differs in {'; '.join(differing)}. "
            "Give another --out, or --overwrite to replace it."
        )


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold the run folder; a second process that wants it is refused. The system lets go when the process dies.

    Raises `UnbraidError` where another process holds it.
    """
    with os_errors(f"make run folder {folder}", "Give another --out."):
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / LOCK).open("a")
    with handle:
        try:
            import fcntl
        except ImportError:  # no advisory locks on this system
            yield
            return
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UnbraidError(f"{folder} is in use by another unbraid process; wait for it or give another --out.") from None
        yield


def environment(device: torch.device) -> dict[str, Any]:
    """Versions, machine and device, as recorded beside a run."""
    packages = ("unbraid", "torch", "numpy", "scipy", "scikit-learn", "safetensors")
    return {
        "versions": {name: version(name) for name in packages},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": str(device) if device.type == "cpu" else f"{device} ({torch.cuda.get_device_name(device)})",
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
    }
