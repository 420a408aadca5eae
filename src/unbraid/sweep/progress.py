"""A sweep on the terminal.

One table that stays readable with 500 runs, plain lines where there is no terminal.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from contextlib import suppress

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from unbraid.errors import UnbraidError
from unbraid.sweep.points import Group as PointGroup
from unbraid.sweep.points import Point
from unbraid.sweep.status import Status, Watcher, seconds_left
from unbraid.sweep.tasks import Outcome

SHOWN = 12
"""At most so many runs are shown that run, and so many kinds of errors; fewer where the terminal is low."""
NAMED = 3
"""Of runs that failed with one kind of error, so many are named."""
MOST_PLACE = 24
"""Characters of a host's name and a process's number."""
PAGE_SECONDS = 10
"""The page in the folder is written this often."""
_NUMBERS = re.compile(r"\d[\d,.]*")
PLAIN_SECONDS = 30.0
"""Where there is no terminal, a line that sums up is written this often."""


def duration(seconds: float) -> str:
    """As in "2 d 3 h", "3 h 05 min", "14 min", "4 min 10 s", "12 s"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes:02} min"
    if minutes >= 10:
        return f"{minutes} min"
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
    told = ", ".join(f"{n:,} {kind}" for kind, n in kinds.items() if n or kind in ("finished", "waiting"))
    rest = f"; about {duration(left)} left" if left else ""
    count = len(status.points)
    return f"{count:,} {'run' if count == 1 else 'runs'}: {told}{rest}"


def varying(points: Sequence[Point]) -> dict[str, str]:
    """What to call each point, by its key: what all have in common is left out."""
    groups = list({id(point.group): point.group for point in points}.values())
    names = dict(zip(map(id, groups), labels_of(groups), strict=True))
    return {point.key: f"{names[id(point.group)]}, seed {point.seed}" for point in points}


def labels_of(groups: Sequence[PointGroup]) -> list[str]:
    """What to call each configuration: what all have in common is left out."""
    names = list(dict.fromkeys(name for group in groups for name in group.options))
    different = [name for name in names if len({repr(group.options.get(name)) for group in groups}) > 1]
    models = len({group.model for group in groups}) > 1
    data = len({group.data for group in groups}) > 1
    labels = []
    for group in groups:
        parts = [group.model] if models or not different else []
        parts += [group.data] if data else []
        parts += [f"{name.replace('_', ' ')} {_plain(group.options[name])}" for name in different if name in group.options]
        labels.append(", ".join(parts))
    return labels


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def render(
    status: Status, left: float | None, labels: dict[str, str], *, now: float | None = None, shown: int | None = SHOWN
) -> RenderableType:
    """The state of a sweep as text and tables.

    Args:
        status: the state.
        left: seconds that the rest takes, where that is known.
        labels: what to call each point.
        now: the time; the clock's unless given.
        shown: how many rows a table has at most, None for all.
    """
    now = time.time() if now is None else now
    parts: list[RenderableType] = [Text(headline(status, left), style="bold")]
    done = len(status.finished) / max(1, len(status.points))
    parts.append(Text("█" * int(40 * done) + "░" * (40 - int(40 * done)) + f" {percent(done)}", style="green"))
    if status.running or status.silent:
        parts += [Text(), _running(status, labels, now, shown)]
    if status.failed:
        parts += [Text(), _failed(status, labels, shown)]
    parts += [Text(f"Warning: {problem}", style="yellow") for problem in status.problems]
    return Group(*parts)


def percent(share: float) -> str:
    """In whole percent, 100 only where all is done."""
    return f"{int(100 * share)} %"


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False, show_edge=False)
    for name in columns:
        table.add_column(name)
    return table


