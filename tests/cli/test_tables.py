"""Tables of many or long columns stay readable at 80 columns and in a pipe."""

from __future__ import annotations

from io import StringIO

import pytest

from unbraid.cli.console import _Console
from unbraid.cli.tables import blocks, make_table


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
