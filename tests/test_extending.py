"""The package of docs/extending.md works as it stands there, once it is installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "extending.md"


@pytest.fixture(scope="module")
def unbraid(tmp_path_factory):
    """The command line where the package is installed: its modules, and the entry points that an installer writes down."""
    site = tmp_path_factory.mktemp("site")
    (site / "mylab").mkdir()
    (site / "mylab" / "__init__.py").touch()
    for kind, name, code in re.findall(r"```(\w+)\n# (\S+)\n(.*?)```", PAGE.read_text(), re.DOTALL):
        if kind == "toml":
            project = tomllib.loads(code)["project"]
        else:
            (site / name).write_text(code)
    info = site / "mylab-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = project["entry-points"].items()
    lines = [f"[{group}]\n" + "".join(f"{name} = {module}\n" for name, module in points.items()) for group, points in groups]
    (info / "entry_points.txt").write_text("\n".join(lines))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])}

    def run(*tokens: str) -> str:
        command = [sys.executable, "-m", "unbraid", *tokens]
        done = subprocess.run(command, env=environment, cwd=site, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


SHORT = ("bars", "--size", "32", "--batch-size", "16", "--steps", "2")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("rates", "free_bits"),
        ("models", "free_bits_vae"),
        ("datasets", "bars"),
        ("metrics", "best_share"),
        ("encoders", "pooled"),
        ("figures", "code_spread"),
    ],
)
def test_each_part_is_listed_and_explained(unbraid, kind, name):
    assert name in unbraid("list", kind)
    assert name in unbraid("show", name)


def test_the_rate_trains_by_name_and_in_the_named_model(unbraid):
    unbraid("train", "vae", *SHORT, "--rate", "free_bits", "--floor", "0.2", "--no-report", "--out", "rate")
    unbraid("train", "free_bits_vae", *SHORT, "--floor", "0.2", "--no-report", "--out", "model")
    assert "--floor" in unbraid("show", "free_bits_vae")


def test_encoder_metric_and_figure_work_on_a_run(unbraid, tmp_path):
    out = str(tmp_path / "run")
    unbraid("train", "vae", *SHORT, "--encoder", "pooled", "--encoder-width", "8", "--out", out)
    assert "best_share" in (tmp_path / "run" / "metrics.json").read_text()
    unbraid("figure", "code_spread", out, "-o", str(tmp_path / "spread.png"))
    assert (tmp_path / "spread.png").stat().st_size > 1000
