"""Sweeps past any machine we have: the real claims and pickers over a simulated file system and simulated time.

    python benchmarks/sweep_scale.py                    # 100,000 runs, 1,000 workers, 1 % of them dying per hour
    python benchmarks/sweep_scale.py --runs 2000 --workers 50

Nothing is trained. A worker picks, claims, beats, seals and publishes by the code that real workers use; runs take a random
time, workers die and stall at random, and the file server shows changes to other hosts late and stands still now and then.
"""

from __future__ import annotations

import argparse
import hashlib
import heapq
import json
import math
import random
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from unbraid.sweep.claims import EVERY, LEASE, Claim, Claims, Lost
from unbraid.sweep.owners import Owner
from unbraid.sweep.store import RESULTS, Store
from unbraid.sweep.worker import Picker, by_shard


@dataclass(frozen=True)
class World:
    """What is simulated; times in seconds."""

    runs: int = 100_000
    workers: int = 1_000
    run_time: float = 1_800.0
    checkpoints: int = 10
    deaths_per_hour: float = 0.01
    restart: float = 300.0
    stalls_per_hour: float = 0.01
    stall: float = 600.0
    latency: float = 0.002
    late: float = 30.0
    outages: int = 2
    outage: float = 400.0
    every: float = EVERY
    lease: float = LEASE
    seed: int = 0


class Server:
    """Files as many hosts see them: creation is decided at once, what others read and list may be late."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self.world, self.rng, self.now = world, rng, 0.0
        self.content: dict[str, tuple[float, bytes, bytes | None]] = {}
        self.folders: dict[str, dict[str, float]] = {}
        self.removed: dict[str, dict[str, float]] = {}
        self.operations: Counter[str] = Counter()
        self.largest_folder = 0
        self.outages: list[float] = []

    def answer(self, kind: str, host: Host) -> None:
        """Let an operation take its time; during an outage it takes until its end."""
        self.operations[kind] += 1
        host.spent += self.rng.expovariate(1 / self.world.latency)
        for began in self.outages:
            moment = self.now + host.spent
            if began <= moment < began + self.world.outage:
                host.spent += began + self.world.outage - moment


@dataclass
class Host:
    """The file system as one worker sees it, with the time that its operations took."""

    server: Server
    spent: float = 0.0
    own: dict[str, bytes] = field(default_factory=dict)

    def clock(self) -> float:
        """This worker's clock."""
        return self.server.now + self.spent

    def _seen_until(self) -> float:
        return self.server.now - self.server.rng.uniform(0, self.server.world.late)

    def create(self, path: str, content: bytes) -> Written | None:
        """As `Files.create`."""
        self.server.answer("create", self)
        if path in self.server.content:
            return None
        folder, _, name = path.rpartition("/")
        self.server.content[path] = (self.server.now, content, None)
        names = self.server.folders.setdefault(folder, {})
        names[name] = self.server.now
        self.server.largest_folder = max(self.server.largest_folder, len(names))
        self.server.removed.get(folder, {}).pop(name, None)
        self.own[path] = content
        return Written(self, path)

    def read(self, path: str) -> bytes | None:
        """As `Files.read`."""
        self.server.answer("read", self)
        found = self.server.content.get(path)
        if found is None:
            return None
        written, content, before = found
        return content if path in self.own or written <= self._seen_until() else before

    def names(self, folder: str) -> list[str]:
        """As `Files.names`."""
        self.server.answer("list", self)
        until = self._seen_until()
        present = self.server.folders.get(folder, {})
        shown = [name for name, made in present.items() if made <= until or f"{folder}/{name}" in self.own]
        gone = self.server.removed.get(folder, {})
        late = [name for name, when in gone.items() if when > until]
        for name in [name for name, when in gone.items() if when < self.server.now - self.server.world.late]:
            del gone[name]
        return shown + late

    def remove(self, path: str) -> None:
        """As `Files.remove`."""
        self.server.answer("remove", self)
        folder, _, name = path.rpartition("/")
        self.own.pop(path, None)
        if self.server.content.pop(path, None) is not None:
            self.server.folders[folder].pop(name, None)
            self.server.removed.setdefault(folder, {})[name] = self.server.now


@dataclass
class Written:
    """A file that a host made."""

    host: Host
    path: str

    def write(self, content: bytes) -> None:
        """As `Handle.write`."""
        server = self.host.server
        server.answer("write", self.host)
        found = server.content.get(self.path)
        if found is None:
            raise OSError("stale file handle")
        server.content[self.path] = (server.now, content, found[1])

    def close(self) -> None:
        """As `Handle.close`."""


