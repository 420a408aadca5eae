"""The runs of a study, found in ledgers by what was asked for: no data, no PyTorch.

A ledger is a folder of result files, as `results/` of a sweep is. Beside a run's KEY.json it may have KEY.evidence.json: what
else of the run is kept (`evidence`). `nulls/` holds scores of codes that know nothing of training.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from unbraid.errors import UnbraidError
from unbraid.files import read_json, write_json
from unbraid.records import finite_or_none
from unbraid.studies.declaration import Arm, Budget, Study
from unbraid.studies.evidence import Evidence
from unbraid.studies.measures import Measure, Run
from unbraid.sweep.claims import shard
from unbraid.sweep.code import Code, lettered
from unbraid.sweep.points import Request
from unbraid.sweep.records import Result
from unbraid.sweep.resolving import settings_by_part
from unbraid.sweep.store import MARK, RESULTS, Store, ledger

NULLS = "nulls"
"""The folder of a ledger that holds scores of codes that know nothing of training."""


@dataclass(frozen=True)
class Results:
    """What there is of a study at one budget.

    Args:
        name: of the study.
        study: the declaration.
        budget: whose runs.
        seeds: of each arm, where other numbers were asked for than it says itself.
        runs: of each arm by its name, by ascending seed.
        nulls: scores of codes that know nothing of training, by data set and kind (`nulls.key_of`).
        notes: what could not be read.
    """

    name: str
    study: Study
    budget: Budget
    seeds: int | None
    runs: Mapping[str, Sequence[Run]]
    nulls: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def of(self, arm: Arm) -> Sequence[Run]:
        """The runs of an arm."""
        return self.runs[arm.name]

    def values(self, arm: Arm, measure: Measure) -> dict[int, float]:
        """The measure of each run of an arm, by seed; runs without it are left out."""
        found = {run.result.seed: measure.of(run) for run in self.of(arm)}
        return {seed: value for seed, value in found.items() if math.isfinite(value)}

    def mean(self, arm: Arm, measure: Measure) -> float:
        """The mean of a measure over the runs of an arm that have it, NaN where none has."""
        values = list(self.values(arm, measure).values())
        return float(np.mean(values)) if values else math.nan

    def wanted(self, arm: Arm) -> int:
        """How many runs of an arm the budget has."""
        return len(arm.seeds(self.budget, self.seeds))

    @property
    def everything(self) -> list[Run]:
        """All runs, each once."""
        return list({run.result.key: run for arm in self.study.arms for run in self.of(arm)}.values())

    @property
    def codes(self) -> list[Code]:
        """The code that made these runs, each once."""
        return list({run.result.code.identity: run.result.code for run in self.everything}.values())

    @property
    def letters(self) -> dict[str, str]:
        """A letter for each of these, by its identity."""
        return lettered(self.codes)

    @property
    def missing(self) -> int:
        """Runs of the budget that there are not."""
        return sum(max(0, self.wanted(arm) - len(self.of(arm))) for arm in self.study.arms)


def find(
    name: str,
    study: Study,
    budget: Budget,
    places: Sequence[Path],
    *,
    seeds: int | None = None,
    keep: Path | None = None,
) -> Results:
    """The runs of a study.

    Args:
        name, study: as registered.
        budget: whose runs.
        places: ledgers and folders of sweeps; the first that has a run counts.
        seeds: of each arm; as many as it says itself unless given.
        keep: a ledger that evidence is added to which can be made from run folders, and is in none of the places.
    """
    notes: list[str] = []
    index: dict[tuple[str, str], dict[str, Run]] = {}
    for place in places:
        for run in _at(place, notes):
            index.setdefault((run.result.model, run.result.data), {}).setdefault(run.result.key, run)
    runs: dict[str, Sequence[Run]] = {}
    for arm in study.arms:
        asked = Request(arm.model, arm.data, arm.asked_options(budget)).given if budget in arm.lengths else {}
        own = index.get((arm.model, arm.data.partition(":")[0]), {})  # results do not say where data lie
        found = {run.result.seed: run for run in own.values() if _is_of(run.result, asked)}
        chosen = [_completed(found[seed], places) for seed in sorted(found) if seeds is None or seed < seeds]
        runs[arm.name] = [_with_evidence(run, study.evidence, i == 0, keep, notes) for i, run in enumerate(chosen)]
    made: Mapping[str, Sequence[Run]] = runs
    for together in study.together:
        made = together(made)
    return Results(name, study, budget, seeds, made, notes=tuple(dict.fromkeys(notes)))


def _is_of(result: Result, asked: Mapping[str, Any]) -> bool:
    """Whether a run is what is asked for: so were its options, and all others were its defaults."""
    if not result.given.items() <= asked.items():
        return False
    had = settings_by_part(result.configuration)
    for name in asked.keys() - result.given.keys():
        values = [value for (part, option), value in had.items() if name in (option, f"{part}_{option}")]
        if not values or any(value != asked[name] for value in values):
            return False
    return True


def _at(place: Path, notes: list[str]) -> Iterator[Run]:
    store = Store(place) if (place / MARK).is_file() else None
    for result in ledger(place, damaged=notes):
        folder = store.run_folder(result.key) if store else None
        yield Run(result, {}, folder if folder is not None and folder.is_dir() else None)


def ledger_of(place: Path) -> Path:
    """The ledger in a folder: its `results/` where it is the folder of a sweep."""
    return place / RESULTS if (place / MARK).is_file() else place


def evidence_path(place: Path, key: str) -> Path:
    """Where a ledger keeps what it has of a run beside its result."""
    return ledger_of(place) / shard(key) / f"{key}.evidence.json"


def _completed(run: Run, places: Sequence[Path]) -> Run:
    """The run with what all ledgers keep of it, and with its folder if any has it."""
    key = run.result.key
    found: dict[str, Any] = {}
    folder = run.folder
    for place in reversed(places):
        path = evidence_path(place, key)
        if path.is_file():
            found |= read_json(path, "evidence of a run")
        if folder is None and (place / MARK).is_file() and Store(place).run_folder(key).is_dir():
            folder = Store(place).run_folder(key)
    return Run(run.result, found, folder)


def _with_evidence(run: Run, wanted: Sequence[Evidence], first: bool, keep: Path | None, notes: list[str]) -> Run:
    """The run with evidence that its folder can still give; added to the ledger `keep`."""
    absent = [one for one in wanted if one.name not in run.evidence and (first or not one.first_seed_only)]
    if not absent or run.folder is None or keep is None:
        return run
    from unbraid.api import view_of

    made: dict[str, Any] = dict(run.evidence)
    view = view_of(run.folder, device="cpu")
    for one in absent:
        try:
            made[one.name] = one.make(view)
        except UnbraidError as error:
            notes.append(f"No {one.name} of {run.folder}: {error}")
    path = evidence_path(keep, run.result.key)
    write_json(path, finite_or_none(made))
    return Run(run.result, made, run.folder)


def clone_ledger() -> Path | None:
    """The ledger of the checkout that unbraid runs from; None where it is installed as a package."""
    folder = Path(__file__).parents[3] / "docs" / "ledger"
    return folder if folder.is_dir() else None


def seconds_of(result: Result) -> float:
    """Of one core: training and scoring."""
    return result.train_seconds + result.evaluate_seconds
