"""From what a user writes, on the command line or in a file, to the runs that are asked for."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from unbraid.errors import UsageError
from unbraid.sweep.points import Request

MOST = 1_000_000
"""Points of one sweep."""
_RANGE = re.compile(r"(-?\d[\d_]*)\.\.(-?\d[\d_]*)(?:\.\.([\d_]+))?")
_STRUCTURE = ("blocks", "zip", "points")
_EXAMPLE = "see docs/sweeps.md for an example"


def scalar(text: str) -> int | float | str | bool:
    """A value as written: a whole number, a number, true or false, else text."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)


def values_of(text: str) -> list[int | float | str | bool]:
    """The values that "1,4,16" or "0..4" or "0..20..5" stand for.

    A comma after a backslash belongs to a value.
    """
    found: list[int | float | str | bool] = []
    for part in re.split(r"(?<!\\),", text):
        found += _range(part) or [scalar(part.replace("\\,", ","))]
    return found


def _range(text: str) -> list[int | float | str | bool]:
    match = _RANGE.fullmatch(text)
    if not match:
        return []
    first, last, step = int(match[1]), int(match[2]), int(match[3] or 1)
    if step < 1 or last < first:
        raise UsageError(
            f"{text!r} is no range; write FIRST..LAST or FIRST..LAST..STEP, the last one included: 0..4, 0..20..5."
        )
    if (last - first) // step >= MOST:
        raise UsageError(f"{text!r} is a range of more than {MOST:,} values.")
    return list(range(first, last + 1, step))


def from_options(models: str, data: str, options: Mapping[str, str | bool]) -> list[Request]:
    """The points of `MODELS DATA --option values ...`, every combination of them.

    Args:
        models, data: names, joined by commas.
        options: values as `values_of` takes them, by name; a boolean for a flag.
    """
    if not (models and data):
        raise UsageError(
            f"unbraid sweep needs models and data sets, then options, given {models or 'none'}: "
            "unbraid sweep beta_vae,beta_tcvae ellipses --seed 0..4 --beta 1,4,16"
        )
    fields: dict[str, list[Any]] = {"model": values_of(models), "data": [part for part in data.split(",") if part]}
    fields |= {name: values_of(value) if isinstance(value, str) else [value] for name, value in options.items()}
    return _counted(_grid(fields))


def from_file(path: Path) -> list[Request]:
    """The points of a YAML file: grids, values that go together (`zip`), single points, several blocks.

    Raises `UsageError` for a file that is not there or says something else.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    return _counted(_block(content, str(path), {}))


def _counted(requests: Iterator[Request]) -> list[Request]:
    found = list(itertools.islice(requests, MOST + 1))
    if len(found) > MOST:
        raise UsageError(f"These are more than {MOST:,} runs; give fewer values.")
    return found


def _block(content: Any, where: str, above: Mapping[str, list[Any]]) -> Iterator[Request]:
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise UsageError(f"{where} is {_kind(content)}; allowed: names with values, {_EXAMPLE}.")
    content = {name.replace("-", "_"): value for name, value in content.items()}
    own = {name: _values(value, f"{where}: {name}") for name, value in content.items() if name not in _STRUCTURE}
    fields = {**above, **own}
    zipped = _zipped(content.get("zip", []), where)
    blocks, points = (_list(content.get(name, []), f"{where}: {name}") for name in ("blocks", "points"))
    if not blocks and not points:
        yield from _grid(fields, zipped)
    for number, block in enumerate(blocks, 1):
        if zipped:
            raise UsageError(f"{where}: give zip inside of the blocks, or no blocks.")
        yield from _block(block, f"{where}: block {number}", fields)
    for number, point in enumerate(points, 1):
        if not isinstance(point, dict):
            raise UsageError(f"{where}: point {number} is {_kind(point)}; allowed: names with one value each.")
        single = {name.replace("-", "_"): [_one(value, f"{where}: point {number}, {name}")] for name, value in point.items()}
        yield from _grid({**fields, **single}, zipped)


def _zipped(content: Any, where: str) -> list[dict[str, list[Any]]]:
    """Mappings whose lists walk together."""
    found = []
    for one in content if isinstance(content, list) else [content]:
        if not isinstance(one, dict) or not one:
            raise UsageError(f"{where}: zip is {_kind(one)}; allowed: names with lists of one length.")
        walked = {str(name).replace("-", "_"): _values(value, f"{where}: zip, {name}") for name, value in one.items()}
        lengths = {name: len(values) for name, values in walked.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} has {n}" for name, n in lengths.items())
            raise UsageError(f"{where}: the lists of a zip must be of one length; {told}.")
        found.append(walked)
    return found


def _values(value: Any, where: str) -> list[Any]:
    found = [_one(one, where) for one in value] if isinstance(value, list) else [_one(value, where)]
    found = [inner for one in found for inner in ((isinstance(one, str) and _range(one)) or [one])]
    if not found:
        raise UsageError(f"{where} has no values; give at least one.")
    return found


def _one(value: Any, where: str) -> Any:
    if value is not None and not isinstance(value, (int, float, str, bool)):
        raise UsageError(f"{where} holds {_kind(value)}; allowed: numbers, text, true and false.")
    return scalar(value) if isinstance(value, str) and not _RANGE.fullmatch(value) else value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise UsageError(f"{where} is {_kind(value)}; allowed: a list.")
    return value


def _kind(value: Any) -> str:
    return {dict: "a mapping", list: "a list", type(None): "empty"}.get(type(value), f"{value!r}")


def _grid(fields: Mapping[str, list[Any]], zipped: Sequence[Mapping[str, list[Any]]] = ()) -> Iterator[Request]:
    """Every combination of the values.

    Those of a zip walk together. Raises `UsageError` without a model or data.
    """
    for name in ("model", "data"):
        if not fields.get(name) and not any(name in one for one in zipped):
            raise UsageError(f"The sweep names no {name}; {_EXAMPLE}.")
    taken = [name for one in zipped for name in one]
    if len(set(taken)) < len(taken):
        raise UsageError(f"An option stands in two zips: {next(name for name in taken if taken.count(name) > 1)}.")
    axes = [[{name: value} for value in dict.fromkeys(values)] for name, values in fields.items() if name not in taken]
    axes += [[dict(zip(one, row, strict=True)) for row in zip(*one.values(), strict=True)] for one in zipped]
    for combination in itertools.product(*axes):
        merged = {name: value for part in combination for name, value in part.items()}
        model, data = str(merged.pop("model")), str(merged.pop("data"))
        yield Request(model, data, merged)
