"""The generated pages of the website: every public name, every registered thing and every command has its place.

Links, formulas and headings are checked where `make docs` builds the site, since a warning there is an error.
"""

from __future__ import annotations

import ast
import posixpath
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="the extra docs is not installed")

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs" / "source"))

from website import api_pages, cli_pages, docstrings, live, registry_pages, stage  # noqa: E402

import unbraid  # noqa: E402
import unbraid.figures  # noqa: E402
import unbraid.metrics  # noqa: E402
from unbraid.cli.main import COMMANDS, main  # noqa: E402
from unbraid.registries import REGISTRIES  # noqa: E402

DIRECTIVE = re.compile(r"\{py:(?:function|class|data)\} ([\w.]+)")


@pytest.fixture(scope="module")
def reference():
    return api_pages.api_pages()


@pytest.fixture(scope="module")
def documented(reference):
    return {name for text in reference.values() for name in DIRECTIVE.findall(text)}


@pytest.mark.parametrize("package", [unbraid, unbraid.metrics, unbraid.figures], ids=lambda package: package.__name__)
def test_every_name_of_a_package_is_in_the_reference(package, documented):
    wanted = {f"{package.__name__}.{name}" for name in package.__all__ if not name.startswith("_")}
    assert wanted
    assert wanted <= documented


def test_every_function_and_class_is_in_the_reference(documented):
    by_module = {".".join(path.relative_to(ROOT / "src").with_suffix("").parts): path for path in sources()}
    known = {name.rpartition(".")[2] for name in documented}
    missing = []
    for module, path in by_module.items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            name = getattr(node, "name", "_")
            if not name.startswith("_") and f"{module}.{name}" not in documented and name not in known:
                missing.append(f"{module}.{name}")
    assert len(by_module) > 300
    assert not missing


def sources():
    return [path for path in (ROOT / "src" / "unbraid").rglob("*.py") if not path.name.startswith("_")]


def test_a_name_stands_under_the_shortest_path_with_its_signature(reference):
    page = reference["reference/api/metrics.md"]
    assert re.search(
        r"\{py:function\} unbraid\.metrics\.mig\(codes: Codes=None, .*\) -> Scores\n:canonical: unbraid\.metrics\.mig\.mig\n",
        page,
    )
    assert not [text for name, text in reference.items() if "{py:function} unbraid.metrics.mig.mig(" in text]


@pytest.mark.parametrize("plural", list(REGISTRIES))
def test_an_index_lists_every_entry_beside_its_page(plural):
    registry = REGISTRIES[plural]
    if plural not in registry_pages.TITLES:
        assert plural == "studies"
        return
    text = registry_pages.index(registry)
    assert [name for name in registry.names() if f"[`{name}`]({name}.md)" not in text] == []


@pytest.mark.parametrize("entry", [REGISTRIES["models"]["factor_vae"], REGISTRIES["metrics"]["mig"]], ids=["model", "metric"])
def test_a_page_has_formula_options_and_source(entry):
    text = registry_pages.page(entry)
    assert "```math\n" in text
    assert ".. math::" not in text
    assert all(f"`--{name.replace('_', '-')}`" in text or f"`{name}`" in text for name in entry.options)
    assert entry.source.split(" (")[0] in text
    rows = [line.count("|") - line.count("\\|") for line in text.splitlines() if line.startswith("|")]
    assert min(rows) >= 3


def test_the_page_of_commands_has_every_option_that_help_shows(capsys):
    text = cli_pages.cli_page()["reference/cli.md"]
    assert all(f"\n## unbraid {name}\n" in text for name in COMMANDS)
    for command in ("audit", "explore"):
        main([command, "--help"])
        section = text.partition(f"\n## unbraid {command}\n")[2].partition("\n## ")[0]
        options = set(re.findall(r"│[ *]*(--[\w-]+)", capsys.readouterr().out)) - {"--help"}
        assert options
        assert not [option for option in options if f"`{option}`" not in section]


def test_docstrings_become_markdown():
    made = docstrings.to_markdown(
        r"""A sum, see docs/metrics.md.

        .. math:: \sum_k
            a_k

        Where :math:`a_k` is one.

        Args:
            first, second: numbers
                to add.

        >>> 1 + 1
        2
        """
    )
    assert "see [metrics](/metrics.md)." in made
    assert "```math\n\\sum_k\na_k\n```" in made
    assert "Where $a_k$ is one." in made
    assert "**Arguments**\n\n- `first`, `second`: numbers to add." in made
    assert "```pycon\n>>> 1 + 1\n2\n```" in made


def test_links_lead_to_the_same_pages_from_everywhere():
    written = stage.pages()
    front = stage.linked(ROOT / "README.md", written)
    assert "](docs/" not in front
    assert "](changelog.md)" in front
    code = "```text\n[a](b.md)\n```"
    assert stage.outside_code(f"[a](b.md)\n{code}\n", str.upper) == f"[A](B.MD)\n{code}\n"


def test_every_page_has_one_place():
    made = [f"{plural}/{name}.md" for plural in registry_pages.TITLES for name in ("index", "one")]
    made += ["reference/cli.md", "reference/api/index.md", "reference/api/unbraid.md"]
    done = stage.navigated(dict.fromkeys([*stage.pages(), *made], "# T\n"), stage.sections())
    entries = [
        posixpath.normpath(posixpath.join(posixpath.dirname(page), line.rstrip(">").rpartition("<")[2]))
        for page, text in done.items()
        for block in re.findall(r"```\{toctree\}\n:hidden:\n\n(.*?)\n```", text, re.DOTALL)
        for line in block.splitlines()
    ]
    assert sorted(entries) == sorted(set(done) - {"index.md"})


def test_the_gallery_shows_the_explorers_that_were_made(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "LIVE", tmp_path)
    text = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    first, *others = live.explorers(text)
    assert {"rooms.html", "faces.html"} <= {one.page for one in others}
    assert live.shown(text) == text
    assert "python docs/source/website/live.py" in text  # beside the picture
    first.path.parent.mkdir()
    first.path.touch()
    assert re.findall(r'<iframe [^>]*src="([^"]*)"', live.shown(text)) == [f"{live.FOLDER}/{first.page}"]
    assert not live.PICTURE.search(live.shown(text))


def test_models_of_explorers_are_trained_by_commands_of_the_gallery(tmp_path, monkeypatch):
    import gallery

    monkeypatch.setattr(live, "LIVE", tmp_path)
    text = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    ran = []
    monkeypatch.setattr(gallery, "run", ran.append)
    live.make(text)
    trained = [command.split()[command.split().index("--out") + 1] for command in ran if command.startswith("train ")]
    assert trained == [folder for one in live.explorers(text) for folder in one.runs]
    assert all(command.count("--no-report") == 1 for command in ran if command.startswith("train "))
    assert [command for command in ran if command.endswith(f"-o {tmp_path / live.FOLDER / 'rooms.html'}")]
    ran.clear()
    live.make(text, ["faces.html"])
    assert [command.split()[0] for command in ran] == ["train", "explore"]
    with pytest.raises(SystemExit, match=r"no face\.html; there are explorer\.html, "):
        live.make(text, ["face.html"])
