"""What a sweep asks for: points, taken together in groups that differ in their seed alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from unbraid.sweep.code import Code

Scalar = int | float | str | bool | None


class Request(msgspec.Struct, frozen=True):
    """One run as it was asked for, before defaults are filled in."""

    model: str
    data: str
    options: dict[str, Any]

    @property
    def seed(self) -> int:
        """Its seed; 0 unless given. Raises `UsageError` for what is no seed."""
        from unbraid.config.settings import Settings
        from unbraid.options import options_of

        seed: int = options_of(Settings)["seed"].check(self.options.get("seed", 0), "unbraid sweep")
        return seed

    @property
    def but_seed(self) -> str:
        """The same text for requests that differ in their seed alone."""
        options = {name: value for name, value in self.options.items() if name != "seed"}
        return _canonical([self.model, self.data, options])

    @property
    def given(self) -> dict[str, Any]:
        """Its options without the seed and without where data lie: what its result keeps of them."""
        from unbraid.data.registry import datasets

        paths = datasets[self.data.partition(":")[0]].details.get("paths", ())
        return {name: value for name, value in self.options.items() if name != "seed" and name not in paths}


class Group(msgspec.Struct, frozen=True):
    """Points that differ in their seed alone: what was asked for, and what it resolved to."""

    model: str
    data: str
    options: dict[str, Any]
    """As asked for, without the seed."""
    configuration: dict[str, Any]
    """Everything that makes the run, every default filled in, without the seed and without where data lie."""
    stamp: list[Any]
    """Sizes and times of the data's files when this was resolved; empty for data that are known by name."""
    seeds: list[int]

    @property
    def request(self) -> Request:
        """What was asked for, without the seed."""
        return Request(self.model, self.data, self.options)

    @property
    def label(self) -> str:
        """What to call it: the model, the data, and the options that were given."""
        return " ".join([self.model, self.data, *(f"{name}={value}" for name, value in self.options.items())])


class Point(msgspec.Struct, frozen=True):
    """One run of a group."""

    key: str
    group: Group
    seed: int

    @property
    def label(self) -> str:
        """What to call it."""
        return f"{self.group.label} seed={self.seed}"


class Scoring(msgspec.Struct, frozen=True):
    """How runs are scored."""

    images: int = 100_000
    metrics: str | list[str] = "core"


class Plan(msgspec.Struct, frozen=True):
    """What one command asks for, and the code it was planned with."""

    groups: list[Group]
    scoring: Scoring
    code: Code
    device: str = "auto"
    format: int = 1

    @property
    def name(self) -> str:
        """The same for the same points, scored the same way."""
        content = [[[group.configuration, sorted(group.seeds)] for group in self.groups], self.scoring]
        return hashlib.sha256(_canonical(msgspec.to_builtins(content)).encode()).hexdigest()[:16]

    def points(self) -> Iterator[Point]:
        """All points, first seeds of every configuration before second ones.

        So part of a sweep tells something.
        """
        longest = max((len(group.seeds) for group in self.groups), default=0)
        for place in range(longest):
            for group in self.groups:
                if place < len(group.seeds):
                    seed = group.seeds[place]
                    yield Point(key_of(group.configuration, seed), group, seed)


def key_of(configuration: Mapping[str, Any], seed: int) -> str:
    """The name of a run: a hash of its resolved configuration."""
    content = {**configuration, "seed": seed}
    content.pop("format", None)
    return hashlib.sha256(_canonical(content).encode()).hexdigest()[:16]


def _canonical(content: Any) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def by_configuration(requests: Iterable[Request]) -> dict[str, list[Request]]:
    """Requests that differ in their seed alone, together, in the order they were asked for.

    Each stands once.
    """
    found: dict[str, dict[int, Request]] = {}
    for request in requests:
        found.setdefault(request.but_seed, {}).setdefault(request.seed, request)
    return {name: list(own.values()) for name, own in found.items()}