def _running(status: Status, labels: dict[str, str], now: float, shown: int | None) -> Table:
    table = _table("running", "done", "where", "for")
    first, done, where, last = table.columns
    first.no_wrap, first.overflow = True, "ellipsis"
    done.justify = last.justify = "right"
    for column in (done, where, last):
        column.no_wrap = True
    where.max_width = MOST_PLACE
    silent = list(status.silent.items())
    running = sorted(status.running.items(), key=lambda pair: -pair[1].done)
    shown_silent = silent if shown is None else silent[: max(shown // 3, shown - len(running))]
    rest = running if shown is None else running[: shown - len(shown_silent)]
    for key, held in (*shown_silent, *rest):
        step = percent(held.done) if held.last_step else "begins"
        since = duration(max(0.0, now - held.since)) if held.since else "unknown"
        host = held.owner.host.partition(".")[0]
        is_silent = key in status.silent
        cells = (labels.get(key, key), step, f"{host} {held.owner.pid}", "silent" if is_silent else since)
        table.add_row(*cells, style="yellow" if is_silent else None)
    hidden = len(silent) + len(running) - len(shown_silent) - len(rest)
    if hidden:
        of_silent = len(silent) - len(shown_silent)
        told = f"and {hidden} more" + (f", {of_silent} of them silent" if of_silent else "")
        table.add_row(Text(told, style="dim"), "", "", "")
    return table


def _failed(status: Status, labels: dict[str, str], shown: int | None) -> Table:
    """Runs that failed, those with the same error but for its numbers together."""
    kinds: dict[str, list[str]] = {}
    for key, one in status.failed.items():
        kinds.setdefault(key if shown is None else _NUMBERS.sub("#", one.error), []).append(key)
    table = _table("failed", "error")
    table.columns[0].style = "red"
    several = sorted(kinds.values(), key=len, reverse=True)
    for keys in several[:shown]:
        names = "; ".join(labels.get(key, key) for key in keys[:NAMED])
        more = f"; and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
        table.add_row(f"{names}{more}", status.failed[keys[0]].error)
    if len(several) > len(table.rows):
        hidden = sum(map(len, several[len(table.rows) :]))
        table.add_row(Text(f"and {hidden} more", style="dim"), "")
    return table


class Progress:
    """Follows a sweep on the terminal while it runs.

    A page in the sweep's folder shows it too (`unbraid.sweep.dashboard`).

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
        self._page = 0.0

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._live = Live(self._rendered(), console=self._console, refresh_per_second=2, transient=True)
            self._live.start()
        else:
            self._console.print(headline(self._status, self._left()), soft_wrap=True)
        self._write_page(running=True)
        return self

    def __exit__(self, *error: object) -> None:
        if self._live:
            self._live.stop()
        with suppress(OSError):
            self._status = self._watcher.look()
        self._write_page(running=False)

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

    def stopping(self) -> None:
        """Say what stopping takes."""
        self._console.print(
            "Stopping: every run that has begun writes a checkpoint. Ctrl-C again leaves without waiting for that.",
            soft_wrap=True,
        )

    def look(self) -> None:
        """Look again, now and then."""
        now = time.monotonic()
        if now - self._looked < 1:
            return
        began = now
        self._status = self._watcher.look()
        self._looked = time.monotonic() + 10 * (time.monotonic() - began)
        if now - self._page > PAGE_SECONDS:
            self._write_page(running=True)
        if self._live:
            self._live.update(self._rendered())
        elif now - self._told > PLAIN_SECONDS:
            self._told = now
            self._console.print(headline(self._status, self._left()), soft_wrap=True)

    def _write_page(self, *, running: bool) -> None:
        from unbraid.sweep import dashboard

        self._page = time.monotonic()
        with suppress(UnbraidError, OSError):  # a disk that is full stops the sweep elsewhere, in words
            dashboard.write(
                self._watcher.folder,
                self._status,
                self._labels,
                self._watcher.scores,
                self._left(),
                seconds=PAGE_SECONDS if running else None,
            )

    def _rendered(self) -> RenderableType:
        room = max(3, (self._console.height - 8) // 2) if self._live else SHOWN
        return render(self._status, self._left(), self._labels, shown=min(SHOWN, room))

    def _left(self) -> float | None:
        return seconds_left(self._status, self._watcher.rates, self._workers)
