"""Slurm: job arrays through submitit.

Jobs take run after run and are requeued at their time limit.
"""

from __future__ import annotations

import getpass
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from unbraid.errors import DataUnavailable, UnbraidError
from unbraid.sweep.engines.local import WorkerDied

_T = TypeVar("_T")
POLL = 5.0
"""Seconds between looks at the queue."""
MOST_TIMEOUTS = 10_000
"""How often a job is requeued at its time limit: a sweep may take longer than any."""
SIGNAL_SECONDS = 90
"""Seconds before its time limit at which Slurm tells a job to write checkpoints."""


class Job:
    """What a job runs. Slurm's signals set a flag, which training looks at after every step.

    submitit's own handler would leave in the middle of a step; it is called once the checkpoint is written, and requeues the
    job.

    Args:
        fn: takes `args`, and by name `stopped`, which tells whether to stop.
        args: plain data.
    """

    def __init__(self, fn: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._fn, self._args = fn, args

    def __call__(self) -> Any:
        """Work until there is nothing left, or until Slurm wants the node back."""
        told: list[int] = []

        def on_signal(number: int, frame: FrameType | None) -> None:
            told.append(number)

        requeue = signal.signal(signal.SIGUSR2, on_signal)
        signal.signal(signal.SIGTERM, on_signal)
        found = self._fn(*self._args, stopped=lambda: bool(told))
        if signal.SIGUSR2 in told and callable(requeue):
            requeue(signal.SIGUSR2, None)
        if told:
            raise SystemExit(128 + told[0])  # a job that was cancelled did not complete
        return found

    def checkpoint(self) -> Any:
        """As submitit wants it: what to run after the requeue."""
        import submitit

        return submitit.helpers.DelayedSubmission(self)


class SlurmExecutor(Executor):
    """Calls become jobs of an array. Their futures are done when the jobs have left the queue.

    Args:
        folder: where submitit keeps its files; all nodes must see it.
        jobs: at most so many at once.
        partition, minutes, memory: of a job; Slurm's defaults where None. Memory in GB.
        options: further options of sbatch, by their long names.
    """

    pulls = True

    def __init__(
        self,
        folder: Path,
        jobs: int,
        *,
        partition: str | None = None,
        minutes: int = 240,
        memory: float | None = None,
        options: dict[str, Any] | None = None,
    ) -> None:
        try:
            import submitit
        except ImportError as error:
            raise DataUnavailable(f"--engine slurm needs more packages ({error.name}): pip install 'unbraid[slurm]'") from None
        if submitit.SlurmExecutor.affinity() < 0:
            raise UnbraidError("--engine slurm: there is no Slurm here (srun is not found). Give the command on a login node.")
        self._jobs = jobs
        python = shlex.quote(sys.executable)
        self._submitit = submitit.SlurmExecutor(folder=folder, max_num_timeout=MOST_TIMEOUTS, python=python)
        self._submitit.update_parameters(
            job_name="unbraid-sweep",
            time=minutes,
            array_parallelism=jobs,
            signal_delay_s=min(SIGNAL_SECONDS, 20 * minutes),
            additional_parameters={
                "requeue": True,
                **({"partition": partition} if partition else {}),
                **({"mem": f"{round(memory * 1024)}M"} if memory else {}),
                **(options or {}),
            },
        )
        self._waiting: list[tuple[Callable[..., Any], tuple[Any, ...], Future[Any]]] = []
        self._flying: dict[str, tuple[Any, Future[Any]]] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="slurm", daemon=True)
        self._watcher.start()

    @property
    def capacity(self) -> int:
        """How many jobs there are at once."""
        return self._jobs

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:
        """Queue a call; those queued together become one array."""
        assert not kwargs, "jobs take plain arguments"
        future: Future[_T] = Future()
        with self._lock:
            self._waiting.append((fn, args, future))
        return future

    def flush(self) -> list[str]:
        """Submit what is queued as one array.

        The numbers of all jobs that this executor submitted and that have not ended.
        """
        with self._lock:
            waiting, self._waiting = self._waiting, []
            if waiting:
                with self._submitit.batch():
                    jobs = [self._submitit.submit(Job(fn, args)) for fn, args, _ in waiting]
                for job, (_, _, future) in zip(jobs, waiting, strict=True):
                    future.set_running_or_notify_cancel()
                    self._flying[job.job_id] = (job, future)
            return list(self._flying)

    def _watch(self) -> None:
        import cloudpickle  # submitit's own, as it writes results

        while not self._over.wait(POLL):
            try:
                self.flush()
                queued = jobs_in_queue()
            except (OSError, UnbraidError, subprocess.SubprocessError):  # the controller restarts, perhaps: ask again
                continue
            for name in [name for name in self._flying if name not in queued]:
                job, future = self._flying.pop(name)
                with suppress(OSError, ValueError):
                    kind, content = cloudpickle.loads(job.paths.result_pickle.read_bytes())
                    if kind == "success":
                        future.set_result(content)
                        continue
                future.set_exception(WorkerDied(f"Slurm job {name} left the queue without a result; see {job.paths.stderr}"))

    def cancel(self) -> None:
        """Take jobs that have not begun out of the queue; those that run are left to stop by themselves."""
        names = list(self._flying)
        if names:
            subprocess.run(["scancel", "--state=PENDING", *names], check=False, capture_output=True)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Stop watching. Jobs go on."""
        self._over.set()
        self._watcher.join()


def jobs_in_queue() -> set[str]:
    """Numbers of this user's jobs that Slurm still knows as pending or running, as in "12_3".

    `squeue` alone is asked: `sacct` needs an accounting database, which not every cluster has.
    """
    command = ["squeue", "--noheader", "--array", f"--user={getpass.getuser()}", "--format=%i"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if answer.returncode:
        raise UnbraidError(f"squeue failed: {answer.stderr.strip()}")
    return set(answer.stdout.split())
