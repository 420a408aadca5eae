"""Everything malformed is refused: one message in words, the right exit code, no file changed, little memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from malformed import (
    checkpoint_cases,
    codes_cases,
    config_cases,
    folder_cases,
    idx_cases,
    npz_cases,
    option_cases,
    python_cases,
    score_cases,
    table_cases,
)
from malformed.corpus import check_refused, prefixed

BUILDERS = {
    **prefixed("config", config_cases.BUILDERS),
    **prefixed("checkpoint", checkpoint_cases.BUILDERS),
    **prefixed("run", codes_cases.BUILDERS),
    **prefixed("idx", idx_cases.BUILDERS),
    **prefixed("option", option_cases.BUILDERS),
    **prefixed("python", python_cases.BUILDERS),
    **prefixed("scored", score_cases.BUILDERS),
}
FEWEST = 500
HEAVY = ("bomb", "announced", "huge", "terabytes", "petabytes", "all memory", "digits", "deep", "longer than")


@pytest.mark.parametrize("name", BUILDERS)
def test_refused_in_words(name, place, capsys):
    wrong = BUILDERS[name](place)
    check_refused(replace(wrong, heavy=any(word in name for word in HEAVY)), place, capsys)


def test_there_are_enough():
    own_data = [module.BUILDERS for module in (npz_cases, folder_cases, table_cases)]
    assert len(BUILDERS) + sum(map(len, own_data)) >= FEWEST
