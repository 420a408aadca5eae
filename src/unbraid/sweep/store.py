"""The folder of a sweep: what is in it, and how it is read and written.

    sweep.json                 says that this is one
    plans/NAME.json            what one command asked for
    runs/ab/KEY/               run folders, as `unbraid train` writes them
    claims/ab/KEY.N            who has which run (`unbraid.sweep.claims`)
    failures/ab/KEY.N.json     attempts that ended with an error
    results/ab/KEY.json        finished runs: the ledger

KEY is the hash of a run's resolved configuration, "ab" its first two digits: 100,000 runs make 256 folders of 400.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from unbraid.errors import CorruptFile, UnbraidError, UsageError
from unbraid.files import os_errors, write_json
from unbraid.records import read_record, to_json
from unbraid.sweep.claims import FOLDER as CLAIMS
from unbraid.sweep.claims import Held, shard
from unbraid.sweep.disk import Disk, Files
from unbraid.sweep.former import result_today
from unbraid.sweep.points import Plan
from unbraid.sweep.records import Failure, Result

MARK, PLANS, RUNS, RESULTS, FAILURES, STOPS = "sweep.json", "plans", "runs", "results", "failures", "stops"
SHARDS = [f"{i:02x}" for i in range(256)]
DAMAGED, FORMER = ".damaged", ".former"
"""Ends of the names of results that are not used any more."""
_KEY = re.compile(r"[0-9a-f]{16}")
_T = TypeVar("_T", Result, Failure, Plan)
_REMEDY = "It was altered, or another version of unbraid wrote it."


class Store:
    """The folder of a sweep."""

    def __init__(self, folder: Path, files: Files | None = None) -> None:
        self.folder = folder
        self.files = files or Disk(folder)

    @classmethod
    def open(cls, folder: Path) -> Store:
        """A folder that holds a sweep. Raises `UsageError` for one that does not."""
        if not (folder / MARK).is_file():
            raise UsageError(
                f"{folder} is not the folder of a sweep: it holds no {MARK}. Start one: unbraid sweep MODELS DATA."
            )
        return cls(folder)

    @classmethod
    def make(cls, folder: Path) -> Store:
        """The same, made where it is not there. Raises `UsageError` for a folder that holds something else."""
        store = cls.foreseen(folder)
        if not (folder / MARK).is_file():
            write_json(folder / MARK, {"format": 1, "about": "the folder of a sweep: unbraid sweep status FOLDER"})
        return store

    @classmethod
    def foreseen(cls, folder: Path) -> Store:
        """The same where nothing is written. Raises `UsageError` for a folder that holds something else."""
        if (folder / MARK).is_file() or not folder.exists():
            return cls(folder)
        if not folder.is_dir() or any(not path.name.startswith(".") for path in folder.iterdir()):
            raise UsageError(f"{folder} exists and is not the folder of a sweep; give another --out.")
        return cls(folder)

    def run_folder(self, key: str) -> Path:
        """Where a run is trained."""
        return self.folder / RUNS / shard(key) / key

    # plans

    def write_plan(self, plan: Plan) -> Path:
        """Keep a plan; the same points have the same file."""
        path = self.plan_path(plan.name)
        write_json(path, to_json(plan))
        return path

    def plan_path(self, name: str) -> Path:
        """Where a plan lies."""
        return self.folder / PLANS / f"{name}.json"

    def plans(self, *, damaged: list[str] | None = None) -> list[Plan]:
        """All plans, oldest first.

        Args:
            damaged: takes what is wrong with files that cannot be used; without it the first of them raises `CorruptFile`.
        """
        paths = [path for path in (self.folder / PLANS).glob("*.json") if not path.name.startswith(".")]
        found = []
        for path in sorted(paths, key=lambda path: (path.stat().st_mtime_ns, path.name)):
            try:
                found.append(_read(path, Plan, "plan"))
            except UnbraidError as error:
                if damaged is None:
                    raise
                damaged.append(str(error))
        return found

    def plan(self, name: str) -> Plan:
        """One plan."""
        return _read(self.plan_path(name), Plan, "plan")

    # results

    def result_path(self, key: str) -> Path:
        """Where a run's result lies."""
        return self.folder / RESULTS / shard(key) / f"{key}.json"

    def finished(self, among: Collection[str] | None = None) -> set[str]:
        """Keys of the runs that have a result."""
        return self._keys(RESULTS, among)

    def result(self, key: str) -> Result | None:
        """A run's result; None where there is none. Raises `CorruptFile` for a damaged one."""
        path = self.result_path(key)
        return _read_result(path) if path.is_file() else None

    def publish(self, result: Result) -> bool:
        """Write a result whole, under a name that nobody has yet; False where somebody has."""
        path = self.result_path(result.key)
        with os_errors(f"write {path}", "Free some space there and give the same command again; nothing is lost."):
            handle = self.files.create(path.relative_to(self.folder).as_posix(), _text(to_json(result)))
        if handle is not None:
            handle.close()
        return handle is not None

    def set_aside(self, key: str, end: str) -> Path:
        """Rename a result that is not to be used, so that the run is scored again; the file stays."""
        path = self.result_path(key)
        aside = path.with_name(path.name + end)
        number = 1
        while aside.exists():
            number += 1
            aside = path.with_name(f"{path.name}{end}{number}")
        with os_errors(f"rename {path}", "Check the permissions of the folder."):
            path.rename(aside)
        return aside

    # failures

    def add_failure(self, failure: Failure) -> None:
        """Record an attempt that ended with an error, under the next free number."""
        number = len(self.failures(failure.key))
        content = _text(to_json(failure))
        while (handle := self.files.create(f"{FAILURES}/{shard(failure.key)}/{failure.key}.{number}.json", content)) is None:
            number += 1
        handle.close()

    def failures(self, key: str) -> list[Failure]:
        """What went wrong with a run, oldest first; damaged records count, in the words of the damage."""
        folder = self.folder / FAILURES / shard(key)
        paths = sorted(folder.glob(f"{key}.*.json"), key=lambda path: int(path.name.split(".")[1]))
        return [_read(path, Failure, "failure") for path in paths]

    def attempts(self, among: Collection[str]) -> dict[str, int]:
        """How many attempts at each of these runs failed; runs without any are left out."""
        found: dict[str, int] = {}
        for one in _shards(among):
            for name in self.files.names(f"{FAILURES}/{one}"):
                key = name.partition(".")[0]
                if key in among:
                    found[key] = found.get(key, 0) + 1
        return found

    # claims

    def seconds_silent(self, held: Held) -> float | None:
        """Seconds since a claim was last written, by the file system's clock; None if that is unknown.

        For people who look once. Claims are not judged by it: a copy of the folder is younger than its claims.
        """
        path = self.folder / CLAIMS / shard(held.key) / f"{held.key}.{held.generation}"
        try:
            now = self._now()
            return max(0.0, now - path.stat().st_mtime)
        except OSError:
            return None

    def _now(self) -> float:
        """The time that a file written now has: the clock of a file server is not that of this machine."""
        with tempfile.TemporaryFile(dir=self.folder) as handle:
            handle.write(b"now")
            handle.flush()
            os.fsync(handle.fileno())
            return os.fstat(handle.fileno()).st_mtime

    # stopping

    def ask_to_stop(self, session: str) -> None:
        """Tell all workers of a session, wherever they run, to write a checkpoint and stop."""
        path = self.folder / STOPS / session
        with os_errors(f"write {path}", "The workers go on."):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    def is_to_stop(self, session: str) -> bool:
        """Whether the workers of a session are to stop."""
        return (self.folder / STOPS / session).exists()

    def end_session(self, session: str) -> None:
        """Forget a session; its workers have ended."""
        self.files.remove(f"{STOPS}/{session}")

    def _keys(self, kind: str, among: Collection[str] | None) -> set[str]:
        found = set()
        for one in SHARDS if among is None else _shards(among):
            for name in self.files.names(f"{kind}/{one}"):
                key, dot, rest = name.partition(".")
                if dot and rest == "json" and (among is None or key in among):
                    found.add(key)
        return found


