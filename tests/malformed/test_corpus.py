"""Everything malformed is refused: one message in words, the right exit code, no file changed, little memory."""

from __future__ import annotations

import pytest

from malformed import config_cases
from malformed.corpus import check_refused, prefixed

BUILDERS = prefixed("config", config_cases.BUILDERS)


@pytest.mark.parametrize("name", BUILDERS)
def test_refused_in_words(name, place, capsys):
    check_refused(BUILDERS[name](place), place, capsys)
