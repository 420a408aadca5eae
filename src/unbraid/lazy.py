"""Names of a package that are imported when they are first used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazy(
    package: str, names: Mapping[str, Sequence[str]], modules: Sequence[str] = (), here: Sequence[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and the sorted public names of a package.

    Args:
        package: its name.
        names: public names, by the module of the package that holds them.
        modules: modules of the package that are found by their own names.
        here: further public names, which the package itself holds.

    Raises `ValueError` for a name that a module of the package has too: once that module is imported, the package would give
    the module in place of what is meant.
    """
    if clashing := {name for held in names.values() for name in held} & set(names):
        raise ValueError(f"{package}: {', '.join(sorted(clashing))} would be hidden by a module of the same name.")
    places = {name: f"{package}.{module}" for module, held in names.items() for name in held}

    def get(name: str) -> Any:
        if name in places:
            return getattr(import_module(places[name]), name)
        if name in modules:
            return import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get, lambda: sorted([*places, *modules, *here]), sorted([*places, *here])
