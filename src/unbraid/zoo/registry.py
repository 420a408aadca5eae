"""The registry of models, with their tuned values, remedies and published settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from unbraid.registry import Registry

models = Registry("model", "models", "unbraid.zoo")

RIVALS: Mapping[str, frozenset[str]] = {"steps": frozenset({"steps", "epochs"}), "lr": frozenset({"lr", "optimizer"})}
"""Settings that replace a tuned value when given."""


def tuned(model: str, data: str, given: Collection[str] = ()) -> dict[str, Any]:
    """Measured defaults of a model's options on a data set, by flat name, compatible with the given ones.

    The hyper-parameters of a model belong together: who gives one of them gets the declared defaults of the others. So do
    learning rate and optimizer, steps and epochs.
    """
    entry = models[model]
    own = frozenset(entry.options)
    values: Mapping[str, Any] = entry.details.get("tuned", {}).get(data, {})
    return {
        name: value
        for name, value in values.items()
        if not (own if name in own else RIVALS.get(name, frozenset({name}))) & set(given)
    }


def remedies(model: str) -> Mapping[str, str]:
    """The model's own advice for symptoms of training (`unbraid.training.symptoms`), by their name."""
    found: Mapping[str, str] = models[model].details.get("remedies", {})
    return found


@dataclass(frozen=True)
class Published:
    """Hyper-parameters that a publication or its code used on a data set."""

    source: str
    data: str
    values: Mapping[str, Any]
    note: str = ""
