"""One line of a run's log, and the units of what training and evaluation show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import msgspec

from unbraid.former_names import former_unit

Unit = Literal["nats", "number", "share"]
"""Nats per image; a plain number; a share from 0 to 1."""

LARGEST_NUMBER = 1e300
_Number = Annotated[float, msgspec.Meta(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER)]
Value = _Number | list[_Number]


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of `log.jsonl`.

    Args:
        kind: `train` for means over the steps since the line before, `evaluation` or `warning`.
        step: steps done.
        values: what was measured, by name; a list holds one number per latent.
        time: seconds since 1970.
        units: of values that are not in nats per image; None in logs of version 0.1, which did not store units.
        labels: what to call values, where their terms say so.
        schedule: weights of terms and learning rates at this step, by name.
        images_per_second: speed since training began or resumed.
        name, text: of a warning: which symptom, and what was said.
    """

    kind: str
    step: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    values: dict[str, Value]
    time: _Number
    units: dict[str, Unit] | None = None
    labels: dict[str, str] = {}
    schedule: dict[str, _Number] = {}
    images_per_second: _Number = 0.0
    name: str = ""
    text: str = ""

    def vector(self, name: str) -> list[float]:
        """A value that has one number per latent; empty where there is none."""
        value = self.values.get(name)
        return value if isinstance(value, list) else []

    def unit(self, name: str) -> Unit:
        """The unit of one of the values."""
        return unit_of(name, self.units)


def unit_and_label(log: Iterable[Entry], name: str) -> tuple[Unit, str]:
    """The unit of a value in a log, and what its term says that it is to be called.

    Empty where it says nothing.
    """
    found = next((entry for entry in log if entry.kind == "train" and name in entry.values), None)
    return ("nats", "") if found is None else (found.unit(name), found.labels.get(name, ""))


def unit_of(name: str, units: Mapping[str, Any] | None) -> Unit:
    """The unit of a value by its name.

    Args:
        name: as in the log: `kl`, `encoder/loss`.
        units: those that were stored beside the values, of which nats are left out; None where none were, as in version 0.1.
    """
    found: Unit = (former_unit(name) if units is None else units.get(name)) or "nats"
    return found
