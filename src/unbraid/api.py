"""The stages of a run, as Python calls and as the command line's commands: train, evaluate, report, load."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from unbraid.codes import CodeTable
from unbraid.errors import CorruptFile, UnbraidError, UsageError
from unbraid.evaluation import Progress, periodic
from unbraid.files import os_errors, read_json, write_json
from unbraid.model import Model
from unbraid.training.checkpoint import WEIGHTS, unpack
from unbraid.training.experiment import Experiment, plan
from unbraid.training.fit import Monitor, fit
from unbraid.training.run import CODES, CONFIG, METRICS, find_run, make_run, only_writer, open_run

RUNS = Path("runs")
EVALUATE_IMAGES = 100_000
"""After training, scores are computed on at most this many images; `unbraid evaluate` takes all of them."""


def pick_device(name: str = "auto") -> torch.device:
    """The device of a name; `auto` is the GPU where there is one. Raises `UsageError` for one that is not here."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"--device {name!r} cannot be used here ({reason}); allowed: auto, cpu, cuda, cuda:N.") from None
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"--device {name!r}; allowed: auto, cpu, cuda, cuda:N.")
    return device


def train(
    model: str,
    data: str,
    *,
    out: str | Path | None = None,
    device: str = "auto",
    extend: int = 0,
    overwrite: bool = False,
    monitor: Monitor | None = None,
    **options: Any,
) -> Model:
    """Train a model on a data set, or go on where an earlier call with the same arguments stopped.

    Args:
        model, data: registered names, see `unbraid list models` and `unbraid list datasets`.
        out: run folder; by default one under `runs/` whose name follows from the configuration.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        extend: train a run further, up to this step; its schedules stay those of the original length.
        overwrite: replace the run in the folder.
        monitor: told of the progress.
        options: hyper-parameters of the model, options of the data set and likelihood, and `Settings`
            (`steps`, `batch_size`, `latent_dim`, `seed`, `lr`, ...): `train("beta_vae", "ellipses", beta=4, steps=6000)`.

    Raises `UsageError` before anything is written for what cannot be, `NonFiniteLoss`, `Interrupted`, and `UnbraidError` for
    what fails on the way.
    """
    where = pick_device(device)
    experiment, dataset = plan(model, data, options)
    folder = Path(out) if out is not None else default_folder(experiment)
    find_run(folder, experiment, extend=extend, overwrite=overwrite)  # refuse before anything is written
    with only_writer(folder):
        run = find_run(folder, experiment, extend=extend, overwrite=overwrite)
        make_run(run, overwrite=overwrite)
        every = periodic(dataset, experiment.seed, where) if experiment.evaluate_every else None
        vae = fit(run, dataset, device=where, monitor=monitor, evaluate=every)
    return Model(vae, experiment, step=run.last_step, folder=folder)


def is_finished(folder: Path) -> bool:
    """Whether a folder holds a run that has reached its end; not for a folder that holds no run, or a damaged one."""
    try:
        run = open_run(folder)
        saved, _ = run.newest()
    except UnbraidError:
        return False
    return saved is not None and int(saved.state["step"]) >= run.last_step


def load(path: str | Path, device: str = "auto") -> Model:
    """A model from a run folder (its newest checkpoint) or from a folder that `Model.save` wrote.

    Raises `UsageError` where there is none and `CorruptFile` where files are damaged.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise UsageError(f"There is no folder {folder}; give a run folder, or one that Model.save wrote.")
    where = pick_device(device)
    if (folder / WEIGHTS).is_file():
        content = read_json(folder / CONFIG, "configuration")
        step = content.pop("step", 0)
        if not isinstance(step, int):
            raise CorruptFile(f"{folder / CONFIG}: step is {step!r}; it must be a whole number.")
        experiment = Experiment.from_dict(content, str(folder / CONFIG))
        with os_errors(f"read {folder / WEIGHTS}", "Check the path."):
            weights = unpack((folder / WEIGHTS).read_bytes(), folder / WEIGHTS)
    else:
        run = open_run(folder)
        saved, _ = run.newest()
        if saved is None:
            raise UsageError(f"{folder} has no checkpoint yet; train it first.")
        experiment, weights, step = run.experiment, dict(saved.weights), int(saved.state["step"])
    vae = experiment.build()
    try:
        vae.load_state_dict(weights)
    except RuntimeError as error:
        raise UnbraidError(f"The weights in {folder} do not fit its configuration: {error}") from None
    return Model(vae.placed(where), experiment, step=int(step), folder=folder)


def evaluate(
    folder: str | Path,
    *,
    metrics: Sequence[str] | None = None,
    limit: int | None = None,
    device: str = "auto",
    progress: Callable[[str], Progress] | None = None,
) -> Mapping[str, Any]:
    """Score a run's newest checkpoint and write `codes.npz` and `metrics.json` beside it; returns the latter.

    Args:
        metrics: names of metrics; all by default.
        limit: score on a fixed pseudo-random part of this many images; all by default.
    """
    folder = Path(folder)
    open_run(folder)
    model = load(folder, device)
    table, result = model.evaluate_with_codes(metrics=metrics, limit=limit, progress=progress)
    result = finite_or_none(result)
    result["metrics"] = _known(folder / METRICS, result) | result["metrics"]
    table.save(folder / CODES)
    write_json(folder / METRICS, result)
    return result


def _known(path: Path, result: Mapping[str, Any]) -> dict[str, Any]:
    """Scores of other metrics that were computed on the same images at the same step."""
    try:
        before = read_json(path, "scores")
    except UnbraidError:
        return {}
    same = all(before.get(key) == result[key] for key in ("step", "images", "of_images"))
    known: dict[str, Any] = before.get("metrics", {}) if same else {}
    return known


def finite_or_none(content: Any) -> Any:
    """The same JSON with None, JSON's null, in the place of NaN and infinities."""
    if isinstance(content, Mapping):
        return {key: finite_or_none(value) for key, value in content.items()}
    if isinstance(content, list):
        return [finite_or_none(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def report(folder: str | Path, *, device: str = "auto") -> Path:
    """Write `report.html` of a run, one file that needs nothing else; scores it first where that was not done yet."""
    from unbraid.reporting.page import write_report

    folder = Path(folder)
    run = open_run(folder)
    model = load(folder, device)
    metrics = folder / METRICS
    scored = read_json(metrics, "scores") if metrics.is_file() else {}
    if scored.get("step") != model.step or not (folder / CODES).is_file():
        scored = dict(evaluate(folder, limit=EVALUATE_IMAGES, device=device))
    return write_report(run, model, CodeTable.load(folder / CODES), scored)


def default_folder(experiment: Experiment) -> Path:
    """Where a run goes unless told otherwise."""
    return RUNS / experiment.name
