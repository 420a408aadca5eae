"""Running means of what steps show, and the check for values that are not finite.

Neither waits for the device at each step.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from unbraid.errors import NonFiniteLoss
from unbraid.log_entry import Unit
from unbraid.training.checkpoint import State
from unbraid.training.step import Outcome


class Meter:
    """Means of everything shown since the last reset; kept on the device until they are read."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}
        self.units: dict[str, Unit] = {}
        self.labels: dict[str, str] = {}
        self._first_bad: dict[str, tuple[Tensor, tuple[str, ...]]] = {}

    def add(self, outcomes: list[Outcome], step: int) -> None:
        """Count the outcomes of a step; a name that several moves show counts once for each."""
        for outcome in outcomes:
            self.units.update(outcome.units)
            self.labels.update(outcome.labels)
            for name, value in outcome.values.items():
                wide = value.double() if value.device.type != "mps" else value.float()
                self.sums[name] = self.sums[name] + wide if name in self.sums else wide
                self.counts[name] = self.counts.get(name, 0) + 1
                bad, players = self._first_bad.get(name, (torch.full((), -1, device=value.device), outcome.players))
                now = torch.where(torch.isfinite(value).all() | (bad >= 0), bad, step)
                self._first_bad[name] = (now, players)

    def check_finite(self) -> None:
        """Raise `NonFiniteLoss` that names the first step, player and term that went wrong, if any did."""
        if not self._first_bad:
            return
        names = list(self._first_bad)
        steps = torch.stack([self._first_bad[name][0] for name in names]).tolist()  # one synchronization
        bad = [(step, name) for step, name in zip(steps, names, strict=True) if step >= 0]
        if not bad:
            return
        first = min(step for step, _ in bad)
        wrong = [name for step, name in bad if step == first]
        terms = [name for name in wrong if not name.endswith("loss")] or wrong
        players = " and ".join(self._first_bad[terms[0]][1])
        raise NonFiniteLoss(
            f"The loss is not finite at step {first + 1}: player {players}, term {', '.join(terms)}. "
            "Try a smaller --lr, or smaller weights of that term."
        )

    def read(self) -> dict[str, float | list[float]]:
        """Means as numbers, vectors as lists."""
        return {name: (total / self.counts[name]).tolist() for name, total in self.sums.items()}

    def reset(self) -> None:
        """Start a new interval."""
        self.sums, self.counts, self.units, self.labels = {}, {}, {}, {}

    def restore(self, sums: Mapping[str, Tensor], saved: State) -> None:
        """Put back the running interval; the order of names is that of the counts."""
        if set(sums) != set(saved.interval):
            raise ValueError(f"means of {sorted(sums)} over {saved.interval} values")
        self.sums, self.counts = {name: sums[name] for name in saved.interval}, dict(saved.interval)
        self.units, self.labels = dict(saved.units), dict(saved.labels)
