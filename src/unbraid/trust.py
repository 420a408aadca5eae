"""Names of parts of modules, like "mylab.nets:Encoder", and when their modules may be imported."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from typing import Any

from unbraid.errors import UsageError

MAIN = "__main__"
"""The module that a notebook or script is."""
_trusted: ContextVar[bool] = ContextVar("trusted", default=False)


@contextmanager
def trusting(trust: bool = True) -> Iterator[None]:
    """Import modules that names ask for; otherwise only those count that are imported already."""
    token = _trusted.set(trust or _trusted.get())
    try:
        yield
    finally:
        _trusted.reset(token)


def is_trusting() -> bool:
    """Whether modules may be imported because a name asks for it."""
    return _trusted.get()


def is_own(name: object) -> bool:
    """Whether a name is a module and what to take from it, like "mylab.nets:Encoder"."""
    return isinstance(name, str) and ":" in name


def named_object(kind: str, name: str) -> Callable[..., Any]:
    """The class or function of a name MODULE:NAME, whose module is imported if that is allowed.

    Args:
        kind: what it is the name of, for errors.
        name: the name.

    Raises `UsageError` for a name that is none, a module that is not imported or cannot be, and for what is not there.
    """
    module, _, attribute = name.partition(":")
    if not attribute.isidentifier() or not all(map(str.isidentifier, module.split("."))):
        raise UsageError(f"{kind} {name!r} does not name a part of a module; give MODULE:NAME, like mylab.parts:own.")
    if module not in sys.modules:
        _import(kind, module, name)
    found: Any = getattr(sys.modules[module], attribute, None)
    if not callable(found) and module == MAIN:
        raise UsageError(
            f"The {kind} {attribute!r} was defined in a notebook or script, which is not the one that runs now. Define it here "
            "before the run is loaded, or put it into a module and train with that."
        )
    if not callable(found):
        raise UsageError(f"{kind} {name!r}: the module {module} has no class or function {attribute!r}.")
    own: Callable[..., Any] = found
    return own


def _import(kind: str, module: str, name: str) -> None:
    """Import a module, if that is allowed: it runs the module's code."""
    if not _trusted.get():
        raise UsageError(
            f"The {kind} is {name!r}, and {module} is not imported. Importing it runs its code, so this is done only "
            f"when you ask for it. If you trust that module: import {module} first, or unbraid.load(RUN, trust=True); on "
            "the command line --trust."
        )
    try:
        import_module(module)
    except Exception as error:  # any code may stand there
        raise UsageError(
            f"{kind} {name!r}: {module} cannot be imported ({type(error).__name__}: {error}). Install its package, or "
            "put the folder that holds it on PYTHONPATH."
        ) from error
