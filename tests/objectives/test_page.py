"""The objective of docs/how-a-step-works.md, as another installed package brings it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-a-step-works.md").read_text()


@pytest.fixture
def unbraid(tmp_path):
    """The command line, with a package installed beside unbraid that has the page's code and entry point."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (group, points) = re.search(r'```toml\n\[project\.entry-points\."(.*?)"\]\n(.*?)```', PAGE, re.DOTALL).groups()
    (tmp_path / "wae_gan.py").write_text(code)
    installed = tmp_path / "wae_gan-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: wae-gan\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(f"[{group}]\n{points.replace(chr(34), '')}")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(tmp_path)])}

    def run(*tokens: str) -> str:
        command = [sys.executable, "-m", "unbraid", *tokens]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_it_trains_resumes_and_is_explained(unbraid, tmp_path):
    short = ["ellipses", "--weight", "3", "--batch-size", "16", "--log-every", "1", "--no-report", "--out", "run"]
    unbraid("train", "wae_gan", *short, "--steps", "2")
    unbraid("train", "wae_gan", *short, "--steps", "2")  # which is finished
    entries = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    values = [entry["values"] for entry in entries if entry["kind"] == "train"]
    assert len(values) == 2
    for one in values:
        assert one["loss"] == pytest.approx(one["nll"] + 3 * one["kl_aggregate"], rel=1e-5)
        entropies = one["discriminator/codes"] + one["discriminator/prior"]
        assert one["discriminator/loss"] == pytest.approx(0.5 * entropies, rel=1e-5)
    shown = unbraid("show", "wae_gan")
    assert "--weight" in shown
    assert "discriminator" in shown


def test_every_place_that_the_page_names_is_there():
    """Modules, and tests by their functions."""
    for name in re.findall(r"`(unbraid/[\w/]+(?:\.py)?)`", PAGE):
        assert (ROOT / "src" / name).exists(), name
    tests = "".join(path.read_text() for path in (ROOT / "tests" / "objectives").glob("*.py"))
    for name in re.findall(r"`(test_\w+)`", PAGE):
        assert f"def {name}(" in tests, name
