"""Fair comparisons: every side a process of its own on the same cores, in turns, medians, no ratio of a restless machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).parent / "results"
STEADY = 1.15
"""A ratio is refused where that of the first half of the turns and that of the second differ by more than this factor."""
SECONDS = 1.5
"""That a turn lasts, about."""


@dataclass
class Side:
    """A process that works when it is its turn: it reads how much to do and answers how many seconds that took.

    Args:
        command: of the process, after the interpreter.
        threads: for its arithmetic, on as many cores.
        environment: what it is given beside.
    """

    command: Sequence[str]
    threads: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)

    def __enter__(self) -> Side:
        cores = sorted(os.sched_getaffinity(0))[: self.threads]
        self._process = subprocess.Popen(
            [sys.executable, *self.command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": str(self.threads), **self.environment},
            preexec_fn=lambda: os.sched_setaffinity(0, cores),  # noqa: PLW1509  # there are no threads here
        )
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.wait()

    def turn(self, amount: int) -> float:
        """Seconds that so much work takes."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{amount}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(self.command)} ended with {self._process.wait()}")
        return float(line)


def take_turns(work: Callable[[int], None]) -> None:
    """What the process of a side does: work when told to, and answer the seconds."""
    import time

    for line in sys.stdin:
        began = time.perf_counter()
        work(int(line))
        print(time.perf_counter() - began, flush=True)


def race(sides: Mapping[str, Side], rounds: int) -> dict[str, list[float]]:
    """Seconds for one unit of work, by side and round; each round begins with another side."""
    for side in sides.values():
        side.turn(2)
    amounts = {}
    for name, side in sides.items():
        once = min(side.turn(1) for _ in range(2))
        amounts[name] = max(1, round(SECONDS / max(once, 1e-6)))
    names, taken = list(sides), {name: [] for name in sides}
    for i in range(rounds):
        first = i % len(names)
        for name in names[first:] + names[:first]:
            taken[name].append(sides[name].turn(amounts[name]) / amounts[name])
    return taken


def ratio(slow: Sequence[float], fast: Sequence[float]) -> float | None:
    """How many times as fast; None where the machine was too restless to say."""
    half = len(slow) // 2
    early, late = (median(slow[part]) / median(fast[part]) for part in (slice(0, half), slice(half, None)))
    return median(slow) / median(fast) if max(early, late) <= STEADY * min(early, late) else None


def machine() -> dict[str, Any]:
    """What it was measured on."""
    import torch

    import unbraid

    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "unbraid": unbraid.__version__,
        "load before": round(os.getloadavg()[0], 2),
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def keep(name: str, result: Mapping[str, Any]) -> None:
    """Write a result beside the machine's description, for the page."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps({"machine": machine(), **result}, indent=1) + "\n")


def shown(value: float | None, digits: int = 2) -> str:
    """A ratio, or that it was refused."""
    return "restless" if value is None else f"{value:.{digits}f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])
