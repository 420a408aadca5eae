"""Processes of this machine with one thread each, used again for run after run."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, Literal, TypeVar

from unbraid.cores import cores
from unbraid.errors import UnbraidError, UsageError
from unbraid.sweep.owners import Owner, new_owner
from unbraid.tune_process import tune_process

_T = TypeVar("_T")
ORPHANED = 1.0
"""Seconds between a worker's looks at whether its parent still runs."""


class WorkerDied(UnbraidError):
    """A worker's process ended without a word: it was killed, or it ran out of memory."""


class LocalExecutor(Executor):
    """One process per worker, each in a pool of its own.

    The death of one leaves the others alone, and it is started anew.

    Processes with one thread each do more than one with several: nothing waits for anything.

    Args:
        workers: how many; one for each core unless given.
        method: how processes are started.
    """

    pulls = False

    def __init__(self, workers: int | None = None, *, method: Literal["spawn", "forkserver"] = "spawn") -> None:
        count = cores() if workers is None else workers
        if count < 1:
            raise UsageError(f"--workers {count}; allowed: at least 1.")
        self._workers = count
        self._context = get_context(method)
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="worker")
        self._own = threading.local()
        self._pools: list[ProcessPoolExecutor] = []

    @property
    def capacity(self) -> int:
        """How many calls run at once."""
        return self._workers

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:
        """Call a function in a process. The future raises `WorkerDied` where the process died."""
        return self._threads.submit(self._call, fn, args, kwargs)

    def _call(self, fn: Callable[..., _T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> _T:
        pool: ProcessPoolExecutor | None = getattr(self._own, "pool", None)
        if pool is None:
            pool = self._own.pool = ProcessPoolExecutor(1, self._context, initializer=begin, initargs=(new_owner(),))
            self._pools.append(pool)
        try:
            return pool.submit(fn, *args, **kwargs).result()
        except BrokenProcessPool:
            self._own.pool = None
            self._pools.remove(pool)
            pool.shutdown(wait=False)
            raise WorkerDied("The worker's process was killed, or ran out of memory.") from None

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes after what they are doing."""
        self._threads.shutdown(wait=wait, cancel_futures=cancel_futures)
        for pool in list(self._pools):
            pool.shutdown(wait=wait, cancel_futures=cancel_futures)


_parents: list[Owner] = []
"""Of this process, if it is a worker's."""


def begin(parent: Owner) -> None:
    """In a new process, before the first run, on behalf of the process that wants its work."""
    os.environ["OMP_NUM_THREADS"] = "1"  # for what is not imported yet
    tune_process()
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C in the terminal is for the parent, who tells the others
    import torch

    torch.set_num_threads(1)
    _parents.append(parent)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()


def _end_with_parent() -> None:
    """End this process once its parent is gone and its run has written a checkpoint."""
    while not orphaned():
        time.sleep(ORPHANED)
    from unbraid.sweep.worker import one_at_a_time

    with one_at_a_time:
        os._exit(0)


def orphaned() -> bool:
    """Whether the process that started this worker is no more."""
    if not _parents:
        return False
    return _parents[0].surely_dead if _parents[0].boot else os.getppid() != _parents[0].pid
