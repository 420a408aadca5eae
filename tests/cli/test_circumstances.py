"""What the machine, the terminal and foreign names do to the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from io import StringIO

import pytest

from unbraid.cli import main as entry
from unbraid.cli.console import visible
from unbraid.cli.main import main
from unbraid.errors import UsageError
from unbraid.files import whole_file

ESCAPES = "\x1b]0;owned\x07\x1b[2J\r\x9b31m\u202e\u2028"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory: you tried"),
            "out of memory",
        ),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), "out of memory"),
        (MemoryError(), "out of memory"),
        (ImportError("libtorch_cpu.so: failed to map segment from shared object"), "(libtorch_cpu.so: failed to map segment"),
        (
            ImportError("Read this.\n\nOriginal error was: libblas.so: failed to map segment from shared object\n"),
            "out of memory",
        ),
        (RuntimeError("can't start new thread"), "refused another thread"),
        (RuntimeError("Could not determine home directory."), "Give the path in full"),
        (ValueError("I/O operation on closed file."), "The output is closed"),
    ],
)
def test_circumstances_are_no_defects(error, says, monkeypatch, capsys):
    def fail(tokens):
        raise error

    monkeypatch.setattr(entry, "_dispatch", fail)
    assert main(["list"]) == 1
    shown = capsys.readouterr().err
    assert says in shown
    assert "defect" not in shown


@pytest.mark.parametrize("error", [RuntimeError("index out of range"), ImportError("cannot import name 'x' from 'unbraid'")])
def test_defects_are_called_so(error, monkeypatch, capsys):
    def fail(tokens):
        raise error

    monkeypatch.setattr(entry, "_dispatch", fail)
    assert main(["list"]) == 1
    assert "defect of unbraid" in capsys.readouterr().err


def test_a_closed_output_is_not_a_defect():
    command = f"{sys.executable} -m unbraid list models >&-"
    shown = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "defect" not in shown.stderr
    assert "Traceback" not in shown.stderr


def test_no_name_steers_the_terminal(monkeypatch, capsys):
    from rich.table import Table

    from unbraid.cli import console

    assert visible("a\tb\nc") == "a\tb\nc"
    assert visible("a\x1b\x07\x9b\u202eb…é") == "a\\x1b\\x07\\x9b\\u202eb…é"
    file = StringIO()
    shown = console._Console(file=file, force_terminal=True, width=60, markup=False)
    table = Table("name")
    table.add_row(ESCAPES)
    shown.print(table)
    shown.print(ESCAPES, style="bold")
    text = file.getvalue()
    assert "\x1b[1m" in text  # what rich writes itself
    for sequence in ("\x1b]", "\x1b[2J", "\x07", "\r", "\x9b", "\u202e", "\u2028"):
        assert sequence not in text
    assert "\\x1b" in text
    assert main(["train", f"v{ESCAPES}ae", "ellipses"]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_only_regular_files_are_replaced(tmp_path):
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    with pytest.raises(UsageError, match="not a regular file"), whole_file(pipe) as temporary:
        temporary.write_text("x")
    assert pipe.is_fifo()


def test_a_notebooks_matplotlib_backend_is_not_inherited():
    code = "from unbraid.tune_process import tune_process; tune_process(); import unbraid.figures as f; f.save; print('fine')"
    environment = {**os.environ, "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout == "fine\n"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("photos", "Did you mean 'folder:photos'?"),
        ("x.npz", "Did you mean 'npz:x.npz'?"),
        ("x.npy", "Did you mean 'npz:x.npy'?"),
        ("falcor3d", "images and factors in one .npz file (npz:PATH)"),
        ("CIFAR-10", "npz:PATH"),
        ("3D-Shapes", "Did you mean 'shapes3d'?"),
        ("Cars-3D", "Did you mean 'cars3d'?"),
        ("elipses", "Did you mean 'ellipses'?"),
    ],
)
def test_data_sets_that_are_not_registered(name, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for file in ("x.npz", "x.npy"):
        (tmp_path / file).write_bytes(b"")
    assert main(["train", "beta_vae", name]) == 2
    shown = capsys.readouterr().err
    assert says in shown
    assert "arrays" not in shown
    assert "unbraid list datasets" in shown


def test_list_alone_lists_the_kinds(capsys):
    from unbraid.registries import REGISTRIES

    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    assert all(kind in shown for kind in REGISTRIES)
