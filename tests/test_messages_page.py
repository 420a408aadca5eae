"""docs/messages.md has an entry for every message of training in the source."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from unbraid.reporting import cautions
from unbraid.training import symptoms

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "unbraid"
PAGE = " ".join((ROOT / "docs" / "messages.md").read_text(encoding="utf-8").split())
ROOMS = ("training", "evaluation", "trackers")
TOLD = [*(path for room in ROOMS for path in sorted((SOURCE / room).glob("*.py"))), SOURCE / "scoring.py"]
OF_DAMAGED_FILES = {
    "CorruptFile",
    "ConfigMismatch",
    "ValueError",
    "TypeError",
    "KeyError",
    "KeyboardInterrupt",
    "UsageError",
    "RuntimeError",
}
"""Errors that are told before the first step, or are not the user's."""


def fixed_parts(text: ast.expr) -> list[str]:
    """The parts of a message that are always the same, without the space around them."""
    if isinstance(text, ast.BinOp):
        return [*fixed_parts(text.left), *fixed_parts(text.right)]
    if isinstance(text, ast.JoinedStr):
        return [part for value in text.values for part in fixed_parts(value)]
    if isinstance(text, ast.Constant) and isinstance(text.value, str):
        return [" ".join(text.value.split())]
    return []


def messages(path: Path) -> Iterator[tuple[str, list[str]]]:
    """What a file warns of, or ends a run with: where, and the fixed parts."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        call = node.exc if isinstance(node, ast.Raise) else node
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.args):
            continue
        name = call.func.id
        shown = name == "warn" or (isinstance(node, ast.Raise) and name not in OF_DAMAGED_FILES)
        if shown and (parts := fixed_parts(call.args[0])):
            yield f"{path.name}:{node.lineno}", parts


def told(parts: list[str]) -> bool:
    """Whether the page has the beginning of a message, up to its first mark, where that is at least three words."""
    sentences = [re.split(r"[.;,:](?:\s|$)", part.strip(" .;:("))[0] for part in parts]
    return any(len(one.split()) >= 3 and one in PAGE for one in sentences)


def test_every_warning_and_every_end_of_a_run_has_an_entry():
    found = [one for path in TOLD for one in messages(path)]
    assert len(found) >= 10
    assert [(where, parts) for where, parts in found if not told(parts)] == []


@pytest.mark.parametrize("name", symptoms.RULES)
def test_every_symptom_has_a_section_with_its_own_words(name):
    tree = ast.parse(inspect.getsource(symptoms.RULES[name]))
    returned = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple)]
    assert returned
    for value in returned:
        title, seen = value.elts
        assert f"### {ast.literal_eval(title)} " in PAGE
        for part in fixed_parts(seen):
            assert part.strip(" ,.") in PAGE, part


def test_every_caution_of_a_report_has_a_row():
    titles = []
    for node in ast.walk(ast.parse(inspect.getsource(cautions))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Caution", "_told"):
            constants = [
                one.value for one in ast.walk(node.args[0]) if isinstance(one, ast.Constant) and isinstance(one.value, str)
            ]
            titles += [max(constants, key=len).strip()] if constants else []
    assert len(titles) >= 12
    assert [title for title in titles if f"| {title.removeprefix('of ')} |" not in PAGE and f"{title} |" not in PAGE] == []


def test_every_term_of_a_loss_has_a_row():
    rows = re.findall(r"`([a-z_*]+)`", PAGE[PAGE.index("| word |") : PAGE.index("## Warnings about the model")])
    sources = [path.read_text() for room in ("rates", "objectives") for path in (SOURCE / room).glob("*.py")]
    terms = {name for text in sources for name in re.findall(r'"([a-z_]+)": (?:Term|Quantity)\(', text)}
    assert {"nll", "kl", "capacity"} <= terms
    assert {name for name in terms if not any(fnmatch(name, row) for row in rows)} == set()
