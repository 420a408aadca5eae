"""The training loop: resume, step, log, checkpoint, stop cleanly."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch

from unbraid.data.dataset import Dataset
from unbraid.errors import CorruptFile, Interrupted, NonFiniteLoss, UnbraidError
from unbraid.files import read_json, write_json
from unbraid.nn.vae import VAE
from unbraid.randomness import derived_seed, one_step_of_randomness
from unbraid.terms import Context, Draw
from unbraid.training.board import summaries
from unbraid.training.checkpoint import Checkpoint, checkpoint_path, require_fit, write_checkpoint
from unbraid.training.log import RunLog, read_log
from unbraid.training.meter import Meter
from unbraid.training.optimizers import (
    Optimizers,
    make_optimizers,
    optimizer_tensors,
    restore_optimizers,
    set_learning_rates,
)
from unbraid.training.run import ENVIRONMENT, Run, environment
from unbraid.training.step import train_step
from unbraid.training.symptoms import Watch
from unbraid.zoo.recipe import Recipe
from unbraid.zoo.registry import remedies


@runtime_checkable
class Monitor(Protocol):
    """Who is told how training goes; the command line draws a bar from it."""

    def start(self, step: int, last_step: int, notes: list[str]) -> None:
        """Training begins, or goes on, at a step."""
        ...

    def advance(self, step: int, values: Mapping[str, Any] | None, images_per_second: float) -> None:
        """A step is done; `values` are the newest logged means, None until there are any.

        It may raise `Interrupted` to stop training, which then writes a checkpoint first.
        """
        ...

    def warn(self, message: str) -> None:
        """Something goes wrong (`unbraid.training.symptoms`)."""
        ...

    def finish(self) -> None:
        """The loop is left."""
        ...


class Silent:
    """A monitor that says nothing."""

    def start(self, step: int, last_step: int, notes: list[str]) -> None:
        """Say nothing."""

    def advance(self, step: int, values: Mapping[str, Any] | None, images_per_second: float) -> None:
        """Say nothing."""

    def warn(self, message: str) -> None:
        """Say nothing."""

    def finish(self) -> None:
        """Say nothing."""


Evaluate = Callable[[VAE, int], Mapping[str, Any]]
SHOWN = 5
"""How often TensorBoard is shown images and histograms in a run: a tenth of a second each time."""


def load_images(dataset: Dataset, index: Any, device: torch.device) -> torch.Tensor:
    """Images of a data set as float32 on a device, in the layout that convolutions are fastest with."""
    images = torch.from_numpy(dataset.images.floats(index)).contiguous(memory_format=torch.channels_last)
    if device.type == "cuda":  # copies from pinned memory do not hold up the step before
        images = images.pin_memory()
    return images.to(device, non_blocking=True)


@dataclass
class _State:
    """Everything that changes while a run trains."""

    vae: VAE
    optimizers: Optimizers
    meter: Meter = field(default_factory=Meter)
    step: int = 0
    seconds: float = 0.0

    def checkpoint(self, log_size: int) -> Checkpoint:
        training = {f"optimizer/{name}": tensor for name, tensor in optimizer_tensors(self.optimizers).items()}
        training |= {f"mean/{name}": tensor for name, tensor in self.meter.sums.items()}
        state = {"step": self.step, "seconds": self.seconds, "log_size": log_size, "interval": self.meter.counts}
        return Checkpoint(self.vae.state_dict(), training, state)

    def restore(self, saved: Checkpoint, run: Run, device: torch.device) -> int:
        """Put everything back; the size that the log then had."""
        groups: dict[str, dict[str, torch.Tensor]] = {"optimizer": {}, "mean": {}}
        for name, tensor in saved.training.items():
            group, _, rest = name.partition("/")
            groups.setdefault(group, {})[rest] = tensor
        try:
            require_fit(self.vae, saved.weights, checkpoint_path(run.checkpoints, saved.state["step"]))
            self.vae.load_state_dict(dict(saved.weights))
            restore_optimizers(self.optimizers, groups["optimizer"])
            self.meter.restore({k: v.to(device) for k, v in groups["mean"].items()}, saved.state["interval"])
            self.step, self.seconds = int(saved.state["step"]), float(saved.state["seconds"])
            if not (0 <= self.seconds < float("inf") and 0 <= saved.state["log_size"] < 2**63):
                raise ValueError(f"seconds and log_size are {self.seconds} and {saved.state['log_size']}")
            return int(saved.state["log_size"])
        except (CorruptFile, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise CorruptFile(
                f"The checkpoint of step {saved.state['step']} in {run.folder} is not one of this run ({error}). It was "
                "altered; give --overwrite to train the run anew."
            ) from error

    def require_finite(self) -> None:
        """Raise `NonFiniteLoss` if a loss or a weight is not finite."""
        self.meter.check_finite()
        for player in self.vae.players:
            for parameter in self.vae.parameters_of(player):
                if not torch.isfinite(parameter).all():
                    raise NonFiniteLoss(
                        f"Weights of player {player} are not finite after step {self.step}; try a smaller --lr."
                    )


@contextmanager
def _stop_on_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set; a second Ctrl-C interrupts at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def on_signal(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def fit(
    run: Run,
    dataset: Dataset,
    *,
    device: torch.device,
    monitor: Monitor | None = None,
    evaluate: Evaluate | None = None,
) -> VAE:
    """Train a run to its end, from its newest checkpoint if it has one, and return the model.

    The end of a run that was stopped and resumed is bit for bit that of an uninterrupted one, on the same device with the
    same number of threads.

    Args:
        evaluate: called every `evaluate_every` steps with the model and the step; what it returns is logged. Its randomness
            is its own, so that a run with evaluations ends like one without.

    Raises:
        NonFiniteLoss: naming step, player and term; the last good checkpoint stays.
        Interrupted: after a checkpoint, when Ctrl-C or SIGTERM asked to stop.
    """
    experiment, monitor = run.experiment, monitor or Silent()
    recipe = experiment.recipe()
    vae = experiment.build().placed(device)
    state = _State(vae, make_optimizers(vae, recipe))
    saved, notes = run.newest()
    notes = [f"A damaged checkpoint was passed over. {note}" for note in notes]
    log_size = state.restore(saved, run, device) if saved else 0
    if state.step >= run.last_step:
        return vae.eval()
    here = environment(device)
    if saved:
        notes += _changes(run.folder / ENVIRONMENT, here)
    write_json(run.folder / ENVIRONMENT, here)
    log = RunLog(run.log, run.events, log_size)
    monitor.start(state.step, run.last_step, notes)
    try:
        with _stop_on_signals() as stop:
            _loop(run, dataset, state, recipe, log, monitor, evaluate, stop, device)
    finally:
        log.close()
        monitor.finish()
    return vae.eval()


def _changes(path: Path, here: Mapping[str, Any]) -> list[str]:
    """What differs between the machine that wrote the checkpoint and this one, and makes the end differ in its last bits."""
    try:
        there = read_json(path, "environment")
    except UnbraidError:  # it only informs
        return []
    keys = [key for key in ("versions", "device", "threads") if there.get(key, here[key]) != here[key]]
    differing = "; ".join(f"{key}: {there[key]} there, {here[key]} now" for key in keys)
    return [f"The run goes on under other conditions, so its last bits may differ ({differing})."] if keys else []


def _loop(
    run: Run,
    dataset: Dataset,
    state: _State,
    recipe: Recipe,
    log: RunLog,
    monitor: Monitor,
    evaluate: Evaluate | None,
    stop: threading.Event,
    device: torch.device,
) -> None:
    experiment, vae, objective = run.experiment, state.vae, recipe.objective
    noise = torch.Generator(device)
    half = experiment.precision == "bfloat16"
    around = torch.autocast(device.type, torch.bfloat16) if half else None
    vae.train()
    began, first_step, seconds_before = time.perf_counter(), state.step, state.seconds
    values: Mapping[str, Any] | None = None
    watch = Watch(experiment.steps, remedies(experiment.model), read_log(run.log))

    def save() -> None:
        state.require_finite()
        write_checkpoint(run.checkpoints, state.checkpoint(log.sync()), experiment.keep_checkpoints)

    while state.step < run.last_step:
        indices = objective.draws.indices(dataset, experiment.batch_size, experiment.seed, state.step)
        draw = Draw(tuple(load_images(dataset, index, device) for index in indices), indices)
        # noise is a function of seed and step, as the images are: there is no generator whose state could be lost
        noise.manual_seed(derived_seed(experiment.seed, "noise", state.step))
        context = Context(state.step, experiment.steps, experiment.n_train, noise)
        set_learning_rates(state.optimizers, recipe, context)
        with one_step_of_randomness(experiment.seed, state.step, device):
            outcomes = train_step(vae, objective, state.optimizers, draw, context, around)
        state.meter.add(outcomes, state.step)
        state.step += 1
        elapsed = time.perf_counter() - began
        state.seconds = seconds_before + elapsed
        speed = (state.step - first_step) * experiment.batch_size / max(elapsed, 1e-9)
        last = state.step == run.last_step
        if state.step % experiment.log_every == 0 or last:
            state.meter.check_finite()
            values = state.meter.read()
            state.meter.reset()
            entry = {"kind": "train", "step": state.step, "values": values, "images_per_second": round(speed, 1)}
            log.write(entry)
            for symptom in watch.look(entry):
                log.write({"kind": "warning", "step": state.step, "name": symptom.name, "text": symptom.text, "values": {}})
                monitor.warn(f"At step {state.step:,}: {symptom.text}")
        if evaluate and experiment.evaluate_every and (state.step % experiment.evaluate_every == 0):
            state.require_finite()
            log.write({"kind": "evaluation", "step": state.step, "values": evaluate(vae, state.step)})
        stopping = stop.is_set()  # asked once: a signal that comes later waits for the next step
        if state.step % -(-run.last_step // SHOWN) == 0 or last:
            log.show(state.step, summaries(vae, dataset, values or {}, device))
        if saving := state.step % experiment.checkpoint_every == 0 or last or stopping:
            save()
        try:
            monitor.advance(state.step, values, speed)
        except Interrupted:
            if not saving:
                save()
            raise
        if stopping and not last:
            raise Interrupted(f"Stopped after step {state.step} of {run.last_step}, with a checkpoint.")
