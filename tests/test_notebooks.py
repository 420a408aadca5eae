"""docs/notebooks.md as a notebook: every cell runs in a kernel, and shows what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

PAGE = Path(__file__).parent.parent / "docs" / "notebooks.md"
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def notebook(tmp_path_factory) -> nbformat.NotebookNode:
    """The page's cells, run."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    steps = {"steps=200": "steps=20", "limit=1000": 'limit=500, metrics=["mig"]'}  # what costs time shows the same sooner
    for long, short in steps.items():
        assert any(long in block for block in blocks), long
        blocks = [block.replace(long, short) for block in blocks]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(block) for block in blocks])
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": tmp_path_factory.mktemp("notebook")}}).execute()
    return notebook


@pytest.fixture(scope="module")
def outputs(notebook) -> list[list[dict[str, str]]]:
    """What each cell shows: the kinds of each of its outputs, with their content."""
    return [
        [dict(output["data"]) if "data" in output else {output["name"]: output["text"]} for output in cell.outputs]
        for cell in notebook.cells
    ]


def test_training_draws_its_bar_as_a_widget_which_stays_in_the_notebook(notebook, outputs):
    bar, *_, model = outputs[0]
    assert WIDGET in bar
    (drawn,) = [state["state"] for state in _widgets(notebook).values() if state["model_name"] == "OutputModel"]
    left = drawn["outputs"][0]["data"]["text/plain"]
    assert "beta_vae on ellipses" in left
    assert "20/20" in left
    assert "<b>beta_vae</b> of ellipses" in model["text/html"]
    assert "data:image/png" in model["text/html"]


def _widgets(notebook: nbformat.NotebookNode) -> dict[str, dict]:
    return notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (1, ["data:image/png", "orientation (40)"]),
        (2, ["<table>", "mig", "chance"]),
        (3, ["<svg", "</svg>"]),
        (4, ["<iframe", "srcdoc=", "unbraid explorer"]),
        (5, ["<table>", "locatello2019"]),
        (6, ["<table>", "Accuracy on ellipses, x", "untrained"]),
        (7, ["<table>", "Means over seeds", "beta_vae"]),
    ],
    ids=["data set", "scores", "figure", "explorer", "audit", "probe", "comparison"],
)
def test_each_result_shows_itself_as_html_beside_plain_text(outputs, cell, words):
    shown = [one for one in outputs[cell] if "text/html" in one]
    assert len(shown) == 1, outputs[cell]
    assert "text/plain" in shown[0]
    for word in words:
        assert word in shown[0]["text/html"]


def test_no_cell_prints_or_warns(outputs):
    assert not [one for cell in outputs for one in cell if {"stdout", "stderr"} & one.keys()]
