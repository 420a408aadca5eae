"""Malformed folders of images: one message in words, no file changed, little memory."""

from __future__ import annotations

import pytest

from malformed.case import assert_refused
from malformed.folder_cases import BUILDERS


@pytest.mark.parametrize("name", BUILDERS)
def test_refused_in_words(name, tmp_path):
    assert_refused(BUILDERS[name](tmp_path), tmp_path)
