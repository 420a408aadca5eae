"""The pages of studies in docs/, and the ledger that they are made from."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from unbraid.studies.registry import studies
from unbraid.studies.results import find
from unbraid.sweep.points import Request
from unbraid.sweep.resolving import resolve
from unbraid.sweep.store import ledger

DOCS = Path(__file__).parents[2] / "docs"


def written() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("studies_of_docs", DOCS / "source" / "studies.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pages: dict[str, str] = module.pages()
    return pages


def test_pages_are_what_the_ledger_makes() -> None:
    made = written()
    assert made, "docs/ledger holds no run of any study"
    there = {path.name: path.read_text(encoding="utf-8") for path in (DOCS / "studies").glob("*.md")}
    assert there == made, "write them anew: python docs/source/studies.py"
    index = (DOCS / "studies.md").read_text(encoding="utf-8")
    assert all(f"(studies/{name})" in index for name in made)


def test_every_result_of_the_ledger_belongs_to_a_study() -> None:
    known = {
        run.result.key for entry in studies for run in find(entry.name, entry.factory(), "cpu", [DOCS / "ledger"]).everything
    }
    assert {result.key for result in ledger(DOCS / "ledger")} == known


@pytest.mark.parametrize("name", studies.names())
def test_results_mean_what_their_study_asks_for_today(name: str) -> None:
    study = studies[name].factory()
    results = find(name, study, "cpu", [DOCS / "ledger"])
    for arm in study.arms:
        for run in results.of(arm)[:1]:
            if arm.data not in ("ellipses", "dsprites_reduced", "shapes"):
                continue  # others need files
            now = resolve(Request(arm.model, arm.data, arm.asked_options("cpu")))
            then = run.result.configuration
            assert {key: now[key] for key in then if key in now} == {key: then[key] for key in then if key in now}, arm.name
