"""A run told to a tracker: each number once, however often the run stops and resumes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import uuid4

from msgspec import Struct, field

from unbraid.errors import DataUnavailable, UnbraidError, UsageError, warn
from unbraid.files import write_json
from unbraid.records import Count, read_record, to_json
from unbraid.trackers.registry import Tracked, Tracker, trackers

FILE = "trackers.json"
"""In a run folder, where its numbers were sent."""
PROJECT = "unbraid"


class Told(Struct, kw_only=True):
    """What one tracker was told of a run.

    Args:
        id: of the run.
        steps: the last step that was sent, by kind of number.
    """

    id: str
    steps: dict[str, Count] = field(default_factory=dict)


class AllTold(Struct, kw_only=True):
    """What `trackers.json` holds: by tracker and project, as in `--track`."""

    trackers: dict[str, Told]


class NotStarted(UnbraidError):
    """A tracker failed before it was told anything."""


class Tracking:
    """Sends the numbers of a run to a tracker, as a context that finishes it.

    What was sent is noted in the run folder. A run that resumes repeats steps after its checkpoint with the same numbers, so
    these are not sent again; and where tracking begins late, the numbers from before are sent first. If the tracker
    fails while a run trains, that is warned of once, and training continues without it.

    Args:
        spec: name of a tracker, or with a project: "trackio", "trackio:thesis".
        run_name: what the tracker calls the run; by default as its folder.

    Raises `UnknownName` for a tracker that does not exist, `UsageError` for an empty project and `DataUnavailable` where its
    package is not installed.
    """

    def __init__(self, spec: str, run_name: str = "") -> None:
        self._run_name = run_name
        name, colon, project = spec.partition(":")
        self._entry = trackers[name]
        if colon and not project.strip():
            raise UsageError(f"--track {spec} names no project; write {name}, or {name}:PROJECT.")
        self._project = project or PROJECT
        package = self._entry.details.get("package", "")
        if package and find_spec(package) is None:
            install = self._entry.details.get("install", package)
            raise DataUnavailable(f"Tracker {name!r} needs the package {package}: pip install '{install}'.")
        self._key = f"{name}:{self._project}"
        self._tracker: Tracker | None = None

    def begin(self, folder: Path, options: Mapping[str, Any]) -> None:
        """Tell the tracker of a run.

        Raises `NotStarted` where it fails, and `CorruptFile` where what it was told before cannot be read.
        """
        self._path = folder / FILE
        self._all = read_record(self._path, AllTold, "trackers", _REMEDY) if self._path.is_file() else AllTold(trackers={})
        before = self._all.trackers.get(self._key)
        self._told = self._all.trackers.setdefault(self._key, Told(id=uuid4().hex))
        plain = {name: value if isinstance(value, bool | int | float | str) else str(value) for name, value in options.items()}
        run = Tracked(self._run_name or folder.name, folder, self._told.id, plain, resumes=before is not None)
        try:
            self._tracker = self._entry.factory(run, self._project)
        except Exception as error:  # code of others
            raise NotStarted(
                f"Tracker {self._entry.name!r} did not start ({type(error).__name__}: {error}). Train without it, or mend "
                "that and give the same command again."
            ) from error

    def send(self, kind: str, step: int, values: Iterable[tuple[str, float]]) -> None:
        """Send numbers of one kind and step, unless a step as late was sent before.

        Does nothing before `begin` and after a failure.
        """
        if self._tracker is None or step <= self._told.steps.get(kind, -1):
            return
        found = dict(values)
        if not found:
            return
        try:
            self._tracker.log(found, step)
        except Exception as error:  # code of others
            warn(
                f"Tracker {self._entry.name!r} failed at step {step:,} ({type(error).__name__}: {error}). The run continues "
                "without it, and its log holds the same numbers; the same command later sends those that are missing."
            )
            self._tracker = None
            return
        self._told.steps[kind] = step
        write_json(self._path, to_json(self._all))

    def __enter__(self) -> Tracking:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        tracker, self._tracker = self._tracker, None
        if tracker is None:
            return
        try:
            tracker.finish()
        except Exception as failed:  # code of others
            warn(
                f"Tracker {self._entry.name!r} did not finish ({type(failed).__name__}: {failed}); the run itself is complete."
            )


_REMEDY = "It was altered; remove it, and the tracker is told of the run anew."
