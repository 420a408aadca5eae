"""The bar of a training run, in a terminal and in a notebook."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

if TYPE_CHECKING:
    from unbraid.log_entry import Entry

PLAIN_SECONDS = 10.0
"""Where there is no terminal, a line of progress is written this often."""
MEASURED_SECONDS = 3.0
"""Speed is measured for so long before the time of a run is told."""
BAR, SMALLEST_BAR = 24, 8
"""Columns of the bar itself, and how far it shrinks where the line is short."""
WORTH_TELLING = 20.0
"""Seconds; the time of shorter runs is not told."""


def clock(seconds: float) -> str:
    """Minutes and seconds, and hours where there are any."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def about(seconds: float) -> str:
    """A time that is estimated: "about 40 s", "about 4 min", "about 2 h 30 min"."""
    if seconds < 100:
        return f"about {max(5, 5 * round(seconds / 5))} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"about {hours} h {rest} min" if hours else f"about {minutes} min"


def terms(entry: Entry | None, width: int | None = None) -> str:
    """Named terms, as the bar shows them, those in nats first, with their unit.

    Of players on their own the log tells. As many terms as fit into `width`; all where it is None.
    """
    if entry is None:
        return ""
    known = {name: value for name, value in entry.values.items() if not isinstance(value, list) and "/" not in name}
    nats = [f"{name} {value:.1f}" for name, value in known.items() if entry.unit(name) == "nats"]
    shares = [f"{name} {100 * value:.0f} %" for name, value in known.items() if entry.unit(name) == "share"]
    numbers = [f"{name} {value:.2g}" for name, value in known.items() if entry.unit(name) == "number"]
    if nats:
        nats[-1] += " nats"
    shown = [*nats, *numbers, *shares]
    for kept in range(len(shown), 0, -1):
        text = "  ".join(shown[:kept]) + (" nats" if kept < len(nats) else "")
        if width is None or len(text) <= width:
            return text
    return ""


def fitted(width: int, title: str, count: str, entry: Entry | None, speed: str, left: str) -> tuple[str, int, str, str]:
    """Title, columns of the bar, terms and speed, such that all fit on one line.

    The line also holds the count and the time left. Where it is too short, the speed goes first, then the data set in
    the title, then terms from the last; nothing is cut.
    """
    room = width - SMALLEST_BAR - len(count) - len(left) - 5  # between six columns
    if len(title) + len(terms(entry)) > room:
        title = title.partition(" on ")[0]
    room -= len(title)
    shown = terms(entry, room)
    room -= len(shown)
    speed = speed if len(speed) <= room else ""
    return title, min(BAR, SMALLEST_BAR + max(0, room - len(speed))), shown, speed


class Bar:
    """A monitor of training: one bar with named terms, images per second and the time left.

    Where no bar can be drawn, it prints a line every `PLAIN_SECONDS`.

    Args:
        title: what is trained.
        console: where the bar is drawn.
        scoring: about how many seconds scoring will take, by the seconds per step; where it is given, the time of the whole run
            is told once.
    """

    def __init__(self, title: str, console: Console, scoring: Callable[[float], float] | None = None) -> None:
        self._title, self._console, self._scoring = title, console, scoring
        self._measured_from: tuple[int, float] | None = None
        self._progress: Progress | None = None
        self._first = self._end = 0
        self._began = self._told = 0.0

    def start(self, step: int, last_step: int, notes: list[str]) -> None:
        """Open the bar."""
        for note in notes:
            self._console.print(f"Warning: {note}", style="yellow")
        self._first, self._end = step, last_step
        self._began = self._told = time.monotonic()
        if step:
            self._console.print(f"Resuming at step {step:,} of {last_step:,}.")
        if not (self._console.is_terminal or _has_widgets(self._console)):
            return
        self._drawn = BarColumn(bar_width=SMALLEST_BAR)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            self._drawn,
            TextColumn("{task.fields[count]}", style="progress.download"),
            TextColumn("{task.fields[terms]}", style="green"),
            TextColumn("{task.fields[speed]}"),
            TextColumn("{task.fields[left]}", style="cyan"),
            console=self._console,
        )
        self._task = self._progress.add_task("", total=last_step, count="", terms="", speed="", left="")
        self._draw(self._progress, step, None, "", "")
        self._progress.start()

    def advance(self, step: int, entry: Entry | None, images_per_second: float) -> None:
        """Move the bar."""
        now = time.monotonic()
        self._expect(step, now)
        left = (now - self._began) / max(1, step - self._first) * (self._end - step)
        speed = f"{images_per_second:,.0f} images/s"
        if self._progress:
            if now - self._told > 0.1 or step == self._end:
                self._told = now
                self._draw(self._progress, step, entry, speed, f"{clock(left)} left")
        elif now - self._told > PLAIN_SECONDS or step == self._end:
            self._told = now
            parts = [f"step {step:,}/{self._end:,}", terms(entry), speed, f"{clock(left)} left"]
            self._console.print("  ".join(part for part in parts if part), soft_wrap=True)

    def _draw(self, progress: Progress, step: int, entry: Entry | None, speed: str, left: str) -> None:
        count = f"{step:{len(str(self._end))}d}/{self._end}"
        title, columns, shown, speed = fitted(self._console.width, self._title, count, entry, speed, left)
        self._drawn.bar_width = columns
        progress.update(self._task, completed=step, description=title, count=count, terms=shown, speed=speed, left=left)

    def _expect(self, step: int, now: float) -> None:
        """Say once about how long training and scoring will take, judged by the first steps.

        The very first step is slower and is left out.
        """
        first, began = self._measured_from = self._measured_from or (step, now)
        if self._scoring is None or step == first or now - began < MEASURED_SECONDS:
            return
        per_step = (now - began) / (step - first)
        left, scoring = per_step * (self._end - step), self._scoring(per_step)
        self._scoring = None
        if left + scoring > WORTH_TELLING:
            then = f", then {about(scoring)} of scoring" if scoring else ""
            told = f"{about(left)} of training left{then}, as measured over {step - first:,} steps."
            self._console.print(told.capitalize(), soft_wrap=True)

    def warn(self, message: str) -> None:
        """Say it above the bar."""
        self._console.print(f"Warning: {message}", style="yellow")

    def finish(self) -> None:
        """Close the bar and leave it on the screen."""
        if self._progress:
            self._progress.refresh()  # which rich leaves out in a notebook
            self._progress.stop()


def _has_widgets(console: Console) -> bool:
    """Whether this is a notebook that rich can draw in."""
    return console.is_jupyter and find_spec("ipywidgets") is not None


def bar_where_seen(title: str) -> Bar | None:
    """A bar in a terminal or a notebook; None where the output goes to a file or a pipe.

    Scripts then print nothing.
    """
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    seen = console.is_jupyter or (console.is_terminal and sys.stdout.isatty())
    return Bar(title, console) if seen else None
