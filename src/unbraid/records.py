"""Stored records: JSON files read as typed structures.

Errors name the field, what it holds and what is allowed.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from unbraid.errors import CorruptFile
from unbraid.files import read_json

_T = TypeVar("_T")
_WORDS = {
    "int": "a whole number",
    "float": "a finite number",
    "bool": "true or false",
    "str": "text",
    "object": "an object",
    "array": "a list",
    "null": "null",
}
_UNKNOWN = object()
_LONGEST = 60
"""Characters of a refused value that are quoted."""

Finite = Annotated[float, msgspec.Meta(ge=-sys.float_info.max, le=sys.float_info.max)]
"""A number that is neither NaN nor infinite, which `1e999` in a JSON file would be."""
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""A whole number, at least 0."""


def read_record(path: Path, kind: type[_T], what: str, remedy: str = "") -> _T:
    """Read a JSON file as a record.

    Args:
        path: the file.
        kind: a `msgspec.Struct` or any type that msgspec converts to. A field may be `float | None` where a number may not be
            finite: JSON has no NaN, so null stands for it.
        what: the file in words, for messages: "scores".
        remedy: what to do about a damaged file.

    Raises `UnbraidError` where the file cannot be read and `CorruptFile` where it does not hold such a record.
    """
    return as_record(read_json(path, what), kind, str(path), remedy)


def as_record(content: Any, kind: type[_T], where: str, remedy: str = "") -> _T:
    """JSON content as a record. Raises `CorruptFile` that names the field, its value and what is allowed."""
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        raise CorruptFile(f"{where}: {_problem(*_located(str(error), content, kind))} {remedy}".rstrip()) from None


def to_json(record: Any) -> Any:
    """A record as plain JSON content: objects, lists, numbers, text."""
    return msgspec.to_builtins(record)


def finite_or_none(content: Any) -> Any:
    """The same JSON with None, JSON's null, in the place of NaN and infinities."""
    if isinstance(content, Mapping):
        return {key: finite_or_none(value) for key, value in content.items()}
    if isinstance(content, list):
        return [finite_or_none(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def content_digest(content: Mapping[str, Any]) -> str:
    """SHA-256 of the content of a JSON file, which holds it as `own_sha256`; that field does not count."""
    checked = {name: value for name, value in content.items() if name != "own_sha256"}
    return hashlib.sha256(json.dumps(checked, sort_keys=True).encode()).hexdigest()


def _located(message: str, content: Any, kind: Any) -> tuple[str, list[Any], Any]:
    """Why content is refused, the path of names and positions to the value, and the value.

    The converter leaves out the names of a mapping's items; they are found by converting with one item at a time.
    """
    reason, _, path = message.partition(" - at `")
    found = re.findall(r"\.([^.\[\]`]+)|\[(\d+|\.\.\.)\]", path)
    steps: list[Any] = [int(i) if i.isdecimal() else name or ... for name, i in found]
    for place, step in enumerate(steps):
        items = _at(content, steps[:place])
        if step is ... and isinstance(items, Mapping):
            steps[place] = next(
                name for name in items if _message(_with(content, steps[:place], {name: items[name]}), kind) == message
            )
    return reason, steps, _at(content, steps)


def _message(content: Any, kind: Any) -> str:
    try:
        msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        return str(error)
    return ""


def _at(content: Any, steps: list[Any]) -> Any:
    """The value at a place; None where there is no such place."""
    for step in steps:
        if not isinstance(content, Mapping if isinstance(step, str) else list):
            return None
        content = content[step] if isinstance(content, list) else content.get(step)
    return content


def _with(content: Any, steps: list[Any], value: Any) -> Any:
    """The same content with another value at a place."""
    if not steps:
        return value
    first, *rest = steps
    if isinstance(content, Mapping):
        return {**content, first: _with(content[first], rest, value)}
    return [*content[:first], _with(content[first], rest, value), *content[first + 1 :]]


def _problem(reason: str, steps: list[str | int], value: Any) -> str:
    """The message of the converter in the words of the library's other errors."""
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")
    if missing := re.match(r"Object missing required field `(.+)`", reason):
        return f"{place or 'it'} lacks {missing[1]}."
    if unknown := re.match(r"Object contains unknown field `(.+)`", reason):
        return f"{place or 'it'} has the unknown field {unknown[1]}."
    reason = reason.replace("Number out of range", "Expected `float`")
    given = repr(value) if len(repr(value)) <= _LONGEST else f"a {type(value).__name__} of {len(repr(value)):,} characters"
    if not reason.startswith("Expected"):  # said by a record that checks itself
        return f"{place}: {reason}." if place else f"{reason}."
    allowed = reason.partition(", got ")[0].removeprefix("Expected ")
    allowed = re.sub(r"`(.*?)`", lambda found: " or ".join(_WORDS.get(kind, kind) for kind in found[1].split(" | ")), allowed)
    allowed = allowed.replace("a whole number or a finite number", "a finite number")
    allowed = re.sub(r" [<>]= -?1\.797\d*e\+?308", "", allowed)  # which `Finite` means
    allowed = allowed.replace(">=", "at least").replace("<=", "at most").replace("<", "below").replace(">", "above")
    return f"{place or 'it'} is {given}; allowed: {allowed}."
