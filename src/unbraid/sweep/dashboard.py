"""A page that shows a running sweep: `status.html` in its folder, rewritten every few seconds."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from unbraid.files import whole_file
from unbraid.reporting.templates import render_template
from unbraid.sweep.points import Group
from unbraid.sweep.progress import duration, headline, labels_of, percent
from unbraid.sweep.status import Status

NAME = "status.html"
MOST_ROWS = 300
"""Of a table."""
MOST_SCORES = 3
"""Metrics whose means are shown."""


def write(
    folder: Path,
    status: Status,
    labels: Mapping[str, str],
    scores: Mapping[str, Mapping[str, float]],
    left: float | None,
    *,
    seconds: int | None,
) -> None:
    """Write the page.

    Args:
        folder: of the sweep.
        status: its state.
        labels: what to call each point.
        scores: of finished points, by metric and key.
        left: seconds that the rest takes, where that is known.
        seconds: until the next page; None if no other follows.

    Raises `UnbraidError` where it cannot be written.
    """
    done = len(status.finished) / max(1, len(status.points))
    text = render_template(
        "dashboard.html.jinja",
        "unbraid.sweep",
        folder=folder.name,
        headline=headline(status, left),
        done=f"{done:.4f}",
        share=f"{percent(done)} finished",
        written=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
        seconds=seconds or 0,
        problems=status.problems,
        parts=[
            (title, {"columns": rows[0], "rows": rows[1 : MOST_ROWS + 1]})
            for title, rows in (
                ("Running", _running(status, labels)),
                ("Failed", _failed(status, labels)),
                ("Configurations", _configurations(status, scores)),
            )
            if len(rows) > 1
        ],
    )
    with whole_file(folder / NAME) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def _running(status: Status, labels: Mapping[str, str]) -> list[list[str]]:
    rows = [["run", "done", "images per second", "where", "for"]]
    now = time.time()
    for key, held in [*status.silent.items(), *sorted(status.running.items(), key=lambda pair: -pair[1].done)]:
        since = "silent" if key in status.silent else duration(max(0.0, now - held.since))
        speed = f"{held.speed:,.0f}" if held.speed else "–"
        rows.append([labels.get(key, key), percent(held.done), speed, f"{held.owner.host} {held.owner.pid}", since])
    return rows


def _failed(status: Status, labels: Mapping[str, str]) -> list[list[str]]:
    return [["run", "error"], *([labels.get(key, key), one.error] for key, one in status.failed.items())]


def _configurations(status: Status, scores: Mapping[str, Mapping[str, float]]) -> list[list[str]]:
    """One row per configuration: its runs by their state, and means so far."""
    names = list(scores)[:MOST_SCORES]
    rows = [["configuration", "finished", "running", "waiting", "failed", *(f"{name}, mean so far" for name in names)]]
    of_groups: dict[int, tuple[Group, list[str]]] = {}
    for key, point in status.points.items():
        of_groups.setdefault(id(point.group), (point.group, []))[1].append(key)
    labels = labels_of([group for group, _ in of_groups.values()])
    for label, (_, keys) in zip(labels, of_groups.values(), strict=True):
        finished, failed = _count(keys, status.finished), _count(keys, status.failed)
        running = _count(keys, status.running) + _count(keys, status.silent)
        waiting = len(keys) - finished - failed - running
        rows.append([label, *map(str, (finished, running, waiting, failed)), *(_mean(keys, scores[name]) for name in names)])
    return rows


def _count(keys: Sequence[str], among: Mapping[str, object] | set[str]) -> int:
    return sum(1 for key in keys if key in among)


def _mean(keys: Sequence[str], scores: Mapping[str, float]) -> str:
    known = [scores[key] for key in keys if math.isfinite(scores.get(key, math.nan))]
    return f"{sum(known) / len(known):.3f}" if known else "–"
