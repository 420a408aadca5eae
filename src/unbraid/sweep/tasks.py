"""What commands and workers say to each other."""

from __future__ import annotations

import msgspec

from unbraid.sweep.claims import EVERY, LEASE, Held

MOST_DEATHS = 10
"""A run whose workers died so often in a row without getting further is given up: it may need more memory than there is."""
ATTEMPTS = 2
"""How often a run is tried whose training ends with an error."""


class Task(msgspec.Struct, frozen=True):
    """What an engine hands to a worker.

    Args:
        folder: the sweep's.
        plan: name of the plan there.
        session: of the command that the worker works for.
        keys: the points it may take, in this order; empty for all that are free, until none is.
        over: stale claims on them.
        attempts: how many failures of a run are allowed, by key; `ATTEMPTS` where nothing is said.
        allow_version_change: whether code may differ from that of the plan.
        every, lease: of claims.
        most_deaths: a run is given up after this many deaths of its workers in a row.
        track: an experiment tracker that is told every number, as of `unbraid.train`.
    """

    folder: str
    plan: str
    session: str
    keys: list[str] = []
    over: dict[str, Held] = {}
    attempts: dict[str, int] = {}
    allow_version_change: bool = False
    every: float = EVERY
    lease: float = LEASE
    most_deaths: int = MOST_DEATHS
    track: str | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What became of a point.

    Finished, known, held, stopped, lost, failed, or refused (nothing here can be done).
    """

    key: str
    what: str
    text: str = ""
    seconds: float = 0.0