def require_ledger(folder: Path) -> Path:
    """The folder that option `--ledger` names. Raises `UsageError` where there is none."""
    if not folder.is_dir():
        raise UsageError(f"--ledger {folder}: there is no such folder.")
    return folder


def ledger(folder: Path, *, damaged: list[str] | None = None) -> Iterator[Result]:
    """The results in a folder of result files, or in the folder of a sweep, in the order of their names.

    Args:
        damaged: takes what is wrong with files that cannot be used; without it the first of them raises `CorruptFile`.
    """
    root = folder / RESULTS if (folder / MARK).is_file() else folder
    paths = [*root.glob("*.json"), *root.glob("[0-9a-f][0-9a-f]/*.json")]
    for path in sorted(paths, key=lambda path: path.name):
        if not _KEY.fullmatch(path.stem):
            continue
        try:
            yield _read_result(path)
        except UnbraidError as error:
            if damaged is None:
                raise
            damaged.append(str(error))


def _shards(keys: Iterable[str]) -> list[str]:
    return sorted({shard(key) for key in keys})


def _text(content: object) -> bytes:
    return (json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode()


def _read(path: Path, kind: type[_T], what: str) -> _T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, ValueError, msgspec.MsgspecError):
        return read_record(path, kind, what, _REMEDY)  # ten times slower, and says what is wrong


def _read_result(path: Path) -> Result:
    found = result_today(_read(path, Result, "result"))
    if found.key != path.name.partition(".")[0]:
        raise CorruptFile(f"{path} holds the result of run {found.key}. {_REMEDY}")
    return found


def in_words(error: BaseException) -> str:
    """Kind and first line of an error."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}".rstrip(": ")
