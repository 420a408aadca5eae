"""Tables of many or long columns stay readable at 80 columns and in a pipe."""

from __future__ import annotations

from io import StringIO

import pytest

from unbraid.cli import tables
from unbraid.cli.console import _Console
from unbraid.cli.tables import blocks, make_table
from unbraid.metrics.score_table import ScoreTable


def shown(columns: list[str], width: int) -> str:
    table = make_table("metric", *columns)
    table.add_row("a metric of a long name", *(f"{i / 100:.3f}" for i in range(len(columns))))
    table.add_row("mig", *("-" for _ in columns))
    file = StringIO()
    console = _Console(file=file, width=width, markup=False)
    for block in blocks(table, width):
        console.print(block)
    return file.getvalue()


@pytest.mark.parametrize("count", [1, 11, 40])
@pytest.mark.parametrize("width", [60, 80, 200])
def test_every_column_is_whole(count, width):
    names = [f"attribute_number_{i}" for i in range(count)]
    text = shown(names, width)
    assert "…" not in text
    for i, name in enumerate(names):
        assert name in text
        assert f"{i / 100:.3f}" in text
    assert max(map(len, text.splitlines())) <= width
    assert text.count("a metric of a long name") == text.count("mig")


def test_a_table_that_fits_is_one():
    table = make_table("metric", "score")
    assert blocks(table, 80) == [table]


def test_of_very_many_factors_those_with_the_highest_scores_are_shown(capsys):
    scores = {f"a{k}": 0.9 if k in (7, 38) else 0.0 for k in range(40)}
    tables.print_metrics({"mig": {"score": 0.1, "per_factor": scores}})
    shown = capsys.readouterr().out
    assert "By factor, of 40 the 12 with the highest scores" in shown
    assert "a38" in shown
    assert "a39" not in shown
    tables.print_metrics({"mig": {"score": 0.1, "per_factor": {f"a{k}": 0.0 for k in range(12)}}})
    shown = capsys.readouterr().out
    assert "By factor\n" in shown
    assert "a11" in shown


def test_a_caution_that_is_the_reason_for_a_missing_interval_stands_once(capsys):
    few = "300 samples do not show a latent that knows less"
    scores = {"mig": {"score": 0.1, "no_interval": few, "per_factor": {"x": 0.1}}}
    tables.print_metrics(scores, cautions=[f"{few}.", "Another caution."])
    shown = capsys.readouterr().out
    assert f"No interval for mig: {few}.\nAnother caution.\n\nBy factor\n" in shown
    assert shown.count(few) == 1
    in_python = str(ScoreTable(scores, 300, ("x",), (f"{few}.", "Another caution.")))
    assert in_python.endswith(f"No interval for mig: {few}.\nAnother caution.")
    tables.print_metrics({"mig": {"score": 0.1}}, cautions=[])
    assert "\n\n\n" not in capsys.readouterr().out
