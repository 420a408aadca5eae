"""A dask scheduler that runs already, or a cluster of this machine's own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

from unbraid.cores import cores
from unbraid.errors import DataUnavailable, UnbraidError

_T = TypeVar("_T")


class DaskExecutor(Executor):
    """Calls go to the workers of a dask scheduler; those that join later are used too.

    Start workers with one thread (`dask worker ADDRESS --nthreads 1`): a process trains one run at a time.

    Args:
        scheduler: its address, like tcp://host:8786; None starts a cluster on this machine.
        workers: of that cluster; as many as there are cores unless given.
    """

    pulls = False

    def __init__(self, scheduler: str | None = None, workers: int | None = None) -> None:
        try:
            from distributed import Client, LocalCluster
        except ImportError as error:
            raise DataUnavailable(f"--engine dask needs more packages ({error.name}): pip install 'unbraid[dask]'") from None
        self._cluster = None
        try:
            if scheduler is None:
                self._cluster = LocalCluster(n_workers=workers or cores(), threads_per_worker=1, dashboard_address=None)
            self._client = Client(self._cluster or scheduler, timeout="20s", set_as_default=False)
        except (OSError, ValueError) as error:
            raise UnbraidError(f"--scheduler {scheduler} cannot be reached: {error}. Start one: dask scheduler") from None
        self._executor = self._client.get_executor(pure=False)

    @property
    def capacity(self) -> int:
        """How many calls run at once by now."""
        return len(self._client.nthreads())

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:
        """Call a function on a worker."""
        future: Future[_T] = self._executor.submit(fn, *args, **kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let go of the scheduler; end a cluster of our own."""
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()
