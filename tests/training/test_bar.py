"""Training from Python shows a bar to whoever looks, and prints nothing to files and pipes."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys

import pytest
from rich.console import Console

import unbraid
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
