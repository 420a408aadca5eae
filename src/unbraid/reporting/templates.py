"""Pages made from templates: those beside this file, and those of other packages in the same style."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import jinja2


def render_template(name: str, package: str = "unbraid.reporting", /, **content: Any) -> str:
    """A page as text; all content is escaped, and missing content is an error.

    Args:
        name: of the template.
        package: where it lies; what it includes may lie beside this file too.
    """
    return _world(package).get_template(name).render(**content)


@cache
def _world(package: str) -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader([_loader(one) for one in (package, "unbraid.reporting")]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _loader(package: str) -> jinja2.FunctionLoader:
    def read(name: str) -> str | None:
        path = resources.files(package).joinpath(name)
        return path.read_text(encoding="utf-8") if path.is_file() else None

    return jinja2.FunctionLoader(read)
