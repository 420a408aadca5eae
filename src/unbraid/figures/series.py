"""What a log says of one quantity over training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from unbraid.log_entry import Entry

POINTS = 300
"""More points than this on a line are averaged in groups, which keeps pages small."""


@dataclass(frozen=True, eq=False)
class Series:
    """Values of one quantity at ascending steps, under the name a figure gives it."""

    label: str
    steps: Int[np.ndarray, "t"]
    values: Float[np.ndarray, "t"]

    @property
    def finite(self) -> Series:
        """Without the points that are NaN or infinite."""
        keep = np.isfinite(self.values)
        return Series(self.label, self.steps[keep], self.values[keep])

    @property
    def thinned(self) -> Series:
        """With at most `POINTS` points, each the mean of a group of neighbors."""
        steps, values = thin(self.steps, self.values[:, None])
        return Series(self.label, steps, values[:, 0])

    def __len__(self) -> int:
        return len(self.steps)


def thin(
    steps: Int[np.ndarray, "t"], values: Float[np.ndarray, "t d"], most: int = POINTS
) -> tuple[Int[np.ndarray, "s"], Float[np.ndarray, "s d"]]:
    """Means of groups of neighboring entries with the last step of each: at most this many points."""
    if len(steps) <= most:
        return steps, values
    size = -(-len(steps) // most)
    starts = np.arange(len(steps) % size, len(steps), size)  # whole groups at the end, the newest entries
    starts = np.union1d([0], starts)
    counts = np.diff(np.append(starts, len(steps)))
    return steps[starts + counts - 1], np.add.reduceat(values, starts, axis=0) / counts[:, None]


def number(value: Any) -> float:
    """A number of a JSON file as a float; NaN for whatever is none."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else float("nan")


def scalar_series(log: Iterable[Entry], kind: str, name: str, label: str = "") -> Series:
    """One scalar of the entries of a kind (`train` or `evaluation`), by its name in the log."""
    found = [(entry.step, number(entry.values[name])) for entry in log if entry.kind == kind and name in entry.values]
    steps = np.array([step for step, _ in found], dtype=np.int64)
    return Series(label or name, steps, np.array([value for _, value in found], dtype=np.float64))


def scalar_names(log: Iterable[Entry], kind: str) -> list[str]:
    """Names of all scalars in the entries of a kind, in the order in which they first appear."""
    seen: dict[str, None] = {}
    for entry in log:
        if entry.kind == kind:
            seen.update(dict.fromkeys(name for name, value in entry.values.items() if not isinstance(value, list)))
    return list(seen)


def vector_series(log: Sequence[Entry], name: str, dim: int) -> tuple[Int[np.ndarray, "t"], Float[np.ndarray, "t d"]]:
    """Steps and values of a vector over latents in the training entries; no rows if there is none."""
    found = [
        (entry.step, entry.vector(name)) for entry in log if entry.kind == "train" and dim and len(entry.vector(name)) == dim
    ]
    steps = np.array([step for step, _ in found], dtype=np.int64)
    return steps, np.array([values for _, values in found], dtype=np.float64).reshape(len(found), dim)
