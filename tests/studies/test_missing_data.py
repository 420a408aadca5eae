"""A study whose data are not all here trains what it can."""

from __future__ import annotations

from pathlib import Path

import pytest

from unbraid.data.idx_dataset import IdxFiles
from unbraid.errors import DataUnavailable, UnbraidWarning
from unbraid.studies.declaration import Arm, Length, Study
from unbraid.studies.run import plan_missing
from unbraid.sweep.store import Store

LENGTHS = {"quick": Length(64, 2)}
HERE = Arm("here", "vae", "ellipses", {"batch_size": 32, "size": 32}, LENGTHS)
ABSENT = Arm("absent", "vae", "mnist", {"batch_size": 32}, LENGTHS)


@pytest.fixture(autouse=True)
def no_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(self: IdxFiles, name: str) -> Path:
        raise DataUnavailable("There is no MNIST.")

    monkeypatch.setattr(IdxFiles, "get", unavailable)


def test_runs_on_other_data_are_planned_and_the_rest_is_told(tmp_path: Path) -> None:
    study = Study("?", (ABSENT, HERE), (), ())
    with pytest.warns(UnbraidWarning, match=r"2 runs on mnist are left out: There is no MNIST\."):
        plan = plan_missing("mine", study, "quick", Store.make(tmp_path / "s"), [], device="cpu")
    assert plan is not None
    assert [(point.group.data, point.seed) for point in plan.points()] == [("ellipses", 0), ("ellipses", 1)]


def test_where_nothing_else_is_missing_the_error_is_told(tmp_path: Path) -> None:
    study = Study("?", (ABSENT,), (), ())
    with pytest.warns(UnbraidWarning), pytest.raises(DataUnavailable, match="no MNIST"):
        plan_missing("mine", study, "quick", Store.make(tmp_path / "s"), [], device="cpu")
