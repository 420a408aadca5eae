"""A study as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from markupsafe import Markup, escape

from unbraid.figures.heatmaps import natural_width
from unbraid.figures.style import svg
from unbraid.reporting.pictures import STRIP_WIDTH
from unbraid.reporting.templates import render_template
from unbraid.studies.blocks import Block, Chart, Pictures, Table
from unbraid.studies.results import Results
from unbraid.studies.writing import Told, verdict_words


def render(results: Results, told: Told) -> str:
    """The page as text."""
    return render_template(
        "study.html.jinja",
        "unbraid.studies",
        name=results.name,
        budget=results.budget,
        question=results.study.question,
        headline=told.headline,
        source=told.source,
        told_claims=[
            {
                "kind": one.verdict.outcome.partition(" ")[0] if one.verdict.outcome != "not run" else "open",
                "verdict": verdict_words(one),
                "claim": one.claim.text,
                "section": one.claim.section,
                "text": with_code(one.text),
            }
            for one in told.decided
        ],
        blocks=[
            _shown(block, i, short)
            for i, (block, short) in enumerate(zip(told.blocks, _shortened([one.title for one in told.blocks]), strict=True))
        ],
        arms=_with_code(told.arms),
        trained=told.trained,
        notes=told.notes,
        commands=told.commands,
        made=told.made,
    )


def _shown(block: Block, place: int, short: str) -> dict[str, Any]:
    """A block as the template has it."""
    common = {"anchor": f"part{place}", "short": short, "title": block.title, "note": ""}
    if isinstance(block, Table):
        return common | asdict(_with_code(block)) | {"kind": "table"}
    if isinstance(block, Chart):
        # safe: matplotlib escapes the text of figures, and `svg` that of attributes
        drawn = Markup(svg(block.figure, prefix=f"chart{place}", alt=block.title))
        return common | {"kind": "chart", "svg": drawn, "width": natural_width(block.figure), "caption": block.caption}
    if isinstance(block, Pictures):
        pictures = [
            {"label": one.label, "png": _checked(one.png), "width": one.width * times, "height": one.height * times}
            for one in block.pictures
            for times in [max(1, STRIP_WIDTH // one.width)]
        ]
        return common | {"kind": "pictures", "pictures": pictures, "caption": block.caption}
    return common | {"kind": "prose", "paragraphs": [with_code(text) for text in block.paragraphs]}


def with_code(text: str) -> Markup:
    """Text in which what stands between backticks is code, as Markdown has it."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # safe: escaped before


def _with_code(table: Table) -> Table:
    """The same of the note and the cells of a table."""
    return replace(table, note=with_code(table.note), rows=[[with_code(cell) for cell in row] for row in table.rows])


def _shortened(titles: Sequence[str]) -> list[str]:
    """Titles for the list of sections: their first parts, but whole where several begin alike."""
    first = [re.split(r"[:(]", title, maxsplit=1)[0].strip() for title in titles]
    return [short if first.count(short) == 1 else title for short, title in zip(first, titles, strict=True)]


def _checked(png: str) -> str:
    base64.b64decode(png, validate=True)  # it goes into an attribute
    return png
