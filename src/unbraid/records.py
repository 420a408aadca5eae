"""Stored records: JSON files read as typed structures, with errors that name the field, what it holds and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

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
_LONGEST = 60
"""Characters of a refused value that are quoted."""


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
        raise CorruptFile(f"{where}: {_problem(str(error), content)} {remedy}".rstrip()) from None


def to_json(record: Any) -> Any:
    """A record as plain JSON content: objects, lists, numbers, text."""
    return msgspec.to_builtins(record)


def _problem(message: str, content: Any) -> str:
    """The message of the converter in the words of the library's other errors."""
    reason, _, path = message.partition(" - at `")
    steps = re.findall(r"\.([^.\[\]`]+)|\[(\d+|\.\.\.)\]", path)
    place, value = "".join(f"[{i}]" if i else f".{name}" for name, i in steps).lstrip("."), content
    for name, i in steps:
        if i == "..." or not isinstance(value, (Mapping, list)):
            value = None  # one of many, which the converter does not name
            break
        value = value.get(name) if isinstance(value, Mapping) else value[int(i)]
    if missing := re.match(r"Object missing required field `(.+)`", reason):
        return f"{place or 'it'} lacks {missing[1]}."
    if unknown := re.match(r"Object contains unknown field `(.+)`", reason):
        return f"{place or 'it'} has the unknown field {unknown[1]}."
    allowed = reason.partition(", got ")[0].removeprefix("Expected ")
    allowed = re.sub(r"`(.*?)`", lambda found: " or ".join(_WORDS.get(kind, kind) for kind in found[1].split(" | ")), allowed)
    allowed = allowed.replace(">=", "at least").replace("<=", "at most").replace("<", "below").replace(">", "above")
    given = repr(value) if len(repr(value)) <= _LONGEST else f"a {type(value).__name__} of {len(repr(value)):,} characters"
    return f"{place or 'it'} is {given}; allowed: {allowed}." if value is not None else f"{place}; allowed: {allowed}."
