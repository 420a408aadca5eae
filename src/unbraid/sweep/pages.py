"""Pages about sweeps: one HTML file each that needs nothing else, in the style of reports."""

from __future__ import annotations

from functools import cache
from importlib import resources

import jinja2

_PACKAGES = ("unbraid.sweep", "unbraid.sweep.compare", "unbraid.reporting")
"""Where templates and styles lie."""


def template(name: str) -> jinja2.Template:
    """A template by its name."""
    return _world().get_template(name)


@cache
def _world() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader([_loader(package) for package in _PACKAGES]),
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
