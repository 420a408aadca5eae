"""trackio, which keeps runs on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from io import StringIO

from unbraid.trackers.registry import Tracked, trackers


@trackers.register(
    "trackio", source="Hugging Face, https://github.com/gradio-app/trackio", package="trackio", install="unbraid[trackio]"
)
class Trackio:
    """Runs in a database on this machine, which `trackio show --project PROJECT` shows in a browser.

    Nothing is sent anywhere unless trackio's own environment variables say so. `TRACKIO_DIR` is where the database lies. Runs
    are called by their folder and the beginning of their id: trackio resumes the latest run of a name, and folders in different
    places may have the same.
    """

    def __init__(self, run: Tracked, project: str) -> None:
        import trackio

        with _quiet():
            self._run = trackio.init(
                project=project,
                name=f"{run.name}-{run.id[:6]}",
                config=dict(run.options),
                resume="allow" if run.resumes else "never",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Numbers of one step."""
        self._run.log(dict(values), step=step)

    def finish(self) -> None:
        """Write what waits to be written."""
        import trackio

        with _quiet():
            trackio.finish()  # not that of the run, which is finished again when the process ends


@contextmanager
def _quiet() -> Iterator[None]:
    """What trackio prints would stand among the output of commands."""
    with redirect_stdout(StringIO()):
        yield
