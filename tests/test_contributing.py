"""The map of CONTRIBUTING.md is true."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def rooms() -> list[str]:
    """The names of the map, in its order."""
    found = re.search(r"```\n(cli .*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    return [line.split()[0] for line in found[1].splitlines()]


def test_the_map_has_every_module_and_package_once():
    package = ROOT / "src" / "unbraid"
    there = {path.stem for path in package.glob("*.py")} | {path.parent.name for path in package.glob("*/__init__.py")}
    assert sorted(rooms()) == sorted(there - {"__init__", "__main__"})


def test_the_map_goes_downward_as_imports_do():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["id"] == "layers")
    height = {name.strip().removeprefix("unbraid."): i for i, layer in enumerate(layers) for name in re.split(r"[:|]", layer)}
    heights = [height[name] for name in rooms()]
    assert heights == sorted(heights)


def test_every_path_it_names_exists():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    linked = re.findall(r"\]\(([^)#]+)\)", text)
    run = re.findall(r"python ((?:benchmarks|docs|tests)/\S+\.py)", text)
    assert linked
    assert run
    missing = [name for name in (*linked, *run) if not (ROOT / name).exists()]
    assert not missing
