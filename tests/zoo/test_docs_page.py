"""docs/zoo.md says what the committed results of its last part say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def zoo(monkeypatch) -> ModuleType:
    """The program that writes the page."""
    monkeypatch.syspath_prepend(DOCS / "source")
    spec = importlib.util.spec_from_file_location("zoo_of_docs", DOCS / "source" / "zoo.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_the_page_is_that_of_the_committed_results(zoo):
    table = zoo.factor()
    assert len(table.splitlines()) > 2
    assert table in (DOCS / "zoo.md").read_text(encoding="utf-8"), "write it anew: python docs/source/zoo.py factor --print"


def test_committed_results_are_of_the_settings_that_they_are_named_for(zoo):
    for name, (model, changed) in zoo.FACTOR.items():
        for result in zoo.kept(name):
            settings = {**result.configuration, **result.configuration["model_options"]}
            assert (result.model, result.data, result.steps) == (model, zoo.DATA, zoo.STUDIED["steps"])
            expected = {**zoo.STUDIED, **changed}
            assert {option: settings[option] for option in expected} == expected
            assert result.scored_images == zoo.SCORED
