"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool = False) -> list[str]:
    """The lines of a table.

    Args:
        columns: headings.
        rows: of cells, which may hold several lines and upright strokes.
        numbers: align all columns but the first to the right.
    """
    marks = ["---", *("---:" if numbers else "---" for _ in columns[1:])]
    return [_line(columns), "| " + " | ".join(marks) + " |", *map(_line, rows)]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
