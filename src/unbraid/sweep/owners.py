"""Who holds a claim: a process of a machine.

The death of one on this machine is known at once.
"""

from __future__ import annotations

import os
import secrets
import socket
from functools import cache
from pathlib import Path

import msgspec


class Owner(msgspec.Struct, frozen=True):
    """A process on a machine, and a random word that makes it one of a kind."""

    token: str
    host: str
    boot: str
    """Which start of which machine, and which process namespace there; empty where the system does not tell."""
    pid: int
    started: str
    """When the process started, in the system's own unit: process numbers are used again."""

    @property
    def surely_dead(self) -> bool:
        """Whether this ran on this machine and runs no more.

        False proves nothing, since folders may be copied.
        """
        return bool(self.boot) and self.boot == _boot() and _started(self.pid) != self.started


def new_owner() -> Owner:
    """This process, under a new random word."""
    pid = os.getpid()
    return Owner(secrets.token_hex(8), socket.gethostname(), _boot(), pid, _started(pid))


@cache
def _boot() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115 - not a path
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Empty where there is no such process, or a dead one that nobody has waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
