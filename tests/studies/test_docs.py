"""The pages of studies in docs/, and the ledger that they are made from."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from unbraid.studies.registry import studies
from unbraid.studies.results import find
from unbraid.sweep.points import Request
from unbraid.sweep.resolving import resolve
from unbraid.sweep.store import ledger

DOCS = Path(__file__).parents[2] / "docs"


def source() -> ModuleType:
    spec = importlib.util.spec_from_file_location("studies_of_docs", DOCS / "source" / "studies.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pages_are_what_the_ledger_makes() -> None:
    module = source()
    made: dict[str, str] = module.pages()
    assert made, "docs/ledger holds no run of any study"
    there = {path.name: path.read_text(encoding="utf-8") for path in (DOCS / "studies").glob("*.md")}
    assert there == made, "write them anew: python docs/source/studies.py"
    index = (DOCS / "studies.md").read_text(encoding="utf-8")
    assert all(f"(studies/{name})" in index for name in made)
    claims = module.claims(name.removesuffix(".md") for name in made)
    assert (DOCS / "claims.md").read_text(encoding="utf-8") == claims, "write it anew: python docs/source/studies.py"
    assert "(claims.md)" in index


def test_the_page_of_claims_has_every_claim_and_fits_80_columns() -> None:
    page = (DOCS / "claims.md").read_text(encoding="utf-8")
    assert max(map(len, page.splitlines())) <= 80
    one_line = re.sub(r"\s+", " ", page.replace("\\", ""))
    wanted = [claim for entry in studies for claim in entry.factory().claims]
    assert len(wanted) >= 40
    for claim in wanted:
        assert f"{claim.text} (" in one_line


def test_every_result_of_the_ledger_belongs_to_a_study() -> None:
    known = {
        run.result.key for entry in studies for run in find(entry.name, entry.factory(), "cpu", [DOCS / "ledger"]).everything
    }
    assert {result.key for result in ledger(DOCS / "ledger")} == known


@pytest.mark.parametrize("name", studies.names())
def test_what_a_page_needs_of_a_run_lies_beside_its_result(name: str) -> None:
    study = studies[name].factory()
    results = find(name, study, "cpu", [DOCS / "ledger"])
    for arm in study.arms:
        for i, run in enumerate(results.of(arm)):
            wanted = {one.name for one in study.evidence if i == 0 or not one.first_seed_only}
            assert wanted <= run.evidence.keys(), f"{arm.name}, seed {run.result.seed}: {wanted - run.evidence.keys()}"


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
