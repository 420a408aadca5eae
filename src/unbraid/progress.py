"""How long work on data tells of its progress without printing: a listener that a front end sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

Report = Callable[[int, int], None]
Listener = Callable[[str], AbstractContextManager[Report]]

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
def reporting(title: str) -> Iterator[Report]:
    """A function for long work to report to; does nothing without a listener.

    The listener is entered at the first report.
    """
    listener = _listener.get()
    opened: list[tuple[AbstractContextManager[Report], Report]] = []

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
