"""Kill workers and commands at random moments, many times, and look at what is left.

`python tests/helpers/storm.py --kills 1000` is the long one, by hand. The command under test is this file again,
with a folder: one command with two workers, started by a server of processes that has imported torch, so that a new worker is
there at once. As root the two commands have a network, a host name and a boot of their own: each takes the other for another
machine.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import msgspec

MARK = "UNBRAID_STORM"
STORM = {"steps": 40, "checkpoint_every": 4, "log_every": 4}
COMMANDS, OTHERS = 0.05, 0.25
"""Shares of kills that hit a command, and any of its processes; the rest hit a process that has claimed a run."""
_HOST = 'hostname "$0" && mount --bind "$1" /proc/sys/kernel/random/boot_id && shift && exec "$@"'


def command(folder: Path) -> None:
    """What one of two people gives: train all points of the plan that lies in the folder."""
    from unbraid.sweep.conduct import conduct
    from unbraid.sweep.engines.local import LocalExecutor
    from unbraid.sweep.store import Store

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["unbraid.sweep.runs", "unbraid.api", "unbraid.registries", "unbraid.evaluation.evaluate"])
    store = Store.open(folder)
    (plan,) = store.plans()
    engine = LocalExecutor(2, method="forkserver")
    try:
        conduct(store, plan, engine, every=0.2, lease=3.0, most_deaths=1_000_000)
    finally:
        engine.shutdown(cancel_futures=True)


@dataclass
class Counts:
    """Kills, those of processes that had claimed a run, those of commands, and the runs that they disturbed."""

    kills: int = 0
    owners: int = 0
    commands: int = 0
    runs: int = 0


class Storm:
    """Two commands on one folder, and what kills them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._rng = folder, random.Random(seed)
        self._mark = f"{folder}-{os.getpid()}"
        self._commands: dict[int, subprocess.Popen[bytes]] = {}
        self.counts = Counts()
        self._log = (folder.parent / "storm.log").open("ab")
        self.apart = can_be_apart()

    def _on_a_machine_of_its_own(self, place: int) -> list[str]:
        boot = self._folder.parent / f"boot{place}"
        boot.write_text(f"00000000-0000-0000-0000-00000000000{place}\n", encoding="ascii")
        return ["unshare", "--net", "--uts", "--mount", "sh", "-c", _HOST, f"machine{place}", str(boot)]

    def _start(self, place: int) -> None:
        environment = {**os.environ, MARK: self._mark, "OMP_NUM_THREADS": "1"}
        self._commands[place] = subprocess.Popen(
            [
                *(self._on_a_machine_of_its_own(place) if self.apart else []),
                sys.executable,
                __file__,
                "--folder",
                str(self._folder),
            ],
            env=environment,
            start_new_session=True,
            stdout=self._log,
            stderr=self._log,
        )

    def _alive(self) -> list[int]:
        found = []
        for path in Path("/proc").iterdir():
            if path.name.isdecimal():
                with suppress(OSError):
                    if f"{MARK}={self._mark}".encode() in (path / "environ").read_bytes().split(b"\0"):
                        found.append(int(path.name))
        return found

    def _kill(self) -> None:
        """Kill one process of the kind that chance asks for, while somebody trains: else no command would come to that."""
        commands = {process.pid for process in self._commands.values()}
        others = {pid for pid in self._alive() if pid not in commands}
        owners, chance = self._owners() & others, self._rng.random()
        if not owners:
            return
        pool = commands if chance < COMMANDS else others if chance < COMMANDS + OTHERS else owners
        victim = self._rng.choice(sorted(pool))
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
            self.counts.kills += 1
            self.counts.commands += victim in commands
            self.counts.owners += victim in owners

    def _owners(self) -> set[int]:
        found = set()
        for path in (self._folder / "claims").rglob("*.*"):
            with suppress(OSError, ValueError):
                found.add(int(json.loads(path.read_bytes())["owner"]["pid"]))
        return found

    def run(self, kills: int, mean_pause: float, seconds: float) -> None:
        """Kill so many processes at random moments, or fewer if all is done before, then let what is left come to its end."""
        until = time.monotonic() + seconds
        for place in range(2):
            self._start(place)
        while self.counts.kills < kills and all(process.poll() != 0 for process in self._commands.values()):
            assert time.monotonic() < until, f"only {self.counts.kills} of {kills} kills in {seconds} s"
            time.sleep(self._rng.expovariate(1 / mean_pause))
            self._kill()
            for place, process in self._commands.items():
                if process.poll() not in (None, 0):
                    self._start(place)
        while any(process.poll() != 0 for process in self._commands.values()):
            assert time.monotonic() < until, f"not finished in {seconds} s: see {self._log.name}"
            for place, process in list(self._commands.items()):
                if process.poll() not in (None, 0):
                    self._start(place)
            time.sleep(0.1)

    def end(self) -> None:
        """Leave no process behind."""
        for pid in self._alive():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self._commands.values():
            process.wait()
        self._log.close()


