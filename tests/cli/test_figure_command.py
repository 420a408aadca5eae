"""unbraid figure and unbraid report as their users meet them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from PIL import Image

from helpers.command_line import FAST, run
from helpers.tiny import TINY
from unbraid.cli.main import main


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figure") / "run"
    assert main(["train", "beta_vae", TINY, *FAST, "--beta", "2.5", "--no-report", "--out", str(folder)]) == 0
    assert main(["evaluate", str(folder), "--metrics", "mig", "--intervals", "0", "--device", "cpu"]) == 0
    return folder


def test_a_figure_is_written_and_told_in_words(capsys, finished, tmp_path):
    code, out, _ = run(capsys, "figure", "traversals", finished, "--dims", 2, "-o", tmp_path / "a.png", "--dpi", 72)
    assert code == 0
    assert f"Figure: {tmp_path / 'a.png'}" in out
    assert "each row moves one latent" in out
    with Image.open(tmp_path / "a.png") as small:
        run(capsys, "figure", "traversals", finished, "--dims=2", "-o", tmp_path / "b.png")
        with Image.open(tmp_path / "b.png") as large:
            assert large.size == (2 * small.size[0], 2 * small.size[1])


def test_the_ending_says_how(capsys, finished, tmp_path):
    for kind, head in (("svg", b"<?xml"), ("pdf", b"%PDF"), ("gif", b"GIF89a")):
        assert run(capsys, "figure", "traversals", finished, "--dims", 1, "--columns", 3, "-o", tmp_path / f"a.{kind}")[0] == 0
        assert (tmp_path / f"a.{kind}").read_bytes().startswith(head)


def test_help_shows_the_options_of_the_figure(capsys):
    code, out, _ = run(capsys, "figure", "paired_traversals", "--help")
    assert code == 0
    for flag in ("--factor", "--columns", "--out", "-o", "--overwrite", "scored runs on the same data"):
        assert flag in out
    code, out, _ = run(capsys, "figure", "--help")
    assert (code, "unbraid list figures" in out) == (0, True)


def test_list_and_show_know_figures(capsys):
    assert "traversals" in run(capsys, "list", "figures")[1]
    _, out, _ = run(capsys, "show", "traversals")
    for shown in (
        "Of: one run",
        "Needs: a scored run",
        ".gif",
        "unbraid figure traversals runs/NAME -o traversals.png",
        "--dims",
    ):
        assert shown in out


WRONG = {
    "unknown figure": (["figure", "traversal", "{run}", "-o", "{tmp}/a.png"], 2, "Did you mean 'traversals'"),
    "no run": (["figure", "traversals", "-o", "{tmp}/a.png"], 2, "Give a run folder"),
    "no name": (["figure"], 2, "NAME"),
    "no file": (["figure", "traversals", "{run}"], 2, "-o traversals.png"),
    "ending": (["figure", "traversals", "{run}", "-o", "{tmp}/a.bmp"], 2, "allowed: .png, .svg, .pdf, .gif"),
    "does not move": (["figure", "samples", "{run}", "-o", "{tmp}/a.gif"], 2, "does not move"),
    "too few": (["figure", "grid", "{run}", "-o", "{tmp}/a.png"], 2, "is of 2 runs or more, and 1 was given"),
    "no such run": (["figure", "traversals", "{tmp}/none", "-o", "{tmp}/a.png"], 2, "There is no folder"),
    "range": (["figure", "traversals", "{run}", "--dims", "0", "-o", "{tmp}/a.png"], 2, "at least 1"),
    "dpi": (["figure", "traversals", "{run}", "--dpi", "5", "-o", "{tmp}/a.png"], 2, "at least 36"),
    "option of another": (["figure", "seeds", "{run}", "--dims", "3", "-o", "{tmp}/a.png"], 2, "--dims"),
    "several without a file": (["report", "{run}", "{run}"], 2, "-o comparison.html"),
}


@pytest.mark.parametrize(("tokens", "code", "says"), WRONG.values(), ids=WRONG)
def test_wrong_usage_is_one_message_and_writes_nothing(capsys, finished, tmp_path, tokens, code, says):
    filled = [token.replace("{tmp}", str(tmp_path)).replace("{run}", str(finished)) for token in tokens]
    got, _, err = run(capsys, *filled)
    assert (got, says in err) == (code, True), err
    assert err.startswith("Error: ")
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten_unless_told(capsys, finished, tmp_path):
    path = tmp_path / "a.png"
    path.write_text("mine")
    code, _, err = run(capsys, "figure", "samples", finished, "-o", path)
    assert (code, "exists" in err) == (2, True)
    assert path.read_text() == "mine"
    assert run(capsys, "figure", "samples", finished, "-o", path, "--overwrite")[0] == 0
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_report_goes_where_it_is_told(capsys, finished, tmp_path):
    code, out, _ = run(capsys, "report", finished, "-o", tmp_path / "a.html")
    assert (code, f"Report: {tmp_path / 'a.html'}" in out) == (0, True)
    assert "beta_vae" in (tmp_path / "a.html").read_text()


def test_the_package_of_figures_imports_neither_torch_nor_matplotlib_by_itself():
    code = (
        "import sys, unbraid.figures; light = 'matplotlib' not in sys.modules; unbraid.figures.traversals; "
        "print(light, 'matplotlib' in sys.modules, 'torch' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown == "True True False False\n"


def test_training_needs_no_matplotlib():
    code = "import sys, unbraid.api, unbraid.training.fit; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
