"""The map of CONTRIBUTING.md is true."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def rooms() -> list[str]:
    """The names of the map, in its order."""
    found = re.search(r"```\n(cli .*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    return [line.split()[0] for line in found[1].splitlines()]


def questions() -> list[str]:
    """The rows of the table of questions."""
    section = (ROOT / "CONTRIBUTING.md").read_text().split("## Twelve questions\n")[1].split("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("|")][2:]


def holds(path: Path, name: str) -> bool:
    """Whether a file defines a name, `Class.method` included; whether it has these words where it is not Python."""
    if not path.is_file():
        return False
    if path.suffix != ".py":
        return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", path.read_text()) is not None
    body = ast.parse(path.read_text()).body
    for part in name.split("."):
        found = [node for node in body if part in defined_by(node)]
        if not found:
            return False
        body = getattr(found[0], "body", [])
    return True


def defined_by(node: ast.stmt) -> set[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Assign(targets=targets):
            return {one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
    return set()


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


def test_every_answer_is_where_the_table_says():
    assert len(questions()) == 12
    missing = []
    for row in questions():
        _, question, answer, files, _ = row.split("|")
        places = re.findall(r"`([\w/]+\.\w+):([^`]+)`", answer)
        assert places, question
        assert int(files) in (1, 2), question
        for path, name in places:
            base = ROOT if path.startswith(("docs/", "tests/", "web/")) else ROOT / "src" / "unbraid"
            if not holds(base / path, name):
                missing.append(f"{path}:{name}")
    assert not missing


def test_a_name_that_is_not_defined_is_noticed():
    here = Path(__file__)
    assert holds(here, "holds")
    assert holds(here, "ROOT")
    assert not holds(here, "questions.section_of")
    assert not holds(here, "re")
    assert not holds(here.with_name("gone.py"), "holds")
    assert not holds(ROOT / "CONTRIBUTING.md", "Twenty questions")
