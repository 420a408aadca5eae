"""What engines call: plain data in and out, which every way of sending calls can carry."""

from __future__ import annotations

from typing import Any


def call(task: dict[str, Any]) -> list[dict[str, Any]]:
    """Work on a task until it is done, or this process is to stop."""
    import msgspec
    import torch

    from unbraid.sweep.engines.local import orphaned
    from unbraid.sweep.worker import Task, work

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found: list[dict[str, Any]] = msgspec.to_builtins(work(msgspec.convert(task, Task), orphaned))
        return found
    finally:
        torch.set_num_threads(threads)
