"""Training what is missing of a study, as a sweep: a killed study goes on, studies share runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from unbraid.errors import DataUnavailable, warn
from unbraid.studies.declaration import Budget, Study
from unbraid.studies.results import find
from unbraid.sweep.planning import make_plan
from unbraid.sweep.points import Plan, Request, Scoring
from unbraid.sweep.resolving import resolve
from unbraid.sweep.store import Store


def missing(name: str, study: Study, budget: Budget, places: Sequence[Path], seeds: int | None) -> list[Request]:
    """The runs of a study that no ledger holds, first seeds of every arm before second ones."""
    there = find(name, study, budget, places, seeds=seeds)
    wanted: list[tuple[int, Request]] = []
    for arm in study.arms:
        known = {run.result.seed for run in there.of(arm)}
        wanted += [(one.seed, one) for one in arm.requests(budget, seeds) if one.seed not in known]
    return [request for _, request in sorted(wanted, key=lambda pair: pair[0])]


def plan_missing(
    name: str,
    study: Study,
    budget: Budget,
    store: Store,
    places: Sequence[Path],
    *,
    seeds: int | None = None,
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> Plan | None:
    """A plan of what is missing; None where nothing is. Nothing is written.

    Runs on data that cannot be had are left out with an `UnbraidWarning`, so that the others can be trained; raises
    `DataUnavailable` where nothing else is missing.

    Args:
        store: the folder that the runs will lie in.
        places: further ledgers whose runs are not trained again.
        seeds: of each arm; as many as it says itself unless given.
        device: for all of them.
        progress: told how many configurations of how many are resolved.
    """
    requests = missing(name, study, budget, [store.folder, *places], seeds)
    if not requests:
        return None
    scoring = Scoring(study.scored[budget], list(study.metrics) or "core")
    try:
        return make_plan(requests, scoring, store.plans(), device=device, progress=progress)
    except DataUnavailable:
        left = _available(requests)
        return make_plan(left, scoring, store.plans(), device=device, progress=progress)


def _available(requests: Sequence[Request]) -> list[Request]:
    """Those whose data can be had, with a warning about the others.

    Raises `DataUnavailable` where there are none.
    """
    by_data: dict[str, list[Request]] = {}
    for request in requests:
        by_data.setdefault(request.data, []).append(request)
    left: list[Request] = []
    errors: list[DataUnavailable] = []
    for data, own in by_data.items():
        try:
            resolve(own[0])
        except DataUnavailable as error:
            errors.append(error)
            warn(f"{len(own)} runs on {data} are left out: {error}")
        else:
            left += own
    if not left:
        raise errors[0]
    return left
