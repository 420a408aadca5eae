"""Registries: one file with one decorator makes a thing exist.

A registry imports every module of its package, and every entry point of its group, the first time somebody asks it
for a name. Nothing else keeps a list: the command line, configurations, `unbraid list`, contract tests and docs ask
the registry.
"""

from __future__ import annotations

import importlib
import pkgutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any

from unbraid.errors import UnknownName
from unbraid.options import OptionSpec, options_of, resolve


@dataclass(frozen=True)
class Entry:
    """A registered thing: the factory that makes it, where it comes from, and notes for people."""

    name: str
    kind: str
    factory: Callable[..., Any]
    source: str
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """First line of the factory's docstring."""
        return (self.factory.__doc__ or "").strip().split("\n", 1)[0]

    @property
    def options(self) -> Mapping[str, OptionSpec]:
        """The options the factory takes."""
        return options_of(self.factory)

    def resolve(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All options with their checked values."""
        return resolve(self.factory, given, f"{self.kind} '{self.name}'")


class Registry:
    """Names of one kind of part.

    Args:
        kind: the singular, as used in messages ("data set").
        plural: the word after `unbraid list`, and the entry-point group `unbraid.<plural>`.
        package: module whose sub-modules hold the parts (or that holds them all itself).
        hint: what to do instead where somebody asks for a name that is not registered; empty where there is nothing to say.
    """

    def __init__(self, kind: str, plural: str, package: str, hint: Callable[[str], str] | None = None) -> None:
        self.kind, self.plural, self.package = kind, plural, package
        self._hint = hint or (lambda name: "")
        self._entries: dict[str, Entry] = {}
        self._discovered = False

    def register(self, name: str, *, source: str, **details: Any) -> Callable[[Callable[..., Any]], Any]:
        """Decorator that registers a function or class under a name, with its citation."""

        def decorate(factory: Callable[..., Any]) -> Callable[..., Any]:
            known = self._entries.get(name)
            if known and (known.factory.__module__, known.factory.__qualname__) != (
                factory.__module__,
                factory.__qualname__,
            ):
                raise ValueError(f"{self.kind} {name!r} is registered twice: {known.factory} and {factory}")
            self._entries[name] = Entry(name, self.kind, factory, source, details)
            return factory

        return decorate

    def _discover(self) -> None:
        if self._discovered:
            return
        self._discovered = True
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(getattr(package, "__path__", ())):
            importlib.import_module(f"{self.package}.{module.name}")
        for point in entry_points(group=f"unbraid.{self.plural}"):
            try:
                point.load()
            except Exception as error:  # somebody else's package must not take ours down
                warnings.warn(f"Plugin {point.value!r} ({self.plural}) did not load: {error!r}", stacklevel=2)

    def __getitem__(self, name: str) -> Entry:
        self._discover()
        if name not in self._entries:
            raise UnknownName(self.kind, name, self._entries, see=f"unbraid list {self.plural}", hint=self._hint(name))
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        self._discover()
        return name in self._entries

    def __iter__(self) -> Iterator[Entry]:
        self._discover()
        return iter(sorted(self._entries.values(), key=lambda entry: entry.name))

    def names(self) -> list[str]:
        """All registered names, sorted."""
        return [entry.name for entry in self]
