"""Pages made from the templates beside this file."""

from __future__ import annotations

from importlib import resources
from typing import Any

import jinja2


def render_template(name: str, **content: Any) -> str:
    """A page as text; all content is escaped, and missing content is an error."""
    world = jinja2.Environment(
        loader=jinja2.FunctionLoader(_read),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return world.get_template(name).render(**content)


def _read(name: str) -> str:
    return resources.files("unbraid.reporting").joinpath(name).read_text(encoding="utf-8")