@dataclass
class Worker:
    """A worker and what it does now."""

    number: int
    born: float
    store: Store
    host: Host
    claims: Claims
    picker: Picker
    claim: Claim | None = None
    key: str = ""
    began: float = 0.0
    ends: float = 0.0
    beats: float = 0.0
    watched: float = 0.0
    due: float = math.inf


class Simulation:
    """Events in the order of time."""

    def __init__(self, world: World) -> None:
        self.world, self.rng = world, random.Random(world.seed)
        self.server = Server(world, self.rng)
        self.keys = [hashlib.sha256(f"{world.seed} {i}".encode()).hexdigest()[:16] for i in range(world.runs)]
        self.left = {key: self.rng.uniform(0.5, 1.5) * world.run_time for key in self.keys}
        self.shards = by_shard(self.keys)  # one for all workers, for the memory's sake: what is listed is counted all the same
        self.events: list[tuple[float, int, int, str, int]] = []
        self.workers: dict[int, Worker] = {}
        self.lives: Counter[int] = Counter()
        self.count = 0
        self.worked = self.wasted = 0.0
        self.noticed: list[float] = []
        self.died: dict[str, float] = {}
        self.published: Counter[str] = Counter()
        self.false_takeovers = self.lost = self.dead = self.claimed = 0
        span = world.runs * world.run_time / world.workers
        self.server.outages = sorted(self.rng.uniform(0, span) for _ in range(world.outages))

    def at(self, when: float, number: int, what: str) -> None:
        self.count += 1
        heapq.heappush(self.events, (when, self.count, number, what, self.lives[number]))

    def begin(self, number: int) -> None:
        host = Host(self.server)
        store = Store(Path("sweep"), host)
        claims = Claims(host, clock=host.clock, every=self.world.every, lease=self.world.lease, owner=self.elsewhere)
        self.workers[number] = Worker(
            number,
            self.server.now,
            store,
            host,
            claims,
            Picker(store, claims, self.shards, rng=random.Random(self.rng.random())),
        )
        self.at(self.server.now + self.rng.expovariate(self.world.deaths_per_hour / 3600), number, "die")
        self.at(self.server.now + self.rng.expovariate(self.world.stalls_per_hour / 3600), number, "stall")
        self.at(self.server.now, number, "pick")

    def elsewhere(self) -> Owner:
        """A process of a machine that no other worker is on: only its silence tells others that it died."""
        return Owner(f"{self.rng.getrandbits(64):016x}", "elsewhere", "another start", 1, "")

    def run(self) -> None:
        for number in range(self.world.workers):
            self.begin(number)
        while self.events and len(self.published) < self.world.runs:
            when, _, number, what, life = heapq.heappop(self.events)
            self.server.now = when
            if life == self.lives[number] or what == "begin":
                getattr(self, what)(self.workers[number]) if what != "begin" else self.begin(number)

    def pick(self, worker: Worker) -> None:
        worker.host.spent = 0.0
        found = worker.picker.pick()
        if found is None:
            self.at(self.server.now + max(30.0, worker.host.spent), worker.number, "pick")
            return
        key, over = found
        claim = None
        if not worker.store.files.read(f"{RESULTS}/{key[:2]}/{key}.json"):
            claim = worker.claims.take(key, over=over)
        spent = worker.host.spent
        if claim is None or worker.store.files.read(f"{RESULTS}/{key[:2]}/{key}.json"):
            if claim:
                claim.release()
            self.at(self.server.now + spent, worker.number, "pick")
            return
        self.claimed += 1
        if over is not None:
            if key in self.died:
                self.noticed.append(self.server.now - self.died.pop(key))
            else:
                self.false_takeovers += 1
        worker.claim, worker.key, worker.began = claim, key, self.server.now + spent
        worker.ends = worker.began + self.left[key]
        worker.beats = self.server.now + spent + self.world.every
        self.schedule(worker)

    def schedule(self, worker: Worker) -> None:
        """The next thing that a worker with a run does; what was to come before is forgotten."""
        worker.due = min(worker.beats, worker.ends)
        self.at(worker.due, worker.number, "beat" if worker.beats < worker.ends else "finish")

    def is_due(self, worker: Worker) -> bool:
        due = worker.claim is not None and self.server.now == worker.due
        worker.due = math.inf if due else worker.due
        return due

    def beat(self, worker: Worker) -> None:
        if not self.is_due(worker):
            return
        assert worker.claim is not None
        worker.host.spent = 0.0
        try:
            worker.claim.beat()
            if self.server.now - worker.watched > self.world.lease / 2:
                worker.watched = self.server.now
                worker.picker.watch()
        except Lost:
            self.give_up(worker)
            return
        worker.beats = self.server.now + worker.host.spent + self.world.every
        self.schedule(worker)

    def finish(self, worker: Worker) -> None:
        if not self.is_due(worker):
            return
        assert worker.claim is not None
        worker.host.spent = 0.0
        try:
            worker.claim.seal()
        except Lost:
            self.give_up(worker)
            return
        path = f"{RESULTS}/{worker.key[:2]}/{worker.key}.json"
        if worker.host.create(path, b"result") is not None:
            self.published[worker.key] += 1
            self.worked += worker.ends - worker.began
        else:
            self.wasted += worker.ends - worker.began
        worker.claim.release()
        worker.claim = None
        self.at(self.server.now + worker.host.spent, worker.number, "pick")

    def give_up(self, worker: Worker) -> None:
        self.lost += 1
        self.wasted += self.server.now - worker.began
        worker.claim = None
        self.at(self.server.now + worker.host.spent, worker.number, "pick")

    def stall(self, worker: Worker) -> None:
        """A suspended process: everything it would do is late."""
        pause = self.rng.expovariate(1 / self.world.stall)
        if worker.claim is not None:
            worker.ends += pause
            worker.beats = max(worker.beats, self.server.now + pause)
            self.schedule(worker)
        self.at(self.server.now + self.rng.expovariate(self.world.stalls_per_hour / 3600), worker.number, "stall")

    def die(self, worker: Worker) -> None:
        self.dead += 1
        if worker.claim is not None:
            done = self.server.now - worker.began
            step = self.left[worker.key] / self.world.checkpoints
            kept = int(done / step) * step
            self.left[worker.key] -= kept
            self.worked += kept
            self.wasted += done - kept
            self.died[worker.key] = self.server.now
        self.lives[worker.number] += 1
        self.count += 1
        heapq.heappush(self.events, (self.server.now + self.world.restart, self.count, worker.number, "begin", -1))


