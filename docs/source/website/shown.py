"""What `unbraid show` prints, as Markdown: tables and facts of the terminal become those of a page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby

from rich.table import Table
from rich.text import Text

CODE = {"option", "definition"}
"""Columns that hold words to be copied."""
PLAIN_TITLE = re.compile(r"([^,(:]+)[,:]? ?(.*)")


def to_markdown(parts: Iterable[object]) -> str:
    """Facts that follow each other become a list, and each table has a heading."""
    blocks: list[str] = []
    for is_table, own in groupby(parts, lambda part: isinstance(part, Table)):
        if is_table:
            blocks += ["\n".join(_table(one)) for one in own]
        elif facts := [text for one in own if (text := _text(one))]:
            blocks.append("\n".join(f"- {text}" for text in facts) if facts[1:] else facts[0])
    return "\n\n".join(blocks)


def _text(part: object) -> str:
    if not isinstance(part, Text):
        return _words(str(part).strip())
    plain, bold = part.plain, [span for span in part.spans if span.style == "bold"]
    if not bold:
        return _words(plain.strip())
    end = bold[0].end
    return f"**{plain[:end].strip().rstrip(':')}:** {_words(plain[end:].strip())}"


def _words(text: str) -> str:
    """Words of a terminal: what Markdown would take for its own is escaped; code in backticks stays."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(part if part.startswith("`") else re.sub(r"([*_<>$\[\]|~])", r"\\\1", part) for part in parts)


def _table(table: Table) -> list[str]:
    title, rest = PLAIN_TITLE.fullmatch(str(table.title)).groups()  # type: ignore[union-attr]
    said = rest.strip("() ")
    columns = [[_cell(cell, str(column.header)) for cell in column.cells] for column in table.columns]
    head = [str(column.header) for column in table.columns]
    rule = ["--:" if column.justify == "right" else "---" for column in table.columns]
    rows = [head, rule, *(list(row) for row in zip(*columns, strict=True))]
    about = [f"{said if said.startswith('unbraid ') else said[0].upper() + said[1:]}.", ""] if said else []
    return [f"## {title.strip()}", "", *about, *("| " + " | ".join(row) + " |" for row in rows)]


def _cell(cell: object, column: str) -> str:
    text = " ".join(str(cell).split())
    if column in CODE and text:
        return f"`{text}`"
    return _words(text)
