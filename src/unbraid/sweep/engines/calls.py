"""What engines call: plain data in and out, which every way of sending calls can carry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unbraid.sweep.engines.local import orphaned


def call(task: dict[str, Any], stopped: Callable[[], bool] = orphaned) -> list[dict[str, Any]]:
    """Work on a task until it is done, or this process is to stop."""
    import msgspec
    import torch

    from unbraid.sweep.tasks import Task
    from unbraid.sweep.worker import work

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found: list[dict[str, Any]] = msgspec.to_builtins(work(msgspec.convert(task, Task), stopped))
        return found
    finally:
        torch.set_num_threads(threads)
