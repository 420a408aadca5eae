"""Training from Python shows a bar to whoever looks, and prints nothing to files and pipes."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys

import pytest
from rich.console import Console

import unbraid
from unbraid.log_entry import Entry
from unbraid.training import bar

CODE = "import unbraid; unbraid.train('vae', 'ellipses', steps=3, batch_size=16, out='x'{})"


def on_a_terminal(folder, more: str) -> str:
    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", CODE.format(more)], cwd=folder, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            read = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not read:
            break
        shown += read
    os.close(ours)
    assert process.wait() == 0, shown
    return shown.decode()


def test_a_terminal_shows_a_bar_unless_told_not_to(tmp_path):
    shown = on_a_terminal(tmp_path, "")
    assert "vae on ellipses" in shown
    assert "3/3" in shown
    assert on_a_terminal(tmp_path, ", overwrite=True, progress=False") == ""


def test_pipes_get_nothing(tmp_path, capfd):
    unbraid.train("vae", "ellipses", steps=3, batch_size=16, out=tmp_path / "x")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("widgets", [True, False])
def test_a_notebook_without_widgets_gets_lines(monkeypatch, widgets):
    monkeypatch.setattr(bar, "find_spec", lambda name: object() if widgets else None)
    assert bar._has_widgets(Console(force_jupyter=True)) == widgets
    text = io.StringIO()
    lines = bar.Bar("vae on ellipses", Console(file=text, width=200))
    lines.start(0, 3, ["a note"])
    lines.advance(3, None, 1234.0)
    lines.finish()
    assert text.getvalue() == "Warning: a note\nstep 3/3  1,234 images/s  0:00 left\n"


FACTOR = Entry(
    kind="train",
    step=1500,
    time=0.0,
    values={"loss": 175.31, "nll": 160.25, "kl": 12.1, "tc": 0.34, "mmd": 0.012, "accuracy": 0.61, "kl_per_dim": [1.0]},
    units={"mmd": "number", "accuracy": "share"},
)
WHOLE = ["loss 175.3", "nll 160.2", "kl 12.1", "tc 0.3 nats", "mmd 0.012", "accuracy 61 %"]
TITLES = ["beta_vae on ellipses", "beta_vae_capacity on correlated_ellipses"]


def drawn(width: int, title: str, entry: Entry | None = FACTOR, steps: int = 4500) -> str:
    """What a bar leaves on a terminal of a width, a third through a run."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, legacy_windows=False)
    shown = bar.Bar(title, console)
    shown.start(0, steps, [])
    shown._told = 0.0
    shown.advance(steps // 3, entry, 1234.0)
    text = io.StringIO()
    Console(file=text, width=width, force_terminal=False).print(shown._progress.get_renderable())
    shown.finish()
    return text.getvalue()


@pytest.mark.parametrize("title", TITLES)
@pytest.mark.parametrize("steps", [4500, 300_000])
@pytest.mark.parametrize("width", [60, 70, 80, 100, 120, 200])
def test_the_bar_takes_one_line_and_cuts_no_word(width, steps, title):
    (line,) = drawn(width, title, steps=steps).rstrip("\n").split("\n")
    assert len(line) <= width
    assert "…" not in line
    assert line.startswith((f"{title} ", f"{title.split()[0]} "))
    assert line.rstrip().endswith("left")
    assert f"{steps // 3}/{steps}" in line
    left = line.split(f"/{steps}")[1]
    for part in (*WHOLE, "nats", "1,234 images/s"):
        left = left.replace(part, "") if part in left else left
    assert re.fullmatch(r"[ \d:]*left *", left)  # whole terms and the time left, nothing else


def test_at_80_columns_loss_nll_and_kl_are_seen():
    entry = Entry(kind="train", step=1, time=0.0, values={"loss": 75.31, "nll": 70.25, "kl": 5.1}, units={})
    line = drawn(80, TITLES[0], entry)
    assert "loss 75.3  nll 70.2  kl 5.1 nats" in line
    assert "━" in line


def test_a_wide_terminal_shows_everything():
    line = drawn(200, TITLES[1])
    assert line.startswith(TITLES[1])
    assert "  ".join(WHOLE) in line
    assert "1,234 images/s" in line
    assert bar.fitted(200, TITLES[1], "1/2", FACTOR, "1,234 images/s", "0:01 left")[1] == bar.BAR
