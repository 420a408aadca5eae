"""What the terminal shows: bars on the error stream, results on the standard one."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.segment import Segment
from rich.text import Text

if TYPE_CHECKING:
    from unbraid.log_entry import Entry

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def visible(text: str) -> str:
    """The same text with control characters written out, so that no name can steer the terminal."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


class _Console(Console):
    """A console that shows control characters, and goes silent when its reader goes away (`| head`)."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Segments with control characters written out; rich's own control codes stay."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """Write to nowhere from now on."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), (sys.stderr if self.stderr else sys.stdout).fileno())


# markup off: what is printed holds paths and names of the user's, brackets and all
out = _Console(highlight=False, markup=False, emoji=False, soft_wrap=not sys.stdout.isatty())
err = _Console(stderr=True, highlight=False, markup=False, emoji=False)

PLAIN_SECONDS = 10.0
"""Where there is no terminal, a line of progress is written this often."""


class _Left(ProgressColumn):
    """Time left at the current speed."""

    def render(self, task: Task) -> Text:
        """Minutes and seconds."""
        left = task.fields.get("left")
        return Text("" if left is None else f"{clock(left)} left", style="cyan")


def clock(seconds: float) -> str:
    """Minutes and seconds, and hours where there are any."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def terms(entry: Entry | None) -> str:
    """Named terms, as the bar shows them, those in nats first, with their unit; of players on their own the log tells."""
    if entry is None:
        return ""
    known = {name: value for name, value in entry.values.items() if not isinstance(value, list) and "/" not in name}
    nats = [f"{name} {value:.1f}" for name, value in known.items() if entry.unit(name) == "nats"]
    shares = [f"{name} {100 * value:.0f} %" for name, value in known.items() if entry.unit(name) == "share"]
    numbers = [f"{name} {value:.2g}" for name, value in known.items() if entry.unit(name) == "number"]
    return "  ".join(([f"{'  '.join(nats)} nats"] if nats else []) + numbers + shares)


class Bar:
    """A monitor of training: one bar with named terms, images per second and the time left."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._progress: Progress | None = None
        self._first = self._end = 0
        self._began = self._told = 0.0

    def start(self, step: int, last_step: int, notes: list[str]) -> None:
        """Open the bar."""
        for note in notes:
            err.print(f"Warning: {note}", style="yellow")
        self._first, self._end = step, last_step
        self._began = self._told = time.monotonic()
        if step:
            err.print(f"Resuming at step {step:,} of {last_step:,}.")
        if not err.is_terminal:
            return
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[terms]}", style="green"),
            TextColumn("{task.fields[speed]}"),
            _Left(),
            console=err,
        )
        self._progress.start()
        self._task = self._progress.add_task(self._title, total=last_step, completed=step, terms="", speed="", left=None)

    def advance(self, step: int, entry: Entry | None, images_per_second: float) -> None:
        """Move the bar."""
        now = time.monotonic()
        left = (now - self._began) / max(1, step - self._first) * (self._end - step)
        speed = f"{images_per_second:,.0f} images/s"
        if self._progress:
            if now - self._told > 0.1 or step == self._end:
                self._told = now
                self._progress.update(self._task, completed=step, terms=terms(entry), speed=speed, left=left)
        elif now - self._told > PLAIN_SECONDS or step == self._end:
            self._told = now
            parts = [f"step {step:,}/{self._end:,}", terms(entry), speed, f"{clock(left)} left"]
            err.print("  ".join(part for part in parts if part), soft_wrap=True)

    def warn(self, message: str) -> None:
        """Say it above the bar."""
        err.print(f"Warning: {message}", style="yellow")

    def finish(self) -> None:
        """Close the bar and leave it on the screen."""
        if self._progress:
            self._progress.stop()


@contextmanager
def counting(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for work that counts (done, total)."""
    if not err.is_terminal:
        err.print(f"{title} ...")
        yield lambda done, total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.percentage:.0f} %"))
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def stages() -> Callable[[str], Callable[[int, int], None]]:
    """Progress of work in stages: called with a stage's title, it gives what that stage counts with."""

    def stage(title: str) -> Callable[[int, int], None]:
        bar = counting(title)
        count = bar.__enter__()

        def told(done: int, total: int) -> None:
            count(done, total)
            if done >= total:
                bar.__exit__(None, None, None)

        return told

    return stage
