"""The tool of mutation testing counts as killed only what a test noticed."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

from mutants import BROKEN, KILLED, SURVIVED, Case, forked, passed, stale
from mutations import mutants

SOURCE = b'''def scale(values, total=1):
    """Twice the rank."""
    return [2 * own for own, _ in zip(values, values, strict=True)]
'''


def test_a_mutant_that_no_test_reaches_survives():
    assert passed(SimpleNamespace(testsfailed=0), [])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="mutants are forks")
def test_errors_of_the_tool_kill_nothing():
    def outcome(act):
        found = []
        forked(1, iter([(None, act)]), lambda case, status: found.append(status))
        return found

    assert outcome(lambda: 1 / 0) == outcome(lambda: sys.exit(0)) == [BROKEN]
    assert outcome(lambda: None) == outcome(lambda: os.kill(os.getpid(), signal.SIGKILL)) == [KILLED]
    assert outcome(lambda: os._exit(SURVIVED)) == [SURVIVED]


def test_what_guards_programmers_is_left_alone():
    made = [mutant.apply(SOURCE).decode().splitlines()[2].strip() for mutant in mutants(SOURCE) if mutant.line == 3]
    assert sorted(made) == [
        "return [1 * own for own, _ in zip(values, values, strict=True)]",
        "return [2 / own for own, _ in zip(values, values, strict=True)]",
        "return [3 * own for own, _ in zip(values, values, strict=True)]",
    ]


def test_every_mutant_is_code():
    source = b"def first(own):\n    if found := [x for x in own if (y := x)]:\n        return found[0] if y else not y\n"
    for mutant in mutants(source):
        compile(mutant.apply(source), "first.py", "exec")


def test_lines_that_were_reworded_excuse_nothing():
    keys = {Case("scale.py", mutant, mutant.shown(SOURCE)).key for mutant in mutants(SOURCE)}
    old = "scale.py scale: return [4 * own for own in values] => return [5 * own for own in values]"
    assert stale(keys | {old, "other.py -: A = 1 => A = 2"}, {"scale.py": SOURCE}) == [old]
