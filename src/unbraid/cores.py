"""How many cores there are for a process."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def usable_cores() -> float:
    """Cores that this process may use: by its affinity, or the share that a container allows."""
    cores: float = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    allowed = container_share(Path("/sys/fs/cgroup"))
    return cores if allowed is None else min(cores, allowed)


def cores() -> int:
    """Processes that can run at once without waiting for each other."""
    return max(1, int(usable_cores()))


def container_share(folder: Path) -> float | None:
    """Cores' worth of time that a control group allows; None where it sets no limit."""
    with suppress(OSError, ValueError):
        limit, period = (folder / "cpu.max").read_text().split()
        return None if limit == "max" else int(limit) / int(period)
    with suppress(OSError, ValueError):
        limit, period = ((folder / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return int(limit) / int(period) if int(limit) > 0 else None
    return None
