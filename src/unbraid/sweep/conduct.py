"""The command's side of a sweep.

Hands free points to an engine until every point is finished or has failed.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, Protocol, runtime_checkable

import msgspec

from unbraid.errors import Interrupted, UnbraidError
from unbraid.sweep.claims import EVERY, LEASE, Claims, shard
from unbraid.sweep.engines.calls import call
from unbraid.sweep.planning import require_known_code, require_same_code
from unbraid.sweep.points import Plan
from unbraid.sweep.store import Store
from unbraid.sweep.tasks import ATTEMPTS, MOST_DEATHS, Outcome, Task

POLL = 0.5
"""Seconds between looks at the folder, or more where looking takes long."""
MOST_DEATHS_IN_A_ROW = 1_000
"""Workers that die in a row without one that ends otherwise, before the command gives up."""


@runtime_checkable
class Engine(Protocol):
    """A `concurrent.futures.Executor` that knows how much it can do at once."""

    pulls: bool
    """Whether one call takes points until there are none, instead of the points it is given."""

    @property
    def capacity(self) -> int:
        """How many calls run at once by now."""
        ...

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As executors do."""
        ...

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As executors do."""
        ...


@runtime_checkable
class Told(Protocol):
    """Who is told how a sweep goes."""

    def outcome(self, outcome: Outcome) -> None:
        """Something became of a point."""
        ...

    def look(self) -> None:
        """A moment passed."""
        ...


class Left(Interrupted):
    """Stopped a second time, before all workers had stopped; they do so by themselves."""


class Ended(msgspec.Struct, frozen=True):
    """How a command ended: points of the sweep by what became of them."""

    finished: int
    failed: list[str]
    waiting: int


def conduct(
    store: Store,
    plan: Plan,
    engine: Engine,
    *,
    told: Told | None = None,
    retry_failed: bool = False,
    allow_version_change: bool = False,
    every: float = EVERY,
    lease: float = LEASE,
    most_deaths: int = MOST_DEATHS,
    track: str | None = None,
) -> Ended:
    """Run a plan to its end. Others may do the same in the same folder at the same time.

    The work is shared.

    Args:
        store: the folder.
        plan: what to run; it is written there.
        engine: who runs it.
        told: who is told.
        retry_failed: try runs again that failed before.
        allow_version_change: whether workers may have other code than that of the plan.
        every, lease: of claims, in seconds.
        most_deaths: a run is given up after this many deaths of its workers in a row.
        track: an experiment tracker that workers tell every number, as of `unbraid.train`.

    Raises `UnbraidError` where no work can be done, and `Interrupted` after Ctrl-C, when all runs have written a checkpoint.
    """
    _pin(store, plan, allow=allow_version_change)
    points = {point.key: point for point in plan.points()}
    before = store.attempts(points) if retry_failed else {}
    session = secrets.token_hex(8)
    task = Task(
        str(store.folder.absolute()),
        plan.name,
        session,
        attempts={key: n + ATTEMPTS for key, n in before.items()},
        allow_version_change=allow_version_change,
        every=every,
        lease=lease,
        most_deaths=most_deaths,
        track=track,
    )
    loop = _Loop(store, task, list(points), engine, told)
    try:
        return loop.run()
    except KeyboardInterrupt:
        _stop(store, session, loop, told)
        raise Interrupted("Stopped, with a checkpoint of every run that had begun; the same command goes on.") from None
    except BaseException:
        _stop(store, session, loop, None)
        raise
    finally:
        if not loop.left:
            store.end_session(session)


def _stop(store: Store, session: str, loop: _Loop, told: Told | None) -> None:
    """Tell all workers to stop, and wait for them; raises `Left` after a second Ctrl-C."""
    try:
        store.ask_to_stop(session)
        say: Callable[[], None] = getattr(told, "stopping", lambda: None)
        say()
        loop.drain()
    except KeyboardInterrupt:
        loop.left = True
        raise Left("Left at once. Workers write their checkpoints and stop by themselves; the same command goes on.") from None


def _pin(store: Store, plan: Plan, *, allow: bool) -> None:
    """Keep the plan and the code its runs are made by; raises `CodeMismatch` for mixed versions."""
    require_same_code(plan.code, allow=allow)
    require_known_code(store.plans(damaged=[]), allow=allow)
    store.write_plan(plan)


def submit(
    store: Store, plan: Plan, engine: Engine, *, allow_version_change: bool = False, track: str | None = None
) -> list[str]:
    """Hand a plan to an engine that goes on without this process; the names of its jobs.

    Raises `UnbraidError` where the engine cannot take it.
    """
    _pin(store, plan, allow=allow_version_change)
    points = {point.key for point in plan.points()}
    left = points - store.finished(points)
    where, session = str(store.folder.absolute()), secrets.token_hex(8)
    task = Task(where, plan.name, session, allow_version_change=allow_version_change, track=track)
    for _ in range(min(engine.capacity, len(left))):
        engine.submit(call, msgspec.to_builtins(task))
    flush: Callable[[], list[str]] = getattr(engine, "flush", list)
    return flush()


class _Loop:
    def __init__(self, store: Store, task: Task, keys: list[str], engine: Engine, told: Told | None) -> None:
        self._store, self._task, self._keys, self._engine, self._told = store, task, keys, engine, told
        self._claims = Claims(store.files, every=task.every, lease=task.lease)
        self._flying: dict[Future[list[Outcome]], str] = {}
        self._left = set(keys)
        self._failed: set[str] = set()
        self._deaths = 0
        self.left = False
        self._first = random.randrange(len(keys) or 1)

    def run(self) -> Ended:
        while True:
            began = time.monotonic()
            self._look()
            if not self._left and not self._flying:
                break
            self._submit()
            pause = max(POLL, 5 * (time.monotonic() - began))
            if self._flying:
                finished, _ = wait(self._flying, timeout=pause, return_when=FIRST_COMPLETED)
                for future in finished:
                    self._collect(future)
            else:
                time.sleep(pause)
            if self._told:
                self._told.look()
        return Ended(len(self._keys) - len(self._failed), sorted(self._failed), 0)

    def drain(self) -> None:
        """Wait for those that were told to stop."""
        cancel: Callable[[], None] = getattr(self._engine, "cancel", lambda: None)
        cancel()
        for future in self._flying:
            future.cancel()
        wait(self._flying)

    def _look(self) -> None:
        self._left -= self._store.finished(self._left)
        allowed = self._task.attempts
        attempts = self._store.attempts(self._left)
        now_failed = {key for key, n in attempts.items() if n >= allowed.get(key, ATTEMPTS)}
        self._failed |= now_failed
        self._left -= now_failed

    def _submit(self) -> None:
        room = self._engine.capacity - len(self._flying)
        flying = set(self._flying.values())
        left = [key for key in self._keys[self._first :] + self._keys[: self._first] if key in self._left and key not in flying]
        if room <= 0 or not left:
            return
        held = self._claims.look_all(sorted({shard(key) for key in left}))
        free = [key for key in left if key not in held or self._claims.is_stale(held[key])]
        if self._engine.pulls:
            for _ in range(min(room, len(free))):
                self._fly(self._task, "")
            return
        for key in free[:room]:
            over = {key: held[key]} if key in held else {}
            self._fly(msgspec.structs.replace(self._task, keys=[key], over=over), key)

    def _fly(self, task: Task, key: str) -> None:
        self._flying[self._engine.submit(call, msgspec.to_builtins(task))] = key

    def _collect(self, future: Future[list[Outcome]]) -> None:
        key = self._flying.pop(future)
        try:
            outcomes = [msgspec.convert(one, Outcome) for one in future.result()]
        except Exception as error:  # a worker that died, a scheduler that lost it: its claim tells others when
            outcomes = [Outcome(key, "died", str(error))]
        for outcome in outcomes:
            if outcome.what == "refused":
                raise UnbraidError(outcome.text)
            if self._told:
                self._told.outcome(outcome)
        died = bool(outcomes) and all(outcome.what == "died" for outcome in outcomes)
        self._deaths = self._deaths + 1 if died else 0
        if self._deaths >= MOST_DEATHS_IN_A_ROW:
            raise UnbraidError(f"{self._deaths} workers died in a row, the last one with: {outcomes[0].text}")
