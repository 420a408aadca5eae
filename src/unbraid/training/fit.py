"""The training loop: resume, step, log, checkpoint, stop cleanly."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

import msgspec
import torch

from unbraid.data.dataset import Dataset
from unbraid.errors import CorruptFile, Interrupted, NonFiniteLoss, UnbraidError
from unbraid.files import read_json, write_json
from unbraid.log_entry import Entry, Unit
from unbraid.nn.vae import VAE
from unbraid.randomness import derived_seed, one_step_of_randomness
from unbraid.terms import Context, Draw
from unbraid.trackers.tracking import Tracking
from unbraid.training.board import configuration, summaries
from unbraid.training.checkpoint import Checkpoint, State, checkpoint_path, require_fit, write_checkpoint
from unbraid.training.lock import Claim
from unbraid.training.log import RunLog, read_log, tell
from unbraid.training.meter import Meter
from unbraid.training.optimizers import (
    Optimizers,
    make_optimizers,
    optimizer_tensors,
    restore_optimizers,
    set_learning_rates,
)
from unbraid.training.run import ENVIRONMENT, Run, environment
from unbraid.training.step import Outcome, train_step
from unbraid.training.symptoms import Watch
from unbraid.zoo.registry import remedies


@runtime_checkable
class Monitor(Protocol):
    """Follows the progress of training; the command line draws its bar with one."""

    def start(self, step: int, last_step: int, notes: list[str]) -> None:
        """Training begins or resumes at a step."""
        ...

    def advance(self, step: int, entry: Entry | None, images_per_second: float) -> None:
        """A step is done; `entry` is the newest line of means in the log, None until there is one.

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

    def advance(self, step: int, entry: Entry | None, images_per_second: float) -> None:
        """Say nothing."""

    def warn(self, message: str) -> None:
        """Say nothing."""

    def finish(self) -> None:
        """Say nothing."""


