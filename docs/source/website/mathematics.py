"""A Sphinx extension that draws mathematics as SVG when the site is built, so that pages need no script and no font."""

from __future__ import annotations

import html
import re
from functools import cache

import ziamath
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

SIZE = 17
"""Pixels of an em, where a page's text has 16: the letters of STIX Two are smaller than those of most screens' fonts."""


@cache
def drawn(tex: str, inline: bool) -> str:
    """A formula as SVG, in the color of the text around it, on the line of the text where it is inline."""
    tex = " ".join(tex.split())
    if r"\\" in tex and r"\begin" not in tex:
        tex = rf"\begin{{aligned}} {tex} \end{{aligned}}"
    formula = ziamath.Latex(tex, size=SIZE, inline=inline, color="currentColor")
    svg = formula.svg()
    _, top, _, height = map(float, re.search(r'viewBox="([^"]*)"', svg)[1].split())  # type: ignore[index]
    style = f' style="vertical-align: {-(top + height):.2f}px"' if inline else ""  # the line of the text is at 0
    return svg.replace("<svg ", f'<svg role="img" aria-label="{html.escape(tex)}"{style} ', 1)


def visit_inline(translator: HTML5Translator, node: nodes.math) -> None:
    translator.body.append(f'<span class="math">{drawn(node.astext(), inline=True)}</span>')
    raise nodes.SkipNode


def visit_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="math">{drawn(node.astext(), inline=False)}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("drawn", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
