"""Tables of pages, in Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

NUMBER = re.compile(r"[-0-9.,]*( %)?")


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, columns of numbers to the right."""
    right = [all(NUMBER.fullmatch(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = [head, ["--:" if own else "---" for own in right], *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
