"""What the terminal shows: bars on the error stream, results on the standard one."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, Progress, TextColumn
from rich.segment import Segment

from unbraid.progress import Progress as Count
from unbraid.progress import Stages

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters, and those that turn the direction of text or break a line."""


def visible(text: str) -> str:
    """The same text with control characters written out, so that no name can steer the terminal."""
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


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


# markup off: what is printed holds paths and names that users chose, brackets and all
out = _Console(highlight=False, markup=False, emoji=False, soft_wrap=not sys.stdout.isatty())
err = _Console(stderr=True, highlight=False, markup=False, emoji=False)


@contextmanager
def counting(title: str) -> Iterator[Count]:
    """A bar for work that counts (done, total)."""
    if not err.is_terminal:
        err.print(f"{title} ...")
        yield lambda done, total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.percentage:.0f} %"))
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def stages() -> Stages:
    """Progress of work in stages: called with a stage's title, it gives what that stage counts with."""

    def stage(title: str) -> Count:
        bar = counting(title)
        count = bar.__enter__()

        def told(done: int, total: int) -> None:
            count(done, total)
            if done >= total:
                bar.__exit__(None, None, None)

        return told

    return stage
