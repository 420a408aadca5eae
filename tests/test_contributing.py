"""The examples of CONTRIBUTING.md work as they stand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_a_rate_a_model_a_data_set_and_a_metric_are_one_file_each(tmp_path):
    text = (ROOT / "CONTRIBUTING.md").read_text()
    rate, row, data, metric = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    package = shutil.copytree(ROOT / "src" / "unbraid", tmp_path / "unbraid")
    (package / "rates" / "free_bits.py").write_text(rate)
    (package / "data" / "sets" / "bars.py").write_text(data)
    (package / "metrics" / "best_share.py").write_text(metric)
    with (package / "zoo" / "vae.py").open("a") as zoo:
        zoo.write(f"\nfrom unbraid.rates.free_bits import FreeBits\n\n{row}")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def run(*tokens: str) -> str:
        command = [sys.executable, "-m", "unbraid", *tokens]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "free_bits" in run("list", "rates")
    assert "bars" in run("list", "datasets")
    assert "the best latent's share" in run("show", "best_share")
    short = ["bars", "--floor", "0.2", "--size", "64", "--batch-size", "16", "--steps", "2", "--no-report"]
    run("train", "free_bits_vae", *short, "--out", "run")
    run("train", "vae", *short, "--rate", "free_bits", "--out", "other")
    assert "--floor" in run("show", "free_bits_vae")
