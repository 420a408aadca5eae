"""The Python block of the README runs as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_the_python_block_runs_from_an_empty_folder(tmp_path):
    (block,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    command = [sys.executable, "-c", block]
    done = subprocess.run(command, cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "mig" in done.stdout
    assert {"first", "own"} == {path.name for path in (tmp_path / "runs").iterdir()}
    assert (tmp_path / "my_model" / "model.safetensors").is_file()
