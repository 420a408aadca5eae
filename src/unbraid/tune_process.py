"""Settings of a whole process that make training faster."""

from __future__ import annotations

import os
import sys


def tune_process() -> None:
    """Let glibc keep freed memory, and threads sleep while they wait.

    A fresh 64 MB block costs 16,000 page faults, and a training step asks for such blocks again and again; kept memory costs
    none. Threads that spin while they wait for each other lose nine tenths of the speed as soon as another process wants one of
    their cores. For processes that are unbraid's own, the command line's and its workers'; what the user has set in the
    environment stays.
    """
    os.environ.pop("MPLBACKEND", None)  # a notebook's backend, which need not be installed here; figures are files
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # read when torch is imported
    if not sys.platform.startswith("linux") or "MALLOC_ARENA_MAX" in os.environ:
        return
    import ctypes

    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another C library
        return
    for option, value in ((-3, 1 << 30), (-1, 2**31 - 1), (-2, 256 << 20)):  # mmap threshold, trim threshold, top pad
        mallopt(option, value)
