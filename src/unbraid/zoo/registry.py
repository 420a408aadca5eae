"""The registry of models, with their tuned values, remedies and published settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from unbraid.errors import UsageError
from unbraid.registry import Registry

models = Registry("model", "models", "unbraid.zoo")


@dataclass(frozen=True)
class Times:
    """A measured default that is a multiple of another option of the model."""

    factor: float
    option: str

    def __str__(self) -> str:
        return f"{self.factor:g} times {self.option}"


def tuned(model: str, data: str, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Defaults that were measured for a model on a data set, by flat name, but for options that are given.

    They are defaults like any other: what is given replaces its own default and no other.
    """
    return _filled(model, _measured(model, data), given or {})


BUDGETS = ("5m", "1h", "night")
"""At most five minutes, an hour and eight hours of two cores of a laptop-class CPU."""


def budgeted(model: str, data: str, budget: str, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Options that were measured for a length of training, by flat name, but for options that are given.

    Raises `UsageError` where nothing was measured, with what was.

    >>> budgeted("beta_vae", "ellipses", "5m", {"steps": 100})["beta_start"]
    20.0
    """
    measured = {
        (entry.name, name, length): values
        for entry in models
        for name, lengths in entry.details.get("budgets", {}).items()
        for length, values in lengths.items()
    }
    if (model, data, budget) not in measured:
        there = ", ".join(f"{' on '.join(place[:2])} ({place[2]})" for place in measured)
        raise UsageError(
            f"There are no measured settings of {model} on {data} for --budget {budget}. There are some of {there}; elsewhere "
            "give --steps."
        )
    return _filled(model, measured[model, data, budget], given or {})


def _filled(model: str, measured: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What was measured, but for what is given."""
    rivals = {"steps": {"steps", "epochs"}}  # both are the length of a run
    return {
        name: _value(value, model, measured, given)
        for name, value in measured.items()
        if not rivals.get(name, {name}) & given.keys()
    }


def tuned_default(model: str, data: str, option: str, others: Mapping[str, Any], declared: Any) -> Any:
    """The default of one option, given what the others are.

    It is the measured one where there is one, else the declared one.
    """
    measured = _measured(model, data)
    return _value(measured[option], model, measured, others) if option in measured else declared


def _measured(model: str, data: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = models[model].details.get("tuned", {}).get(data, {})
    return found


def _value(value: Any, model: str, measured: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    if not isinstance(value, Times):
        return value
    spec = models[model].options[value.option]
    return value.factor * spec.check(given.get(value.option, measured.get(value.option, spec.default)), f"model {model!r}")


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
