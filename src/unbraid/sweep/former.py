"""Plans and results of earlier versions, read under today's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from unbraid.former_names import METRICS, NAMES, OPTIONS, TERMS, renamed
from unbraid.sweep.points import Request
from unbraid.sweep.records import Result

_PARTS = ("model", "data", "encoder", "decoder", "likelihood", "rate")
"""Settings that are names of parts."""


def configuration_today(content: Mapping[str, Any]) -> dict[str, Any]:
    """A resolved configuration, with options of parts in mappings of their own."""
    made = _parts_today(content)
    return {
        name: renamed(value, OPTIONS) if name.endswith("_options") and isinstance(value, Mapping) else value
        for name, value in made.items()
    }


def request_today(request: Request) -> Request:
    """What was asked for."""
    names = _parts_today({"model": request.model, "data": request.data})
    return Request(names["model"], names["data"], renamed(_parts_today(request.options), OPTIONS))


def result_today(result: Result) -> Result:
    """What came of a run. Its key stays: it names the file."""
    return msgspec.structs.replace(
        result,
        configuration=configuration_today(result.configuration),
        given=request_today(Request(result.model, result.data, result.given)).options,
        metrics=renamed(result.metrics, METRICS),
        losses={
            split: {**found, "terms": renamed(found["terms"], TERMS)} if "terms" in found else found
            for split, found in result.losses.items()
        },
    )


def _parts_today(content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: ",".join(NAMES.get(one, one) for one in value.split(",")) if name in _PARTS and isinstance(value, str) else value
        for name, value in content.items()
    }
