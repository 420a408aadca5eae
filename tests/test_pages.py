"""Every command and every Python block of the written pages runs, with training cut to a few steps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from helpers.pages import NOT_RUN, blocks_of, run_page, shortened

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = {
    "start.md": ["runs/first/report.html", "page.html"],
}
"""Pages below docs/, and files that a reader has who typed all of one."""


@pytest.mark.parametrize("name", PAGES)
def test_a_page_runs_as_it_stands(name, tmp_path, monkeypatch):
    run_page(DOCS / name, tmp_path, monkeypatch)
    assert [path for path in PAGES[name] if not (tmp_path / path).exists()] == []


@pytest.mark.parametrize("name", PAGES)
def test_links_and_pictures_of_a_page_are_there(name):
    page = DOCS / name
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    linked = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if not target.startswith("http")]
    assert linked
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
    for name in PAGES:
        for block in blocks_of(DOCS / name):
            programs = {words[0] for words in block.commands} if block.language == "console" else set()
            assert programs <= {"unbraid", "python", *NOT_RUN}, name
