"""Options of a part, read from the signature of the function that makes it.

A model, data set, encoder or likelihood is a function; its keyword arguments *are* its options. The command
line, the configuration file, `unbraid show` and the checks all read them from here, so that an option is
written once:

    def ellipses(size: Annotated[Literal[32, 64], Option("image width and height in pixels")] = 32): ...
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass
from functools import cache, wraps
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from unbraid.errors import UnknownName, UsageError

P = ParamSpec("P")
R = TypeVar("R")
_LONGEST = 200
"""Characters of a refused value that are quoted."""


def _plain(limit: float) -> str:
    return f"{limit:,.0f}" if abs(limit) >= 10_000 else f"{limit:g}"


@dataclass(frozen=True)
class Option:
    """Help text and allowed range of an option; attach it with `Annotated`.

    >>> share = Option("share of the images", ge=0, lt=1)
    >>> share.allows(0.1), share.allows(1.0), share.range
    (True, False, 'at least 0 and below 1')
    """

    help: str
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None

    @property
    def range(self) -> str:
        """The allowed range in words, empty where there is none."""
        low = (
            f"at least {_plain(self.ge)}" if self.ge is not None else f"above {_plain(self.gt)}" if self.gt is not None else ""
        )
        high = (
            f"at most {_plain(self.le)}" if self.le is not None else f"below {_plain(self.lt)}" if self.lt is not None else ""
        )
        return " and ".join(part for part in (low, high) if part)

    def allows(self, value: float) -> bool:
        """Whether a number lies in the range; NaN and infinities never do."""
        return (
            math.isfinite(value)
            and (self.ge is None or value >= self.ge)
            and (self.gt is None or value > self.gt)
            and (self.le is None or value <= self.le)
            and (self.lt is None or value < self.lt)
        )


@dataclass(frozen=True)
class OptionSpec:
    """One option as declared: its name, type (int, float, bool, str or Literal), default and limits."""

    name: str
    type: Any
    default: Any
    option: Option

    @property
    def allowed(self) -> str:
        """The allowed values in words, as every refusal and `unbraid show` say them."""
        if get_origin(self.type) is Literal:
            return ", ".join(map(str, get_args(self.type)))
        words = {bool: "true or false", int: "a whole number", float: "a finite number"}
        return f"{words.get(self.type, 'text')} {self.option.range}".strip()

    def check(self, value: Any, owner: str) -> Any:
        """The value in the declared type, or a `UsageError` that names the option and what it allows."""
        if value is None and self.default is None:
            return None
        if get_origin(self.type) is Literal:
            for choice in get_args(self.type):
                if value == choice and type(value) is type(choice):
                    return choice
            raise self._refusal(value, owner)
        if self.type in (bool, str):
            if not isinstance(value, self.type):
                raise self._refusal(value, owner)
            return value
        if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
            raise self._refusal(value, owner)
        number = _float(value)
        whole = self.type is not int or (math.isfinite(number) and value == int(value))
        if not (whole and self.option.allows(number)):
            raise self._refusal(value, owner)
        return self.type(value)

    def read(self, word: str | bool, owner: str) -> Any:
        """The same of a word of the command line; whole numbers may be written 300_000 or 3e5."""
        if not isinstance(word, str) or self.type in (bool, str):
            return self.check(word, owner)
        if get_origin(self.type) is Literal:
            return self.check(next((choice for choice in get_args(self.type) if str(choice) == word), word), owner)
        try:
            return self.check(float(word) if self.type is float else _whole(word), owner)
        except ValueError as error:
            if isinstance(error, UsageError):
                raise
            raise self._refusal(word, owner) from None

    def _refusal(self, value: Any, owner: str) -> UsageError:
        flag = f"--{self.name.replace('_', '-')}"
        is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
        allowed = self.allowed if is_number else self.allowed.replace("a finite number", "a number")
        return UsageError(f"{flag} of {owner} is {_shown(value)}; allowed: {allowed}.")


def _whole(word: str) -> int | float:
    try:
        return int(word)
    except ValueError:
        return float(word)


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number of more than 308 digits
        return math.inf if value > 0 else -math.inf


def _shown(value: Any) -> str:
    if isinstance(value, int) and value.bit_length() > 256:
        return f"a whole number of {value.bit_length():,} bits"
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 2 :]}"


def _without_none(kind: Any) -> Any:
    if get_origin(kind) not in (Union, UnionType):
        return kind
    (kept,) = (part for part in get_args(kind) if part is not type(None))
    return kept


@cache  # reading annotations takes a millisecond, and a command reads those of every part
def options_of(factory: Callable[..., Any]) -> Mapping[str, OptionSpec]:
    """The options of a factory: its keyword parameters that carry an `Option`."""
    specs = {}
    plain_class = inspect.isclass(factory) and not is_dataclass(factory)
    hints = get_type_hints(factory.__init__ if plain_class else factory, include_extras=True)
    for name, parameter in inspect.signature(factory).parameters.items():
        hint = hints.get(name)
        if get_origin(hint) is Annotated:
            kind, *notes = get_args(hint)
            for note in notes:
                if isinstance(note, Option):
                    specs[name] = OptionSpec(name, _without_none(kind), parameter.default, note)
    return MappingProxyType(specs)


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """The function, with numbers that are given by name checked as its options declare them.

    Raises `UsageError` for a fraction where a whole number is asked for, and for numbers out of range. Names of choices are
    left to the function.
    """

    @wraps(function)
    def call(*args: P.args, **given: P.kwargs) -> R:
        specs = options_of(function)
        for name, value in given.items():
            if name in specs and specs[name].type in (int, float):
                given[name] = specs[name].check(value, function.__name__)
        return function(*args, **given)

    return call


def resolve(factory: Callable[..., Any], given: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Every option of a factory with its value: the given one, checked, or the default.

    Raises `UnknownName` for an option the factory does not have and `UsageError` for a value it refuses.
    """
    specs = options_of(factory)
    for name in given:
        if name not in specs:
            raise UnknownName("option", name, specs, of=owner)
    return {name: spec.check(given.get(name, spec.default), owner) for name, spec in specs.items()}
