"""Every command and every Python block of the written pages runs, with training cut to a few steps."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from helpers.pages import NOT_RUN, blocks_of, run_page, shortened
from unbraid.cli.main import COMMANDS, main
from unbraid.registries import REGISTRIES

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = {
    "start.md": ["runs/first/report.html", "page.html"],
    "concepts/in-pictures.md": [],
    "which-metric.md": ["runs/first/codes.npz"],
    "messages.md": [],
    "faq.md": [],
    "comparison.md": [],
    "what-there-is.md": [],
    "tutorials/photos-to-explorer.md": ["seen.png", "runs/photos/report.html", "photos.html"],
    "tutorials/score-your-encoder.md": ["codes.scores.json", "codes.audit.json", "encoder.scores.json"],
    "tutorials/read-a-report.md": ["comparison.html"],
    "tutorials/compare-objectives.md": ["comparison.html", "trade_off.svg"],
}
"""Pages below docs/, and files that a reader has who typed all of one."""


TRAINED = "runs/first"
"""The run of start.md, which later pages take up."""


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """A folder in which start.md was typed."""
    folder = tmp_path_factory.mktemp("start")
    with pytest.MonkeyPatch.context() as monkeypatch:
        run_page(DOCS / "start.md", folder, monkeypatch)
    return folder


def test_the_first_page_makes_a_run_a_report_and_an_explorer(start):
    assert [path for path in PAGES["start.md"] if not (start / path).exists()] == []


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # of exporters that pages call
@pytest.mark.parametrize(
    "name", [name for name in PAGES if any(block.language != "text" for block in blocks_of(DOCS / name)) and name != "start.md"]
)
def test_a_page_runs_as_it_stands(name, tmp_path, monkeypatch, start):
    shutil.copytree(start / TRAINED, tmp_path / TRAINED)
    run_page(DOCS / name, tmp_path, monkeypatch)
    assert [path for path in PAGES[name] if not (tmp_path / path).exists()] == []


def test_the_five_lines_of_the_readme_run(start, tmp_path, monkeypatch):
    """On the run of the first page, which has the name that they give."""
    shutil.copytree(start / TRAINED, tmp_path / TRAINED)
    (python,) = [block for block in blocks_of(DOCS.parent / "README.md") if block.language == "python"]
    assert len([line for line in python.text.splitlines() if line]) == 5
    page = tmp_path / "page.md"
    page.write_text(f"```python\n{python.text}```\n", encoding="utf-8")
    assert "mig" in run_page(page, tmp_path, monkeypatch)


@pytest.mark.parametrize("name", [*PAGES, "commands.md", "python.md", "concepts/conventions.md", "../README.md"])
def test_links_and_pictures_of_a_page_are_there(name):
    page = DOCS / name
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    linked = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if not target.startswith("http")]
    assert [target for target in linked if target and not (page.parent / target).exists()] == []


def test_training_of_a_page_is_cut_short_and_nothing_else_changes():
    assert shortened(["train", "vae", "ellipses", "--steps", "9000", "--beta", "2"])[:5] == [
        "train",
        "vae",
        "ellipses",
        "--beta",
        "2",
    ]
    assert "9000" not in shortened(["train", "vae", "ellipses", "--steps", "9000"])
    assert shortened(["explore", "runs/x", "-o", "page.html"]) == ["explore", "runs/x", "-o", "page.html"]


def test_every_program_on_a_page_is_run_or_known_to_need_no_test():
    for name in [*PAGES, "commands.md", "../README.md"]:
        for block in blocks_of(DOCS / name):
            programs = {words[0] for words in block.commands} if block.language == "console" else set()
            assert programs <= {"unbraid", "python", *NOT_RUN}, name


def test_the_scores_in_the_picture_of_disagreement_are_what_the_metrics_give(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS / "source"))
    import pictures

    _, columns, values = pictures.disagreement()
    assert tuple(columns) == pictures.SHOWN
    drawn = re.findall(r">(\d\.\d\d)</text>", (DOCS / "images" / "disagree.svg").read_text(encoding="utf-8"))
    assert drawn == [f"{value:.2f}" for value in values.ravel()], "draw it anew: python docs/source/pictures.py disagree"


COMMAND_LINES = [words for block in blocks_of(DOCS / "commands.md") for words in block.commands if words[0] == "unbraid"]


def test_the_page_of_commands_has_all_of_them():
    assert {words[1] for words in COMMAND_LINES} >= set(COMMANDS)


@pytest.mark.parametrize("words", COMMAND_LINES, ids=" ".join)
def test_every_option_of_the_page_of_commands_is_one_of_its_command(words, capsys):
    options = {word for word in words[2:] if word.startswith("-")} - {"--help", "--config"}
    if words[1] not in COMMANDS or not options:
        return
    places = [word for word in words[2:4] if not word.startswith("-")] if words[1] in ("train", "show") else []
    choice = [
        word
        for option in ("--encoder", "--decoder", "--codes", "--rate")
        if option in words
        for word in (option, words[words.index(option) + 1])
    ]
    chosen = [] if words[1] == "show" else choice
    assert main([words[1], *places, *chosen, "--help"]) == 0
    shown = capsys.readouterr().out
    assert {option for option in options if option not in shown} == set()


@pytest.mark.parametrize("kind", ["models", "datasets", "encoders", "decoders", "likelihoods", "metrics"])
def test_the_page_of_what_there_is_names_every_part(kind):
    page = (DOCS / "what-there-is.md").read_text(encoding="utf-8")
    ours = {entry.name for entry in REGISTRIES[kind] if entry.factory.__module__.startswith("unbraid.")}  # others are of tests
    names = ours - {"arrays"}  # which Python alone has
    assert names
    assert [name for name in names if f"`{name}" not in page] == []
