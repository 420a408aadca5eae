"""The words of the source: short summaries, one spelling, and phrases that read as English."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src" / "unbraid").rglob("*.py"))
LONGEST = 100
"""Characters of the first line of a docstring."""

BRITISH = re.compile(
    r"colour|flavour|favour(?!ite_)|behaviour|neighbour|\bcentre|\bgrey|licence|catalogue\b|labelled|modelling|travelling|artefact"
    r"|judgement|whilst|learnt|\banalyse"
    r"|(normal|optim|initial|general|quant|recogn|summar|visual|organ|penal|regular|minim|maxim|parametr|discret|standard)is(e|ed|es|ing|ation)\b",
    re.IGNORECASE,
)
ODD = re.compile(
    r"of the user's own|anybody's|nobody's business|\bheard\b|\bcritic"
    r"|\b(one|a) (row|column|value|line|image) an? (sample|image|latent|factor|run|step)\b"
    r"|\b(images|rows|values|numbers|dots|bytes) an? (step|sample|image|inch|latent|run|second|value)\b"
    r"|\bof the user's\b"
)
QUOTED = re.compile("“[^”]*”?")
"""The words of a source stay as they are."""
FORMER = ROOT / "src" / "unbraid" / "former_names.py"
"""It holds the names of earlier versions."""


def test_the_first_line_of_every_docstring_is_short():
    long = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                first = (ast.get_docstring(node) or "").partition("\n")[0]
                if len(first) > LONGEST:
                    long.append(f"{path.relative_to(ROOT)}: {first}")
    assert not long, "\n".join(long)


@pytest.mark.parametrize("pattern", [BRITISH, ODD], ids=["american spelling", "plain phrases"])
def test_source_has_one_spelling_and_plain_phrases(pattern):
    found = []
    for path in SOURCES:
        if path == FORMER:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if match := pattern.search(QUOTED.sub("", line)):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match[0]}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (BRITISH, "normalised colours"),
        (BRITISH, "Behaviour at the centre"),
        (ODD, "one row a sample"),
        (ODD, "images a step"),
        (ODD, "300 dots an inch"),
        (ODD, "a model that was heard of"),
        (ODD, "loss of the critic"),
    ],
)
def test_the_patterns_find_what_they_are_for(pattern, text):
    assert pattern.search(text)
