"""Docstrings as Markdown: mathematics, examples and arguments as blocks of their own."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator

MATH = re.compile(r"^( *)\.\. math::(.*(?:\n(?:\1 +\S.*|\s*(?=\n\1 +\S)))*)", re.MULTILINE)
PAGE = re.compile(r"(?<![\w(/`])docs/([\w/-]+)\.md")
"""A page of docs/ that is named in words."""
SECTIONS = {
    "Args": "Arguments",
    "Attributes": "Attributes",
    "Raises": "Raises",
    "Returns": "Returns",
    "Yields": "Yields",
    "Example": "Example",
}


def to_markdown(docstring: str | None) -> str:
    """A docstring as Markdown."""
    text = re.sub(r":math:`([^`]*)`", r"$\1$", inspect.cleandoc(docstring or ""))
    text = PAGE.sub(r"[\1](/\1.md)", text)
    text = MATH.sub(lambda found: f"\n\n{math(found[2])}\n\n", text)
    return "\n\n".join(block for block in _blocks(text) if block.strip()).strip()


def math(tex: str) -> str:
    """A formula on lines of its own."""
    lines = "\n".join(line.strip() for line in tex.strip().splitlines())
    return f"```math\n{lines}\n```"


def _blocks(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text):
        heading = re.match(r"(\w+):\n(?= )", paragraph)
        if heading and heading[1] in SECTIONS:
            yield f"**{SECTIONS[heading[1]]}**"
            yield _items(textwrap.dedent(paragraph[heading.end() :]))
        elif paragraph.lstrip().startswith(">>>"):
            yield f"```pycon\n{textwrap.dedent(paragraph)}\n```"
        else:
            yield paragraph


def _items(text: str) -> str:
    """A list of "name: what it is", each perhaps over several lines."""
    items: list[str] = []
    for line in text.splitlines():
        if line.startswith(" ") and items:
            items[-1] += f" {line.strip()}"
        else:
            items.append(line.strip())
    return "\n".join(_item(item) for item in items)


def _item(text: str) -> str:
    named = re.match(r"([*\w, .()\[\]|]+?): (.*)", text)
    if named is None:
        return f"- {text}"
    names = ", ".join(f"`{name.strip()}`" for name in named[1].split(","))
    return f"- {names}: {named[2]}"


def summary(docstring: str | None) -> str:
    """The first line."""
    return inspect.cleandoc(docstring or "").partition("\n")[0]
