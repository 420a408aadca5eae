"""What a sweep's folder says.

Which runs are finished, running, silent, waiting and failed, and how long the rest will take.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from unbraid.errors import UnbraidError
from unbraid.sweep.claims import Claims, Held, shard
from unbraid.sweep.points import Group, Plan, Point
from unbraid.sweep.records import Result
from unbraid.sweep.store import Store
from unbraid.sweep.tasks import ATTEMPTS


@dataclass(frozen=True)
class Failed:
    """A run that is given up."""

    point: Point
    error: str
    attempts: int


@dataclass
class Status:
    """The state of all points of some plans."""

    points: dict[str, Point]
    finished: set[str] = field(default_factory=set)
    running: dict[str, Held] = field(default_factory=dict)
    silent: dict[str, Held] = field(default_factory=dict)
    """Claimed by workers that died, or that wrote nothing for longer than they announced; others take these over."""
    failed: dict[str, Failed] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def waiting(self) -> list[str]:
        """Points that nobody has taken."""
        taken = (self.finished, self.running, self.silent, self.failed)
        return [key for key in self.points if not any(key in one for one in taken)]


class Watcher:
    """Looks at a folder again and again; what was read once is kept.

    Args:
        store: the folder.
        plans: those whose points matter.
        claims: who observes the heartbeats.
        once: whether this looks once only, and has to believe the times of files to know who is silent.
    """

    def __init__(self, store: Store, plans: Sequence[Plan], claims: Claims | None = None, *, once: bool = False) -> None:
        self._store, self.folder = store, store.folder
        self._points = {point.key: point for plan in plans for point in plan.points()}
        self._claims, self._once = claims or Claims(store.files), once
        self._finished: set[str] = set()
        self._failed: dict[str, Failed] = {}
        self.rates = Rates()
        self.scores: dict[str, dict[str, float]] = {}
        """Of finished points, by metric and key."""

    def look(self) -> Status:
        """The state by now."""
        status = Status(self._points)
        new = self._store.finished(set(self._points) - self._finished)
        for key in new:
            try:
                result = self._store.result(key)
            except UnbraidError as error:
                status.problems.append(str(error))
                continue
            if result is not None:
                self.rates.add(result)
                for metric, found in result.metrics.items():
                    if isinstance(found.get("score"), (int, float)):
                        self.scores.setdefault(metric, {})[key] = float(found["score"])
                self._finished.add(key)
        status.finished = set(self._finished)
        left = set(self._points) - self._finished
        for key, attempts in self._store.attempts(left).items():
            if attempts >= ATTEMPTS and (key not in self._failed or self._failed[key].attempts != attempts):
                self._failed[key] = Failed(self._points[key], self._why(key), attempts)
        held = self._claims.look_all(sorted({shard(key) for key in left}))
        for key, one in held.items():
            if key in left:
                (status.silent if self._is_silent(one) else status.running)[key] = one
                self.rates.add_speed(self._points[key].group, one.speed)
        status.failed = {k: one for k, one in self._failed.items() if k in left and k not in held}
        return status

    def _is_silent(self, held: Held) -> bool:
        return self._claims.is_stale(held) or (self._once and (self._store.seconds_silent(held) or 0.0) > held.lease)

    def _why(self, key: str) -> str:
        try:
            failures = self._store.failures(key)
        except UnbraidError as error:
            return str(error)
        return failures[-1].error if failures else "unknown"


class Rates:
    """Seconds and bytes that runs took, by what they were."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, ...], list[float]] = {}
        self._bytes: dict[tuple[str, ...], list[int]] = {}
        self._speeds: dict[tuple[str, ...], float] = {}
        self._evaluate = 0.0

    def add(self, result: Result) -> None:
        """Learn from a finished run."""
        for kind in _kinds(result.configuration):
            train = result.train_seconds / max(1, result.images)
            self._seconds.setdefault(kind, []).append(train)
            self._bytes.setdefault(kind, []).append(result.disk)
        self._evaluate = result.evaluate_seconds

    def add_speed(self, group: Group, images_per_second: float) -> None:
        """Learn from a run that is under way; finished ones tell more."""
        if images_per_second > 0:
            self._speeds |= dict.fromkeys(_kinds(group.configuration), images_per_second)

    def seconds(self, group: Group) -> float | None:
        """Of one core for a run of this group; None where nothing like it was timed."""
        images = int(group.configuration["steps"]) * int(group.configuration["batch_size"])
        kinds = _kinds(group.configuration)
        for kind in kinds:
            if kind in self._seconds:
                found = self._seconds[kind]
                return images * sum(found) / len(found) + self._evaluate
        return next((images / self._speeds[kind] for kind in kinds if kind in self._speeds), None)

    def disk(self, group: Group) -> int | None:
        """Bytes of a run of this group; None where nothing like it was measured."""
        for kind in _kinds(group.configuration):
            if kind in self._bytes:
                return max(self._bytes[kind])
        return None


def _kinds(configuration: Mapping[str, object]) -> list[tuple[str, ...]]:
    """What makes the cost of a run, from the most exact to the least."""
    names = ("model", "data", "encoder", "decoder", "latent_dim", "batch_size")
    exact = tuple(str(configuration.get(name)) for name in names)
    return [exact, exact[:4], exact[:2]]


def seconds_left(status: Status, rates: Rates, workers: int) -> float | None:
    """How long the rest takes with so many workers; None where nothing is known of some of it."""
    total = 0.0
    for key in [*status.waiting, *status.silent, *status.running]:
        seconds = rates.seconds(status.points[key].group)
        if seconds is None:
            return None
        held = status.running.get(key)
        total += seconds * (1 - (held.done if held else 0.0))
    return total / max(1, workers)


def free_bytes(store: Store) -> int | None:
    """Free space where the folder is, or will be."""
    place = store.folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        found = os.statvfs(place)
    except (OSError, AttributeError):
        return None
    return found.f_bavail * found.f_frsize
