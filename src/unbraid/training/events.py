"""Events for TensorBoard, written where they can be: training does not end because they cannot."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from unbraid.errors import warn

PATTERN = "*tfevents*"


def remove_events(folder: Path) -> None:
    """Remove the event files in a folder, and the folder where nothing else is in it."""
    for path in folder.glob(PATTERN):
        path.unlink(missing_ok=True)
    with suppress(OSError):  # something else is in it
        folder.rmdir()


class Events:
    """One file of events, which takes the place of those that are in the folder.

    TensorBoard's own writer does this in a thread, which prints a traceback and ends the program where the disk is full. Here a
    failure is warned of once, and nothing more is written.

    Args:
        folder: made where it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._handle, self._records = folder, None, None
        self._described: set[str] = set()
        with self._forgiving():
            from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[attr-defined]
            from tensorboard.summary.writer.record_writer import RecordWriter

            remove_events(folder)
            folder.mkdir(parents=True, exist_ok=True)
            now = time.time()
            self._handle = (folder / f"events.out.tfevents.{int(now)}.unbraid.{os.getpid()}").open("wb")
            self._records = RecordWriter(self._handle)
            self._records.write(Event(wall_time=now, file_version="brain.Event:2").SerializeToString())

    @contextmanager
    def _forgiving(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            warn(
                f"Events for TensorBoard cannot be written to {self._folder} any more: {error.strerror or error}. "
                "Training continues, and its log holds the same numbers."
            )
            handle, self._handle, self._records = self._handle, None, None
            with suppress(OSError):
                if handle is not None:
                    handle.close()

    def add(self, step: int, summaries: Iterable[Any], when: float = 0.0) -> None:
        """Write summaries of one step; `when` in seconds since 1970 is now unless given."""
        if self._records is None:
            return
        from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[attr-defined]
        from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[attr-defined]

        event = Event(wall_time=when or time.time(), step=step, summary=Summary(value=summaries))
        with self._forgiving():
            self._records.write(event.SerializeToString())

    def scalars(self, step: int, values: Iterable[tuple[str, float, str]], when: float) -> None:
        """Write numbers with their tags and descriptions, of which TensorBoard keeps the first of each tag."""
        from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[attr-defined]

        found = []
        for tag, value, description in values:
            metadata = None if tag in self._described else _described_scalar(description)
            self._described.add(tag)
            found.append(Summary.Value(tag=tag, simple_value=value, metadata=metadata))
        self.add(step, found, when)

    def flush(self) -> None:
        """Hand everything to the system."""
        with self._forgiving():
            if self._handle is not None:
                self._handle.flush()

    def close(self) -> None:
        """Close the file."""
        with self._forgiving():
            if self._handle is not None:
                self._handle.close()
        self._handle = self._records = None


def _described_scalar(description: str) -> Any:
    """Metadata of a number: without class and plugin, TensorBoard's default server drops the description."""
    from tensorboard.compat.proto import summary_pb2

    return summary_pb2.SummaryMetadata(  # type: ignore[attr-defined]
        summary_description=description,
        plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name="scalars"),  # type: ignore[attr-defined]
        data_class=summary_pb2.DATA_CLASS_SCALAR,  # type: ignore[attr-defined]
    )
