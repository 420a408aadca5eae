"""The Python of docs/python.md runs as it stands there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from helpers.pages import blocks_of

ROOT = Path(__file__).parent.parent


def test_python_in_one_page_runs_from_an_empty_folder(tmp_path):
    (block,) = blocks_of(ROOT / "docs" / "python.md")
    command = [sys.executable, "-c", block.text]
    done = subprocess.run(command, cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "mig" in done.stdout
    assert {"first", "own"} == {path.name for path in (tmp_path / "runs").iterdir()}
    assert (tmp_path / "my_model" / "model.safetensors").is_file()