Evaluate = Callable[[VAE, int], Mapping[str, Any]]
LOSSES = ("kl", "nll", "nll_at_mean")
"""What an evaluation shows in nats per image, of each split; all else is scores."""
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

    def checkpoint(self, run: Run, log_size: int, log_sha256: str) -> Checkpoint:
        """Everything, to be written."""
        training = {f"optimizer/{name}": tensor for name, tensor in optimizer_tensors(self.optimizers).items()}
        training |= {f"mean/{name}": tensor for name, tensor in self.meter.sums.items()}
        state = State(
            step=self.step,
            seconds=self.seconds,
            log_size=log_size,
            log_sha256=log_sha256,
            interval=self.meter.counts,
            units=self.meter.units,
            labels=self.meter.labels,
            configuration=run.experiment.to_dict(),
        )
        return Checkpoint(self.vae.state_dict(), training, state)

    def restore(self, saved: Checkpoint, run: Run, device: torch.device) -> None:
        """Put everything back. Raises `CorruptFile` for tensors that are not those of this model."""
        groups: dict[str, dict[str, torch.Tensor]] = {"optimizer": {}, "mean": {}}
        for name, tensor in saved.training.items():
            group, _, rest = name.partition("/")
            groups.setdefault(group, {})[rest] = tensor
        try:
            require_fit(self.vae, saved.weights, checkpoint_path(run.checkpoints, saved.state.step))
            self.vae.load_state_dict(dict(saved.weights))
            restore_optimizers(self.optimizers, groups["optimizer"])
            self.meter.restore({k: v.to(device) for k, v in groups["mean"].items()}, saved.state)
        except (CorruptFile, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise CorruptFile(
                f"The checkpoint of step {saved.state.step} in {run.folder} is not one of this run ({error}). It was "
                "altered; give --overwrite to train the run anew."
            ) from error
        self.step, self.seconds = saved.state.step, saved.state.seconds

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
    """An event that Ctrl-C, SIGTERM and a closed terminal set; a second Ctrl-C interrupts at once.

    A signal that the process was told to ignore (`nohup`) stays ignored, but for Ctrl-C, which shells switch off for jobs in
    the background.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def on_signal(number: int, frame: object) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, on_signal) for number in numbers}
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
    tracking: Tracking | None = None,
) -> VAE:
    """Train a run to its end, from its newest checkpoint if it has one, and return the model.

    The end of a run that was stopped and resumed is bit for bit that of an uninterrupted one, on the same device with the
    same number of threads.

    Args:
        evaluate: called every `evaluate_every` steps with the model and the step; what it returns is logged. Its randomness
            is its own, so that a run with evaluations ends like one without.
        tracking: is told of the run and of every number in its log.

    Raises:
        NonFiniteLoss: naming step, player and term; the last good checkpoint stays.
        Interrupted: after a checkpoint, when Ctrl-C, SIGTERM or SIGHUP asked to stop.
        UnbraidError: where the folder was removed or taken over meanwhile.
    """
    monitor = monitor or Silent()
    claim = Claim.of(run.folder)
    vae = run.experiment.build().placed(device)
    state = _State(vae, make_optimizers(vae, run.experiment.recipe()))

    # go on from the newest checkpoint, with the log as it then was
    saved = run.newest()
    if saved:
        state.restore(saved, run, device)
    if tracking:
        tracking.begin(run.folder, run.experiment.flat_options())
    if state.step >= run.last_step:
        if tracking:
            tell(tracking, run.log)
        return vae.eval()
    notes = _note_environment(run, device, resuming=saved is not None)
    seen = (saved.state.log_size, saved.state.log_sha256) if saved else ()
    log = RunLog(run.log, run.events, *seen, tracking=tracking)

    log.show(0, configuration(run.experiment.flat_options(), run.folder.name))

    monitor.start(state.step, run.last_step, notes)
    try:
        with _stop_on_signals() as stop:
            _Loop(run, dataset, state, log, monitor, claim, device, evaluate).play(stop)
    finally:
        log.close()
        monitor.finish()
    return vae.eval()


def _note_environment(run: Run, device: torch.device, *, resuming: bool) -> list[str]:
    """Record when and on what a run is trained.

    Returns a note on what differs from before, since the last bits of the result may then differ too.
    """
    path = run.folder / ENVIRONMENT
    here = environment(device)
    try:
        there = read_json(path, "environment") if resuming else {}
    except UnbraidError:  # it only informs
        there = {}
    keys = [key for key in ("versions", "device", "threads") if there.get(key, here[key]) != here[key]]
    differing = "; ".join(f"{key}: {there[key]} there, {here[key]} now" for key in keys)
    began = there.get("started") or datetime.now(UTC).isoformat(timespec="seconds")
    write_json(path, {"started": began, "seconds": there.get("seconds", 0.0), **here})
    return (
        [f"The run resumes under other conditions, so the last bits of its numbers may differ ({differing})."] if keys else []
    )


class _Loop:
    """Steps of a run, and what is due between them: lines of the log, evaluations, pictures, checkpoints."""

    def __init__(
        self,
        run: Run,
        dataset: Dataset,
        state: _State,
        log: RunLog,
        monitor: Monitor,
        claim: Claim,
        device: torch.device,
        evaluate: Evaluate | None,
    ) -> None:
        self._run, self._dataset, self._state, self._device = run, dataset, state, device
        self._log, self._monitor, self._claim, self._evaluate = log, monitor, claim, evaluate
        self._experiment, self._recipe = run.experiment, run.experiment.recipe()
        self._noise = torch.Generator(device)
        half = self._experiment.precision == "bfloat16"
        self._autocast = torch.autocast(device.type, torch.bfloat16) if half else None
        self._watch = Watch(self._experiment.steps, remedies(self._experiment.model), read_log(run.log))
        self._entry: Entry | None = None
        self._first_step, self._seconds_before = state.step, state.seconds
        self._began = time.perf_counter()

    def play(self, stop: threading.Event) -> None:
        """Train to the end of the run. Raises `Interrupted` once `stop` is set, after a checkpoint."""
        self._state.vae.train()
        while not self._ended:
            self._write_numbers(self._step())
            stopping = stop.is_set()  # asked once: a signal that comes later waits for the next step
            self._advance(saved=self._write_state(stopping))
            if stopping and not self._ended:
                raise Interrupted(f"Stopped after step {self._state.step} of {self._run.last_step}, with a checkpoint.")

    @property
    def _ended(self) -> bool:
        return self._state.step >= self._run.last_step

    def _write_numbers(self, outcomes: Sequence[Outcome]) -> None:
        """Lines of the log that are due after a step: means, an evaluation."""
        if self._ended or self._due(self._experiment.log_every):
            self._write_means(outcomes)
        if self._evaluate and self._due(self._experiment.evaluate_every):
            self._write_evaluation(self._evaluate)

    def _write_state(self, stopping: bool) -> bool:
        """Pictures for TensorBoard and a checkpoint, where due; returns whether a checkpoint was written."""
        if self._ended or self._due(-(-self._run.last_step // SHOWN)):
            values = self._entry.values if self._entry else {}
            self._log.show(self._state.step, summaries(self._state.vae, self._dataset, values, self._device))
        saving = self._ended or stopping or self._due(self._experiment.checkpoint_every)
        if saving:
            self._save()
        return saving

    def _advance(self, *, saved: bool) -> None:
        """Tell the monitor of the step; if it interrupts training, there is a checkpoint of this step."""
        try:
            self._monitor.advance(self._state.step, self._entry, self._speed)
        except Interrupted:
            if not saved:
                self._save()
            raise

    def _due(self, every: int) -> bool:
        """Whether what happens every so many steps happens now; never for 0."""
        return every > 0 and self._state.step % every == 0

    @property
    def _speed(self) -> float:
        """Images per second since training began or resumed."""
        images = (self._state.step - self._first_step) * self._experiment.batch_size
        return images / max(self._state.seconds - self._seconds_before, 1e-9)

    def _step(self) -> list[Outcome]:
        """One step.

        Its images and noise are functions of seed and step, so there is no generator whose state could be lost.
        """
        experiment, state, objective = self._experiment, self._state, self._recipe.objective
        indices = objective.draws.indices(self._dataset, experiment.batch_size, experiment.seed, state.step)
        draw = Draw(tuple(load_images(self._dataset, index, self._device) for index in indices), indices)
        self._noise.manual_seed(derived_seed(experiment.seed, "noise", state.step))
        context = Context(state.step, experiment.steps, experiment.n_train, self._noise)
        set_learning_rates(state.optimizers, self._recipe, context)
        with one_step_of_randomness(experiment.seed, state.step, self._device):
            outcomes = train_step(state.vae, objective, state.optimizers, draw, context, self._autocast)
        state.meter.add(outcomes, state.step)
        state.step += 1
        state.seconds = self._seconds_before + time.perf_counter() - self._began
        return outcomes

    def _write_means(self, outcomes: Sequence[Outcome]) -> None:
        """A line of means over the steps since the last one, with this step's schedules and symptoms."""
        state, meter = self._state, self._state.meter
        meter.check_finite()
        self._entry = Entry(
            kind="train",
            step=state.step,
            values=meter.read(),
            time=_now(),
            units=meter.units,
            labels=meter.labels,
            schedule=schedule(outcomes, state.optimizers),
            images_per_second=round(self._speed, 1),
        )
        meter.reset()
        self._log.write(self._entry)
        for symptom in self._watch.look(self._entry):
            warning = Entry(kind="warning", step=state.step, values={}, time=_now(), units={})
            self._log.write(msgspec.structs.replace(warning, name=symptom.name, text=symptom.text))
            self._monitor.warn(f"At step {state.step:,}: {symptom.text}")

    def _write_evaluation(self, evaluate: Evaluate) -> None:
        self._state.require_finite()
        values = dict(evaluate(self._state.vae, self._state.step))
        units: dict[str, Unit] = {name: "number" for name in values if name.rpartition("/")[2] not in LOSSES}
        self._log.write(Entry(kind="evaluation", step=self._state.step, values=values, time=_now(), units=units))

    def _save(self) -> None:
        """A checkpoint, if all is finite and the folder is still that of this run."""
        self._state.require_finite()
        self._claim.require()
        saved = self._state.checkpoint(self._run, *self._log.sync())
        write_checkpoint(self._run.checkpoints, saved, self._experiment.keep_checkpoints, self._claim.require)
        with suppress(UnbraidError):  # it only informs
            path = self._run.folder / ENVIRONMENT
            write_json(path, {**read_json(path, "environment"), "seconds": round(self._state.seconds, 1)})


def _now() -> float:
    """Seconds since 1970, as the log has them."""
    return round(time.time(), 3)


def schedule(outcomes: Iterable[Outcome], optimizers: Optimizers) -> dict[str, float]:
    """The scheduled quantities of a step.

    They are the weight of each term in the loss and the learning rate of each player.
    """
    rates = {f"lr/{player}": float(optimizer.param_groups[0]["lr"]) for player, optimizer in optimizers.items()}
    weights = {f"weight/{name}": weight for outcome in outcomes for name, weight in outcome.weights.items()}
    return weights | ({"lr": next(iter(rates.values()))} if len(set(rates.values())) == 1 else rates)
