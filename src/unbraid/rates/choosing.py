"""Rates chosen by name, several joined by commas: what `--rate kl,dip_ii` means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from unbraid.errors import UnknownName, UsageError
from unbraid.options import OptionSpec
from unbraid.rates.registry import rates
from unbraid.registry import Entry, Registry
from unbraid.terms import Rate


@dataclass(frozen=True)
class Sum(Entry):
    """Rates that add up, as one entry: its options are theirs, and its factory makes a tuple of all."""

    parts: tuple[Entry, ...] = ()

    @property
    def summary(self) -> str:
        """First lines of their docstrings."""
        return " ".join(part.summary for part in self.parts)

    @property
    def least_batch(self) -> int:
        """Smallest batch that all are defined for."""
        return max((part.details.get("least_batch", 1) for part in self.parts), default=1)

    @property
    def options(self) -> dict[str, OptionSpec]:
        """The options of all, by names that no two share."""
        return {name: spec for part in self.parts for name, spec in part.options.items()}

    def resolve(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All options with their checked values."""
        for name in given:
            if name not in self.options:
                raise UnknownName("option", name, self.options, of=f"{self.kind} {self.name!r}")
        return {name: value for part in self.parts for name, value in part.resolve(_of(part, given)).items()}


def _of(part: Entry, options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in part.options}


class RateChoice(Registry):
    """Looks up rates by names joined with commas; the empty name leaves a model's own rates."""

    def __init__(self) -> None:
        super().__init__(rates.kind, rates.plural, rates.package)

    def __getitem__(self, names: str) -> Sum:
        """The rates, added up, with the options of all.

        Raises `UnknownName`, and `UsageError` for rates that cannot stand together since a name would mean two things.
        """
        parts = tuple(rates[name] for name in split(names))
        for one, other in combinations(parts, 2):
            if one.name == other.name:
                raise UsageError(f"--rate {names} names {one.name} twice; name each rate once.")
            if shared := sorted(one.options.keys() & other.options.keys()):
                raise UsageError(
                    f"--rate {names}: {one.name} and {other.name} both have an option {', '.join(shared)}; choose one of the "
                    f"two. See: unbraid show {one.name}, unbraid show {other.name}"
                )

        def make(**options: Any) -> tuple[Rate, ...]:
            return tuple(part.factory(**_of(part, options)) for part in parts)

        source = "; ".join(dict.fromkeys(part.source for part in parts))
        return Sum(",".join(part.name for part in parts), self.kind, make, source, parts=parts)

    def __contains__(self, names: object) -> bool:
        return isinstance(names, str) and all(name in rates for name in split(names))

    def __iter__(self) -> Iterator[Entry]:
        return iter(rates)


def split(names: str) -> list[str]:
    """The names that commas join."""
    return [name.strip() for name in names.split(",")] if names.strip() else []


rate_choice = RateChoice()
