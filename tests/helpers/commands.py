"""The command line in processes of its own, for tests."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import unbraid

SOURCES = str(Path(unbraid.__file__).parents[1])


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": SOURCES, "OMP_NUM_THREADS": "1", "COLUMNS": "80", **more}


def start(folder: Path, *tokens: str, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "unbraid", *tokens],
        cwd=folder,
        env=environment(**environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def run(folder: Path, *tokens: str, code: int = 0, **environ: str) -> str:
    process = start(folder, *tokens, **environ)
    try:
        text, _ = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == code, text
    return text


def until(ready: Callable[[], Any], seconds: float = 120, words: str = "it did not happen") -> Any:
    end = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < end, words
        time.sleep(0.1)
    return found


def tokens(options: dict[str, Any]) -> list[str]:
    return [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]
