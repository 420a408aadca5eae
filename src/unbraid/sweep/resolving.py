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
from unbraid.former_names import DEFAULTS
from unbraid.sweep.former import configuration_today
from unbraid.sweep.points import Request
from unbraid.trust import is_own

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


OWN = ("encoder", "decoder", "joint")
"""Options that may name something of a module."""


def names_own_part(request: Request) -> bool:
    """Whether an option names something of a module, like "mylab.nets:Encoder", which has to be imported."""
    return any(is_own(request.options.get(part)) for part in OWN)


def require_same(planned: Mapping[str, Any], now: Mapping[str, Any], what: str, since: str) -> None:
    """Raise `ConfigMismatch` that names the fields in which two resolved configurations differ.

    Former names are read as today's. An option that did not exist then had the value that `unbraid.former_names` says, or
    today's default.
    """
    then, today = settings_by_part(configuration_today(planned)), settings_by_part(now)
    then |= {name: DEFAULTS[name[1]] for name in today.keys() - then.keys() if name[0] and name[1] in DEFAULTS}
    differing = sorted(
        name for name in then.keys() | today.keys() if then.get(name) != today.get(name) and (name in then or not name[0])
    )
    if not differing:
        return
    told = "; ".join(f"{' '.join(name).strip()}: {then.get(name)!r} then, {today.get(name)!r} now" for name in differing)
    if ("", "data_digest") in differing:
        raise ConfigMismatch(
            f"{what} means other data than when it was planned ({since}): their content has changed. {told}. Put the former "
            "data back, or give another --out."
        )
    raise ConfigMismatch(
        f"{what} means something else than when it was planned ({since}). {told}. Give these options their former values to "
        "go on, use the former version, or give another --out."
    )


def settings_by_part(configuration: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    """Every setting by the part whose option it is, "" for a setting of the run, and its name."""
    found: dict[tuple[str, str], Any] = {}
    for name, value in configuration.items():
        if name.endswith("_options") and isinstance(value, Mapping):
            found |= {(name.removesuffix("_options"), option): one for option, one in value.items()}
        else:
            found["", name] = value
    return found
