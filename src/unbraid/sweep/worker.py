"""A worker: claims points one after another, trains and scores each, and leaves a result or a failure."""

from __future__ import annotations

import errno
import random
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from unbraid.errors import Interrupted, UnbraidError
from unbraid.log_entry import Entry
from unbraid.sweep.claims import Claim, Claims, Held, Lost, shard
from unbraid.sweep.code import code_here
from unbraid.sweep.planning import require_same_code
from unbraid.sweep.points import Plan, Point
from unbraid.sweep.records import Failure
from unbraid.sweep.store import Store, in_words
from unbraid.sweep.tasks import ATTEMPTS, Outcome, Task
from unbraid.training.fit import Silent

LOOK = 0.5
"""Seconds between looks at whether to stop."""
TURNS = 4
"""A worker watches shards in so many turns, half a lease apart: each shard is seen again after two leases."""
PER_TURN = 12
"""About so many claims are read and folders listed in a turn: among few workers each watches many shards."""
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG}
one_at_a_time = threading.Lock()
"""Building networks goes through torch's global generator, so a process trains one run at a time."""


def work(task: Task, stopped: Callable[[], bool] = lambda: False) -> list[Outcome]:
    """Work on points, until there are no more or it is time to stop.

    Errors become outcomes: not every one can be sent on.

    Args:
        task: which points.
        stopped: asked after every step whether to write a checkpoint and stop, beside the sweep's own sign.
    """
    store = Store(Path(task.folder))
    claims = Claims(store.files, every=task.every, lease=task.lease)
    try:
        plan = _plan(store, task.plan)
        require_same_code(plan.code, allow=task.allow_version_change)
    except UnbraidError as error:
        return [Outcome("", "refused", str(error))]
    points = {point.key: point for point in plan.points()}
    stop = _Stop(lambda: stopped() or store.is_to_stop(task.session))
    with one_at_a_time:
        if task.keys:
            return [_attempt(store, claims, plan, points[key], task, task.over.get(key), stop) for key in task.keys]
        return list(_pull(store, claims, plan, points, task, stop))


def _plan(store: Store, name: str) -> Plan:
    path = store.plan_path(name)
    return _plan_of(store.folder, name, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=4)
def _plan_of(folder: Path, name: str, _written: int) -> Plan:
    return Store(folder).plan(name)


def _pull(store: Store, claims: Claims, plan: Plan, points: Mapping[str, Point], task: Task, stop: _Stop) -> Iterator[Outcome]:
    """Take free points until there are none, or until every one that is left has an owner that lives."""
    picker = Picker(store, claims, by_shard(points), task.attempts)
    while not stop.asked():
        found = picker.pick()
        if found is None:
            if not picker.unsure:
                return
            time.sleep(min(task.every, 4 * LOOK))
            continue
        key, over = found
        outcome = _attempt(store, claims, plan, points[key], task, over, stop, picker.watch)
        yield outcome
        if outcome.what in ("refused", "stopped"):
            return


def by_shard(keys: Iterable[str]) -> dict[str, set[str]]:
    """Keys by the shard they belong to."""
    found: dict[str, set[str]] = {}
    for key in keys:
        found.setdefault(shard(key), set()).add(key)
    return found