def simulate(world: World) -> dict[str, object]:
    """Numbers of a simulated sweep."""
    began = time.perf_counter()
    one = Simulation(world)
    one.run()
    hours = one.server.now / 3600
    operations = dict(one.server.operations)
    noticed = sorted(one.noticed) or [0.0]
    files = len(one.server.content)
    return {
        "world": asdict(world),
        "finished": len(one.published),
        "doubled": sum(1 for n in one.published.values() if n > 1),
        "hours": round(hours, 2),
        "ideal_hours": round(one.worked / world.workers / 3600, 2),
        "claims": one.claimed,
        "claims_per_second": round(one.claimed / one.server.now, 3),
        "operations_per_second": round(sum(operations.values()) / one.server.now, 1),
        "operations_per_run": {name: round(n / world.runs, 1) for name, n in sorted(operations.items())},
        "largest_folder": one.server.largest_folder,
        "files_at_the_end": files,
        "deaths": one.dead,
        "noticed_seconds": {
            "median": round(noticed[len(noticed) // 2]),
            "95 %": round(noticed[int(0.95 * (len(noticed) - 1))]),
            "largest": round(noticed[-1]),
        },
        "false_takeovers": one.false_takeovers,
        "abandoned_by_slow_owners": one.lost,
        "wasted_share": round(one.wasted / (one.worked + one.wasted), 5),
        "simulated_in_seconds": round(time.perf_counter() - began, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=World.runs)
    parser.add_argument("--workers", type=int, default=World.workers)
    parser.add_argument("--every", type=float, default=EVERY)
    parser.add_argument("--lease", type=float, default=LEASE)
    parser.add_argument("--late", type=float, default=World.late)
    parser.add_argument("--out", type=Path, default=None, help="default: print alone; give a path to keep the numbers")
    given = parser.parse_args()
    world = World(runs=given.runs, workers=given.workers, every=given.every, lease=given.lease, late=given.late)
    found = simulate(world)
    text = json.dumps(found, indent=1)
    print(text)
    if given.out:
        given.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
