"""Runs the code blocks of a page of documentation in order, in one folder, with training cut to a few steps."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch

import unbraid
from unbraid.cli.main import main

STEPS, IMAGES = 3, 300
CUT: dict[str, dict[str, str]] = {
    "train": {"--steps": str(STEPS), "--batch-size": "16", "--evaluate-images": str(IMAGES)},
    "sweep": {
        "--steps": str(STEPS),
        "--batch-size": "16",
        "--evaluate-images": str(IMAGES),
        "--metrics": "mig",
        "--workers": "1",
    },
    "evaluate": {"--evaluate-images": str(IMAGES), "--metrics": "mig", "--intervals": "2"},
    "audit": {"--metrics": "mig,sap"},
}
"""Options of commands that train or score, in the place of those on the page."""
NOT_RUN = {"make", "pip", "python3", "tensorboard", "git", "cp", "export"}
"""Programs whose lines on pages are for the reader alone."""
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text and the file that its first line names, if any."""

    language: str
    text: str

    @property
    def file(self) -> str:
        named = re.match(r"# ([\w./-]+\.(?:py|yaml|toml))\n", self.text)
        return named[1] if named else ""

    @property
    def commands(self) -> list[list[str]]:
        """The words of each line after a prompt, comments left out."""
        lines = re.findall(r"^\$ (.*)$", self.text, re.MULTILINE)
        return [words for line in lines if (words := shlex.split(line, comments=True))]


def blocks_of(page: Path) -> list[Block]:
    return [Block(*found) for found in BLOCK.findall(page.read_text(encoding="utf-8"))]


def shortened(words: Sequence[str]) -> list[str]:
    """The words of an unbraid command with few steps and images."""
    command, *rest = words
    if command not in CUT or {"--help", "--codes", "--encoder", "status"} & set(rest):
        return [*words]
    drop = {"--epochs", *CUT[command]}
    rest = [str(2 * STEPS) if before == "--extend" else word for word, before in zip(rest, ["", *rest], strict=False)]
    kept = [word for word, before in zip(rest, ["", *rest], strict=False) if word not in drop and before not in drop]
    return [command, *kept, *(part for option in CUT[command].items() for part in option)]


@dataclass
class Session:
    """What a reader who types a whole page has: a folder and the names of its Python blocks."""

    folder: Path
    names: dict[str, Any] = field(default_factory=dict)

    def run(self, block: Block) -> str:
        """Run a block; returns what it prints."""
        if block.file:
            path = self.folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
            return ""
        if block.language == "console":
            return "".join(self.command(words) for words in block.commands)
        if block.language == "python":
            with printed() as out, torch.random.fork_rng(devices=[]):  # layers of a page draw their weights
                exec(compile(block.text, "page", "exec"), self.names)
            return out.getvalue()
        return ""

    def command(self, words: Sequence[str]) -> str:
        if words[0] in NOT_RUN:
            return ""
        words = [
            file for word in words for file in (sorted(map(str, Path().glob(word))) if "*" in word else [word])
        ]  # as a shell does
        with printed() as out:
            if words[0] == "unbraid":
                asked = shortened(words[1:])
                code = main(asked)
                assert code == 0, f"{shlex.join(asked)} ended with {code}:\n{out.getvalue()}"
            else:
                assert words[0] == "python", f"no test runs {words[0]!r}"
                before, sys.argv = sys.argv, [*words[1:]]
                sys.path.insert(0, str(self.folder))
                try:
                    runpy.run_path(words[1], run_name="__main__")
                finally:
                    sys.argv = before
                    sys.path.remove(str(self.folder))
        return out.getvalue()


@contextlib.contextmanager
def printed() -> Iterator[io.StringIO]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        yield out


def run_page(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run all blocks of a page; returns all that they print."""
    monkeypatch.chdir(folder)
    real = unbraid.train

    def train(*arguments: Any, **options: Any) -> Any:
        return real(*arguments, **{**options, "steps": STEPS, "batch_size": 16})

    monkeypatch.setattr(unbraid, "train", train)
    session = Session(folder)
    return "".join(session.run(block) for block in blocks_of(page))