class Picker:
    """Finds free points for a worker that takes one after another.

    Each worker has an order of its own so that workers do not meet.

    It looks at one of the 256 shards at a time: to pick one of 100,000 points it lists three folders of a few hundred names.
    While its worker trains, it watches the claims of some more (`watch`), and turns to those that fell silent.

    Args:
        store: the sweep's folder.
        claims: this worker's view of claims.
        left: all points, by their shards (`by_shard`); those that are finished are taken out.
        attempts: how many failures are allowed where it is not `ATTEMPTS`.
        rng: the order.
    """

    def __init__(
        self,
        store: Store,
        claims: Claims,
        left: dict[str, set[str]],
        attempts: Mapping[str, int] | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._store, self._claims, self._attempts = store, claims, attempts or {}
        self._rng = rng or random.Random()
        self._left = left
        self._order = list(left)
        self._rng.shuffle(self._order)
        self._turn = self._next = 0
        self._silent: list[str] = []
        self.unsure = False
        """Whether, when nothing was found, some point's owner was not seen to live."""

    def pick(self) -> tuple[str, Held | None] | None:
        """A free point, with the stale claim on it if there is one; None where no point is free."""
        self.unsure = False
        if self._silent:
            self._order = list(dict.fromkeys([*self._silent, *self._order]))
            self._silent = []
        for _ in range(len(self._order)):
            one = self._order[0]
            left = self._left[one]
            left -= self._store.finished(left)
            failed = self._store.attempts(left)
            left -= {key for key, n in failed.items() if n >= self._attempts.get(key, ATTEMPTS)}
            if not left:
                self._order.pop(0)
                continue
            held = self._claims.look_all([one])
            free = sorted(key for key in left if key not in held or self._claims.is_stale(held[key]))
            if free:
                key = self._rng.choice([key for key in free if key in held] or free)  # runs that were begun come first
                return key, held.get(key)
            self.unsure |= any(not self._claims.seen_to_live(held[key]) for key in left)
            self._order.append(self._order.pop(0))
        return None

    def watch(self) -> None:
        """Look at the claims of a few shards, the same every `TURNS` calls, so that silent ones are noticed."""
        if self._turn == TURNS:
            self._turn = self._next = 0
        self._turn += 1
        cost = 0
        while cost < PER_TURN and self._next < len(self._order):
            one = self._order[self._next]
            held = self._claims.look_all([one])
            if any(key in self._left[one] and self._claims.is_stale(found) for key, found in held.items()):
                self._silent.append(one)
            cost += 1 + len(held)
            self._next += 1


class _Stop:
    """Whether to stop, asked of files only now and then."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        self._ask, self._next, self._answer = ask, 0.0, False

    def asked(self) -> bool:
        now = time.monotonic()
        if not self._answer and now >= self._next:
            self._next = now + LOOK
            self._answer = self._ask()
        return self._answer


class _Heartbeat(Silent):
    """Monitors training: shows that the worker lives, and ends training where it should.

    A thread of its own beats, so that a long evaluation looks alive. A process that was suspended looks whether it still owns
    the run before it goes on: its thread may not have run yet. The thread also watches other claims, so that their silence is
    known when this worker picks its next point.
    """

    def __init__(self, claim: Claim, watch: Callable[[], None], every: float, lease: float, stop: _Stop) -> None:
        self._claim, self._watch, self._every, self._lease, self._stop = claim, watch, every, lease, stop
        self._over = threading.Event()
        self._lost: Lost | None = None
        self._told: dict[str, Any] = {}
        self._confirmed = time.monotonic()
        self._stopping = False

    def start(self, step: int, last_step: int, notes: list[str]) -> None:
        """Training begins."""
        self._told = {"step": step, "last_step": last_step}

    def advance(self, step: int, entry: Entry | None, images_per_second: float) -> None:
        """A step is done."""
        self._told = {**self._told, "step": step, "speed": round(images_per_second, 1)}
        self.look()

    def look(self) -> None:
        """Raise `Lost` where another has the run, and `Interrupted` where it is time to stop."""
        if time.monotonic() - self._confirmed > self._lease / 2:
            self._beat()
        if self._lost:
            raise self._lost
        if not self._stopping and self._stop.asked():
            self._stopping = True
            raise Interrupted("Stopped, with a checkpoint.")

    def stage(self, title: str) -> Callable[[int, int], None]:
        """As `unbraid.evaluate` wants its progress told."""
        return lambda done, total: self.look()

    def _beat(self) -> None:
        try:
            self._claim.beat(**self._told)
            self._confirmed = time.monotonic()
        except Lost as lost:
            self._lost = lost
        except OSError:  # the file system does not answer; if that lasts, others may take over
            pass

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Beat while this holds."""

        def beat() -> None:
            watched = time.monotonic()
            while not self._over.wait(self._every) and not self._lost:
                self._beat()
                if time.monotonic() - watched > self._lease / 2:
                    watched = time.monotonic()
                    with suppress(OSError):
                        self._watch()

        thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()


def _attempt(
    store: Store,
    claims: Claims,
    plan: Plan,
    point: Point,
    task: Task,
    over: Held | None,
    stop: _Stop,
    watch: Callable[[], None] = lambda: None,
) -> Outcome:
    from unbraid.sweep.runs import NotHere, newest_step

    key = point.key
    began = time.perf_counter()

    def outcome(what: str, text: str = "") -> Outcome:
        return Outcome(key, what, text, round(time.perf_counter() - began, 3))

    if stop.asked():
        return outcome("stopped")
    folder = store.run_folder(key)
    try:
        if store.result_path(key).exists():
            return outcome("known")
        claim = claims.take(key, over=over, from_step=newest_step(folder))
    except OSError as error:
        return outcome("refused", _cannot_write(store.folder, error))
    if claim is None:
        return outcome("held")
    try:
        if store.result_path(key).exists():  # published between our look and our claim
            return outcome("known")
        if claim.deaths >= task.most_deaths:
            text = f"{claim.deaths} workers died in a row without getting beyond step {claim.held.from_step:,}"
            return outcome(*_failed(store, key, text, times=task.attempts.get(key, ATTEMPTS)))
        return _trained(store, plan, point, claim, watch, task, stop, outcome)
    except Lost as lost:
        return outcome("lost", str(lost))
    except (Interrupted, KeyboardInterrupt):
        return outcome("stopped")
    except NotHere as error:
        return outcome("refused", str(error))
    except Exception as error:
        if (cause := _of_the_disk(error)) is not None:
            return outcome("refused", _cannot_write(store.folder, cause, error))
        return outcome(*_failed(store, key, in_words(error), traceback.format_exc()))
    finally:
        claim.release()


def _trained(
    store: Store,
    plan: Plan,
    point: Point,
    claim: Claim,
    watch: Callable[[], None],
    task: Task,
    stop: _Stop,
    outcome: Callable[..., Outcome],
) -> Outcome:
    from unbraid.sweep.runs import train_and_score

    heartbeat = _Heartbeat(claim, watch, task.every, task.lease, stop)
    with heartbeat.beating():
        result = train_and_score(
            point,
            store.run_folder(point.key),
            plan.scoring,
            device=plan.device,
            monitor=heartbeat,
            progress=heartbeat.stage,
            track=task.track,
        )
        claim.seal()
        store.publish(result)
    return outcome("finished")


def _failed(store: Store, key: str, text: str, trace: str = "", times: int = 1) -> tuple[str, str]:
    """Record an attempt that ended with an error, or several; what became of the point."""
    when = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        for _ in range(times):
            store.add_failure(Failure(key, text, trace, socket.gethostname(), when, code_here()))
    except OSError as error:
        return "refused", _cannot_write(store.folder, error)
    return "failed", text


def _of_the_disk(error: BaseException | None) -> OSError | None:
    """The refusal of the file system behind an error: no fault of the run, which every other would share."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _DISK:
            return error
        error = error.__cause__
    return None


def _cannot_write(folder: Path, cause: OSError, error: BaseException | None = None) -> str:
    reason = str(error).strip() if isinstance(error, UnbraidError) else f"{cause.strerror or cause}"
    return (
        f"The sweep's folder {folder} cannot be written to: {reason} Nothing that was written is lost; mend that and give the "
        "same command again."
    )
