"""Progress of long work, which prints nothing itself.

Callers give a function to report to; work on data reports to a listener that a front end sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

Progress = Callable[[int, int], None]
"""Called with how much is done and how much there is."""
Stages = Callable[[str], Progress]
"""Called with the title of a stage of work, gives what counts that stage."""
Listener = Callable[[str], AbstractContextManager[Progress]]
"""The same as a context, so that what counts can be closed."""

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Have long work on data report to `listener(title)`, a context that yields (done, total) -> None."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@contextmanager
def reporting(title: str) -> Iterator[Progress]:
    """A function for long work to report to; does nothing without a listener.

    The listener is entered at the first report.
    """
    listener = _listener.get()
    opened: list[tuple[AbstractContextManager[Progress], Progress]] = []

    def report(done: int, total: int) -> None:
        if listener is None:
            return
        if not opened:
            context = listener(title)
            opened.append((context, context.__enter__()))
        opened[0][1](done, total)

    try:
        yield report
    finally:
        if opened:
            opened[0][0].__exit__(None, None, None)
