"""A sweep on the terminal.

One table that stays readable with 500 runs, plain lines where there is no terminal.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from unbraid.sweep.claims import Held
from unbraid.sweep.points import Point
from unbraid.sweep.status import Status, Watcher, seconds_left
from unbraid.sweep.tasks import Outcome

SHOWN = 12
"""At most so many running runs are shown, and so many failed ones."""
PLAIN_SECONDS = 30.0
"""Where there is no terminal, a line that sums up is written this often."""


def duration(seconds: float) -> str:
    """As in "3 h 05 min", "4 min 10 s", "12 s"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def headline(status: Status, left: float | None) -> str:
    """How many runs are what, and how long the rest takes."""
    kinds = {
        "finished": len(status.finished),
        "running": len(status.running),
        "silent": len(status.silent),
        "waiting": len(status.waiting),
        "failed": len(status.failed),
    }
    told = ", ".join(f"{n} {kind}" for kind, n in kinds.items() if n or kind in ("finished", "waiting"))
    rest = f"; about {duration(left)} left" if left else ""
    return f"{len(status.points)} runs: {told}{rest}"


def varying(points: Sequence[Point]) -> dict[str, str]:
    """What to call each point, by its key: what all have in common is left out."""
    names = list(dict.fromkeys(name for point in points for name in point.group.options))
    different = [name for name in names if len({repr(point.group.options.get(name)) for point in points}) > 1]
    models = len({point.group.model for point in points}) > 1
    data = len({point.group.data for point in points}) > 1
    labels = {}
    for point in points:
        parts = [point.group.model] if models or not different else []
        parts += [point.group.data] if data else []
        parts += [f"{name.replace('_', ' ')} {point.group.options[name]}" for name in different if name in point.group.options]
        labels[point.key] = ", ".join([*parts, f"seed {point.seed}"])
    return labels


def render(status: Status, left: float | None, labels: dict[str, str], *, now: float | None = None) -> RenderableType:
    """The state of a sweep as text and tables."""
    now = time.time() if now is None else now
    parts: list[RenderableType] = [Text(headline(status, left), style="bold")]
    done = len(status.finished) / max(1, len(status.points))
    parts.append(Text("█" * round(40 * done) + "░" * (40 - round(40 * done)) + f" {100 * done:.0f} %", style="green"))
    if status.running or status.silent:
        parts.append(_running(status, labels, now))
    if status.failed:
        parts.append(_failed(status, labels))
    parts += [Text(f"Warning: {problem}", style="yellow") for problem in status.problems]
    return Group(*parts)


def _running(status: Status, labels: dict[str, str], now: float) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("running", overflow="ellipsis", no_wrap=True, ratio=1)
    for name in ("step", "where", "since"):
        table.add_column(name, justify="right", no_wrap=True)
    rows = [
        *((key, held, "") for key, held in status.running.items()),
        *((k, h, " (silent)") for k, h in status.silent.items()),
    ]
    rows.sort(key=lambda row: (row[2], -_share(row[1])))
    for key, held, note in rows[:SHOWN]:
        step = f"{held.step:,} of {held.last_step:,}" if held.last_step else "begins"
        since = f"{duration(max(0.0, now - held.since))} ago" if held.since else "unknown"
        table.add_row(labels.get(key, key), step, f"{held.owner.host} {held.owner.pid}{note}", since)
    if len(rows) > SHOWN:
        table.add_row(Text(f"and {len(rows) - SHOWN} more", style="dim"), "", "", "")
    return table


def _share(held: Held) -> float:
    return held.step / held.last_step if held.last_step else 0.0


def _failed(status: Status, labels: dict[str, str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("failed", overflow="fold", style="red")
    table.add_column("error", overflow="fold")
    for key, one in list(status.failed.items())[:SHOWN]:
        table.add_row(labels.get(key, key), one.error)
    if len(status.failed) > SHOWN:
        table.add_row(Text(f"and {len(status.failed) - SHOWN} more", style="dim"), "")
    return table


class Progress:
    """Follows a sweep on the terminal while it runs.

    Args:
        console: where to.
        watcher: who looks at the folder.
        workers: how many work on it, for the time left.
    """

    def __init__(self, console: Console, watcher: Watcher, workers: int) -> None:
        self._console, self._watcher, self._workers = console, watcher, workers
        self._status = watcher.look()
        self._labels = varying(list(self._status.points.values()))
        self._looked = self._told = time.monotonic()
        self._live: Live | None = None

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._live = Live(self._rendered(), console=self._console, refresh_per_second=2, transient=True)
            self._live.start()
        else:
            self._console.print(headline(self._status, self._left()), soft_wrap=True)
        return self

    def __exit__(self, *error: object) -> None:
        if self._live:
            self._live.stop()

    def outcome(self, outcome: Outcome) -> None:
        """Say what became of a run, where it matters."""
        label = self._labels.get(outcome.key, outcome.key)
        said = {
            "finished": f"finished  {label}  in {duration(outcome.seconds)}",
            "failed": f"failed    {label}: {outcome.text}",
            "lost": f"taken over by another worker  {label}",
            "died": f"died      {label}: {outcome.text}",
        }.get(outcome.what)
        if said and (outcome.what != "finished" or not self._live):
            self._console.print(said, style="red" if outcome.what == "failed" else None, soft_wrap=True)

    def look(self) -> None:
        """Look again, now and then."""
        now = time.monotonic()
        if now - self._looked < 1:
            return
        began = now
        self._status = self._watcher.look()
        self._looked = time.monotonic() + 10 * (time.monotonic() - began)
        if self._live:
            self._live.update(self._rendered())
        elif now - self._told > PLAIN_SECONDS:
            self._told = now
            self._console.print(headline(self._status, self._left()), soft_wrap=True)

    def _rendered(self) -> RenderableType:
        return render(self._status, self._left(), self._labels)

    def _left(self) -> float | None:
        return seconds_left(self._status, self._watcher.rates, self._workers)
