"""Several runs at once: as many processes as cores, one thread each, used again for run after run."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from unbraid.cores import cores
from unbraid.errors import Interrupted, UsageError
from unbraid.log_entry import Entry
from unbraid.training.fit import Silent
from unbraid.tune_process import tune_process


@dataclass(frozen=True)
class Trained:
    """What became of a run: its folder, and in words why it did not reach its end, if so."""

    folder: Path | None
    error: str = ""


def train_many(
    runs: Sequence[Mapping[str, Any]],
    *,
    workers: int | None = None,
    done: Callable[[int, Trained], None] | None = None,
) -> list[Trained]:
    """Train runs side by side, each by `unbraid.train(**run)` in a process with one thread.

    Returns what became of each, in order.

    Several processes with one thread each do more than one with several: nothing waits for anything. A run that fails does
    not stop the others. The same call again goes on where runs were stopped, and passes over those that are finished. Results
    are those of `unbraid.train` with one thread, bit for bit.

    Call it where the main module may be imported by the processes: in a script under `if __name__ == "__main__":`.

    Args:
        runs: arguments of `unbraid.train`, by name: `{"model": "beta_vae", "data": "ellipses", "seed": 3, "beta": 4}`.
        workers: processes; as many as there are cores unless given.
        done: called with the position of a run and what became of it, as soon as it is known.

    Raises:
        UsageError: before work starts, for what `unbraid.train` would refuse, two runs with one folder, or no worker.
        Interrupted: after Ctrl-C, when all runs have written a checkpoint.
    """
    workers = cores() if workers is None else workers
    if workers < 1:
        raise UsageError(f"workers={workers}; allowed: at least 1.")
    _check(runs)
    became: list[Trained] = [Trained(None, "not started")] * len(runs)
    if not runs:
        return became
    context = get_context("spawn")
    stop = context.Event()
    pool = ProcessPoolExecutor(min(workers, len(runs)), context, initializer=_begin, initargs=(stop, os.getpid()))
    try:
        futures: dict[Future[Trained], int] = {pool.submit(_train, dict(run)): i for i, run in enumerate(runs)}
        for future in as_completed(futures):
            i = futures[future]
            became[i] = future.result()
            if done:
                done(i, became[i])
    except KeyboardInterrupt:
        raise Interrupted("Stopped, with a checkpoint of every run that had begun; the same call goes on.") from None
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
    return became


def _check(runs: Sequence[Mapping[str, Any]]) -> None:
    from unbraid.api import check_run

    folders: dict[Path, int] = {}
    for i, run in enumerate(runs, 1):
        try:
            folder = check_run(**run).resolve()
        except UsageError as error:
            raise UsageError(f"Run {i} of {len(runs)}: {error}") from error
        if folder in folders:
            raise UsageError(f"Runs {folders[folder]} and {i} have the same folder {folder}; give each one of its own.")
        folders[folder] = i


class _Parent:
    """Who tells the worker to stop: by the event, or by being no more."""

    def __init__(self, stop: Event, process: int) -> None:
        self._stop, self._process = stop, process

    @property
    def wants_no_more(self) -> bool:
        return self._stop.is_set() or os.getppid() != self._process


class _Obedient(Silent):
    """Stops training as Ctrl-C does, with a checkpoint, when the parent wants no more."""

    def __init__(self, parent: _Parent) -> None:
        self._parent, self._stopping = parent, False

    def advance(self, step: int, entry: Entry | None, images_per_second: float) -> None:
        """Look after every step."""
        if not self._stopping and self._parent.wants_no_more:
            self._stopping = True
            signal.raise_signal(signal.SIGINT)


_parents: list[_Parent] = []
"""Of this process, if it is a worker."""


def _begin(stop: Event, parent: int) -> None:
    """In a new process, before the first run."""
    os.environ["OMP_NUM_THREADS"] = "1"  # for what is not imported yet
    tune_process()
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C in the terminal is for the parent, who tells the others
    import torch

    torch.set_num_threads(1)
    _parents.append(_Parent(stop, parent))


def _train(run: dict[str, Any]) -> Trained:
    """In a worker: errors become words, since not every exception can be sent to another process."""
    from unbraid.api import train

    parent = _parents[0]
    if parent.wants_no_more:  # what waits in the queue cannot be called back
        return Trained(None, "not started")
    try:
        return Trained(train(**run, monitor=_Obedient(parent)).folder)
    except (Exception, KeyboardInterrupt) as error:
        return Trained(None, f"{type(error).__name__}: {error}")