def can_be_apart() -> bool:
    """Whether processes may have a network and a host name of their own here."""
    command = ["unshare", "--net", "--uts", "--mount", "true"]
    return bool(shutil.which("unshare")) and subprocess.run(command, capture_output=True, check=False).returncode == 0


def comparable(result: Any) -> dict[str, Any]:
    """A result without times and sizes, in which equal runs may differ."""
    content = msgspec.to_builtins(result)
    for name in ("train_seconds", "evaluate_seconds", "finished", "disk"):
        del content[name]
    return content


def weigh(folder: Path, points: int, kills: int, mean_pause: float, seconds: float, seed: int = 0) -> Counts:
    """Storm over a sweep, and check it against one that nothing disturbed.

    Raises `AssertionError` for a run that is lost, doubled or different.
    """
    from helpers.small_runs import small_plan
    from unbraid.sweep.engines.calls import call
    from unbraid.sweep.store import Store, ledger
    from unbraid.sweep.tasks import Task

    folder.mkdir(parents=True, exist_ok=True)
    store, calm = Store.make(folder / "sweep"), Store.make(folder / "calm")
    plan = small_plan(store, seeds=points, **STORM)
    calm.write_plan(plan)
    call(msgspec.to_builtins(Task(str(calm.folder), plan.name, "calm")))
    storm = Storm(store.folder, seed)
    try:
        storm.run(kills, mean_pause, seconds)
    finally:
        storm.end()
    expected = {one.key: comparable(one) for one in ledger(calm.folder)}
    found = list(ledger(store.folder))
    assert len(expected) == points
    assert sorted(one.key for one in found) == sorted(expected), "runs are lost or doubled"
    for one in found:
        assert comparable(one) == expected[one.key], f"{one.key} differs"
    assert not store.attempts(set(expected)), "a kill counted as a failure"
    names = [path.name for path in (store.folder / "results").rglob("*") if path.is_file() and not path.name.startswith(".")]
    assert len(names) == points
    storm.counts.runs = points
    return storm.counts


def storm(folder: Path, points: int, kills: int, mean_pause: float, seconds: float, seed: int = 0) -> Counts:
    """Storm over one sweep after another, since a fast machine may be done with one before it is killed often enough."""
    all_of_them = Counts()
    while all_of_them.kills < kills:
        place = folder / str(all_of_them.runs)
        found = weigh(place, points, kills - all_of_them.kills, mean_pause, seconds, seed + all_of_them.runs)
        assert found.kills > 0, "a sweep was done before the first kill"
        all_of_them = Counts(*(a + b for a, b in zip(astuple(all_of_them), astuple(found), strict=True)))
    return all_of_them


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--points", type=int, default=24)
    parser.add_argument("--pause", type=float, default=0.25)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.folder:
        command(given.folder)
    else:
        began = time.monotonic()
        where = Path(tempfile.mkdtemp(prefix="storm-"))
        counts = storm(where, given.points, given.kills, given.pause, 10 * 3600, given.seed)
        took = time.monotonic() - began
        places = "two machines" if can_be_apart() else "one machine"
        sys.stdout.write(
            f"{counts.kills} kills on {places}, {counts.owners} in the middle of a run and {counts.commands} of commands; "
            f"{counts.runs} runs, none lost, doubled or different; {took:.0f} s\n"
        )
