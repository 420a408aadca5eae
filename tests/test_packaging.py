"""What packages for other tools say is what pyproject.toml says."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OF_CONDA = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
"""Packages that conda-forge calls otherwise."""


def test_the_conda_recipe_has_the_versions_of_the_project():
    recipe = yaml.safe_load((ROOT / "packaging" / "conda" / "recipe.yaml").read_text(encoding="utf-8"))
    assert recipe["context"]["version"] == PROJECT["version"]
    named = dict(re.fullmatch(r"([\w-]+)(.*)", one).groups() for one in PROJECT["dependencies"])
    wanted = [f"{OF_CONDA.get(name, name)} {version}" for name, version in named.items()]
    assert recipe["requirements"]["run"] == [f"python {PROJECT['requires-python']}", *wanted]
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    assert {one.replace(" ", "") for one in recipe["requirements"]["host"]} >= set(build)
    scripts = [f"{name} = {target}" for name, target in PROJECT["scripts"].items()]
    assert recipe["build"]["python"]["entry_points"] == scripts
    assert (ROOT / "packaging" / "conda" / recipe["source"]["path"]).resolve() == ROOT
    assert recipe["about"]["summary"] == PROJECT["description"]
    assert recipe["about"]["license"] == PROJECT["license"]


def test_the_dockerfile_installs_what_the_readme_says_and_is_not_root():
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    command = "pip install --constraint constraints.txt"
    assert command in readme
    installs = [" ".join(part.split()) for line in lines for part in line.split("&&") if "/pip install" in part]
    assert len(installs) == 2
    assert {"--no-deps", "--index-url"} <= set(installs[0].split())  # that index lacks versions that constraints name
    assert "index-url" not in installs[1]
    assert all(command in one.replace("--no-cache-dir ", "") for one in installs)
    assert set(re.findall(r"\[([\w,]+)\]", installs[1])[0].split(",")) <= set(PROJECT["optional-dependencies"])
    tested = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["classifiers"]))
    assert {re.search(r"python:(3\.\d+)-", line)[1] for line in lines if line.startswith("FROM")} <= set(tested)
    users = [line.split()[1] for line in lines if line.startswith("USER")]
    assert users == ["unbraid"]
    assert json.loads(next(line for line in lines if line.startswith("ENTRYPOINT")).removeprefix("ENTRYPOINT ")) == [
        *PROJECT["scripts"]
    ]
    copied = [source for line in lines if line.startswith("COPY") and "--from" not in line for source in line.split()[1:-1]]
    assert all((ROOT / source).exists() for source in copied)
    let_in = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    assert all(f"!{source}\n" in let_in for source in copied)


def test_the_javascript_package_has_the_version_of_the_project():
    assert json.loads((ROOT / "web" / "package.json").read_text(encoding="utf-8"))["version"] == PROJECT["version"]
