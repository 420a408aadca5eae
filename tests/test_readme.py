"""The Python of README.md and docs/python.md runs as it stands there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from helpers.pages import blocks_of, run_page

ROOT = Path(__file__).parent.parent


def test_the_lines_of_the_readme_train_score_and_report(tmp_path, monkeypatch):
    python = [block for block in blocks_of(ROOT / "README.md") if block.language == "python"]
    page = tmp_path / "page.md"
    page.write_text("".join(f"```python\n{block.text}```\n" for block in python))
    assert len(python) == 1
    assert len([line for line in python[0].text.splitlines() if line]) == 5
    assert "mig" in run_page(page, tmp_path, monkeypatch)
    assert (tmp_path / "runs" / "first" / "report.html").is_file()


def test_python_in_one_page_runs_from_an_empty_folder(tmp_path):
    (block,) = blocks_of(ROOT / "docs" / "python.md")
    command = [sys.executable, "-c", block.text]
    done = subprocess.run(command, cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "mig" in done.stdout
    assert {"first", "own"} == {path.name for path in (tmp_path / "runs").iterdir()}
    assert (tmp_path / "my_model" / "model.safetensors").is_file()
