"""What a tracker is, and the registry of those there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from unbraid.registry import Registry

trackers = Registry("tracker", "trackers", "unbraid.trackers")
"""Functions or classes (run, project) that give a `Tracker`.

Registered with `package`, the module that must be installed, and `install`, what pip calls it."""


@dataclass(frozen=True)
class Tracked:
    """A run, as a tracker is told of it.

    Args:
        name: of its folder, or of the run in a sweep.
        folder: where it is.
        id: letters and digits that no other run has; it stays the same when the run resumes.
        options: what was asked for, and defaults, by flat name: numbers, texts and booleans.
        resumes: whether this tracker was told of the run before.

    >>> from pathlib import Path
    >>> Tracked("first", Path("runs/first"), "a1b2c3", {"model": "vae", "lr": 0.001}, resumes=False).options["lr"]
    0.001
    """

    name: str
    folder: Path
    id: str
    options: Mapping[str, bool | int | float | str]
    resumes: bool


class Tracker(Protocol):
    """Receives the numbers of one run, in the order of its steps."""

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Numbers of one step, by the names that TensorBoard shows: "train/loss". Scores are "score/mig"."""
        ...

    def finish(self) -> None:
        """Nothing more comes."""
        ...
