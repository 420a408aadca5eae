"""From a request to the configuration of a run; torch is imported only where something is new."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from unbraid.data.dataset import addressed
from unbraid.data.own_data import stamp
from unbraid.data.registry import datasets
from unbraid.errors import ConfigMismatch, UsageError
from unbraid.sweep.points import Request

_RESERVED = {"out", "overwrite", "extend", "config", "report", "monitor"}


def located(request: Request) -> Request:
    """The same request with absolute paths, which workers find from any folder."""
    for name in _RESERVED & set(request.options):
        raise UsageError(f"--{name.replace('_', '-')} has no place among the options of a sweep; see unbraid sweep --help.")
    data, options = addressed(request.data, request.options)
    return Request(request.model, data, options)


def data_stamp(request: Request) -> list[Any]:
    """What changes when the data's files do; empty for data that are known by name."""
    entry = datasets[request.data]
    files: Callable[[Mapping[str, Any]], Sequence[Path]] | None = entry.details.get("files")
    if files is None:
        return []
    defaults = {name: spec.default for name, spec in entry.options.items()}
    return json.loads(json.dumps(stamp(files({**defaults, **request.options}))))


def resolve(request: Request) -> dict[str, Any]:
    """Everything that makes the run, every default filled in, without the seed and without where data lie.

    Raises what `unbraid.train` would refuse.
    """
    from unbraid.config.plan import plan

    experiment, _ = plan(request.model, request.data, request.options)
    content = experiment.identity()
    del content["seed"]
    return content


def require_same(planned: Mapping[str, Any], now: Mapping[str, Any], what: str, since: str) -> None:
    """Raise `ConfigMismatch` that names the fields in which two resolved configurations differ."""
    differing = [name for name in sorted(planned.keys() | now.keys()) if planned.get(name) != now.get(name)]
    if not differing:
        return
    told = "; ".join(f"{name}: {planned.get(name)!r} then, {now.get(name)!r} now" for name in differing)
    if "data_digest" in differing:
        raise ConfigMismatch(
            f"{what} means other data than when it was planned ({since}): their content has changed. {told}. Put the former "
            "data back, or give another --out."
        )
    raise ConfigMismatch(
        f"{what} means something else than when it was planned ({since}). {told}. Give these options their former values to "
        "go on, use the former version, or give another --out."
    )
