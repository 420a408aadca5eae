"""What workers ask of the rest of the library: train a run, score it, say what came of it."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from unbraid.data.registry import datasets
from unbraid.errors import UnbraidError, UsageError
from unbraid.files import read_json
from unbraid.progress import Stages
from unbraid.sweep.code import Code, code_here
from unbraid.sweep.former import request_today
from unbraid.sweep.points import Point, Request, Scoring, key_of
from unbraid.sweep.records import Result
from unbraid.sweep.resolving import require_same, resolve
from unbraid.training.fit import Monitor


class NotHere(UnbraidError):
    """What the command could plan, this machine cannot do: data, a module or a former version is missing.

    No fault of the run.
    """


def train_and_score(
    point: Point,
    folder: Path,
    scoring: Scoring,
    *,
    device: str,
    monitor: Monitor,
    progress: Stages,
    track: str | None = None,
) -> Result:
    """Train a run, from where an earlier worker left it, score it, and say what came of it.

    Raises `NotHere` for what this machine cannot do, a tracker that is not installed or does not start among it.
    """
    from unbraid import api
    from unbraid.config.plan import plan
    from unbraid.evaluation.stored import numbers_of
    from unbraid.scoring import score
    from unbraid.trackers.tracking import NotStarted, Tracking

    group = point.group
    request = request_today(Request(group.model, group.data, {**group.options, "seed": point.seed}))
    try:
        require_same(group.configuration, resolve(request), point.label, "when the sweep was planned")
    except UnbraidError as error:
        raise NotHere(f"{point.label} cannot be trained on {socket.gethostname()}: {error}") from error
    try:
        tracking = Tracking(track, run_name=point.label) if track else None
    except UnbraidError as error:
        raise NotHere(f"On {socket.gethostname()}: {error}") from error
    experiment, dataset = plan(request.model, request.data, request.options)
    with tracking or nullcontext():
        try:
            api.train_planned(experiment, dataset, out=folder, device=device, monitor=monitor, tracking=tracking)
        except NotStarted as error:
            raise NotHere(f"On {socket.gethostname()}: {error}") from error
        began = time.perf_counter()
        path = _path_option(request.data, request.options)
        place = f"{request.data}:{path}" if path else None
        view = api.view_of(folder, data=place, device=device)
        metrics = scoring.metrics if view.dataset.space is not None else None  # what has none has losses alone
        score(view, metrics, limit=scoring.images, progress=progress)
        seconds = time.perf_counter() - began  # without those of the tracker
        if tracking:
            tracking.send("score", view.scores.step, numbers_of(view.scores))
    made = result_of_run(folder, evaluate_seconds=seconds, given=group.request.given)
    return msgspec.structs.replace(made, key=point.key, configuration=group.configuration)


def result_of_run(folder: Path, *, evaluate_seconds: float = 0.0, given: Mapping[str, Any] | None = None) -> Result:
    """What came of a scored run, whoever trained it.

    Raises `UsageError` for a run that is not scored at its newest checkpoint.
    """
    from unbraid.evaluation.stored import read_scores
    from unbraid.records import to_json
    from unbraid.training.checkpoint import STATE, list_checkpoints
    from unbraid.training.log import read_log
    from unbraid.training.run import CHECKPOINTS, ENVIRONMENT, LOG, METRICS, open_run

    run = open_run(folder)
    checkpoints = list_checkpoints(folder / CHECKPOINTS)
    scored: dict[str, Any] = to_json(read_scores(folder / METRICS)) if (folder / METRICS).is_file() else {}
    state = read_json(checkpoints[-1] / STATE, "checkpoint state") if checkpoints else {}
    if not scored or scored["step"] != state.get("step"):
        raise UsageError(f"{folder} is not scored at its newest checkpoint; score it: unbraid evaluate {folder}")
    configuration = run.experiment.identity()
    seed = int(configuration.pop("seed"))
    made = read_json(folder / ENVIRONMENT, "environment")
    warnings = [entry.text for entry in read_log(folder / LOG) if entry.kind == "warning"]
    code = code_here()
    if made["versions"].get("unbraid") != code.version:
        code = Code(str(made["versions"].get("unbraid")), None, "")
    return Result(
        key=key_of(configuration, seed),
        configuration=configuration,
        seed=seed,
        code=code,
        versions=made["versions"],
        python=made["python"],
        platform=made["platform"],
        device=made["device"],
        threads=made["threads"],
        steps=int(scored["step"]),
        images=int(scored["step"]) * int(configuration["batch_size"]),
        train_seconds=round(float(state["seconds"]), 3),
        evaluate_seconds=round(evaluate_seconds, 3),
        scored_images=int(scored["images"]),
        of_images=int(scored["of_images"]),
        losses=dict(scored["splits"]),
        metrics=dict(scored["metrics"]),
        active=list(scored["active"]),
        kl_per_dim=list(scored["kl_per_dim"]),
        kl_parts=scored.get("kl_parts"),
        without_labels=dict(scored.get("without_labels", {})),
        warnings=list(dict.fromkeys(warnings)),
        disk=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        given=dict(given or {}),
    )


def newest_step(folder: Path) -> int:
    """The step of the newest checkpoint, by its name alone; 0 where there is none."""
    from unbraid.training.run import CHECKPOINTS

    steps = [path.name.removeprefix("step_") for path in (folder / CHECKPOINTS).glob("step_*")]
    return max((int(step) for step in steps if step.isdecimal()), default=0)


def _paths(data: str) -> tuple[str, ...]:
    return tuple(datasets[data].details.get("paths", ()))


def _path_option(data: str, options: Mapping[str, Any]) -> str | None:
    paths = _paths(data)
    return str(options[paths[0]]) if paths and options.get(paths[0]) else None
