"""Latents are assigned to factors by two thresholds, and the table says so."""

from __future__ import annotations

import numpy as np
import pytest

from unbraid.errors import UsageError
from unbraid.figures.assignment import Assigned, assignment_table, assignments

SHARES = np.array([[0.50, 0.20, 0.0], [0.31, 0.30, 0.14], [0.16, np.nan, 0.02]])


def test_strong_and_weak_latents_the_best_first():
    found = assignments(SHARES, ("x", "y", "scale"), strong=0.3, weak=0.15)
    assert found == [Assigned("x", (0, 1), (2,)), Assigned("y", (1,), (0,)), Assigned("scale", (), ())]
    assert [one.words for one in found] == ["z0, z1 (z2)", "z1 (z0)", "–"]
    assert assignments(SHARES, ("x", "y", "scale"), strong=0.6, weak=0.15)[0].words == "(z0, z1, z2)"


def test_thresholds_in_the_wrong_order_are_refused():
    for strong, weak in ((0.1, 0.2), (0.3, 0.0)):
        with pytest.raises(UsageError, match="no lower"):
            assignments(SHARES, ("x", "y", "scale"), strong=strong, weak=weak)


def test_the_table_has_a_row_a_model_and_a_column_a_factor():
    rows = {"a": assignments(SHARES, ("x", "y", "scale_1")), "b": assignments(SHARES[::-1].copy(), ("x", "y", "scale_1"))}
    (ax,) = assignment_table(rows).axes
    texts = {text.get_text(): text for text in ax.texts if text.get_text()}
    x, y = (lambda word: texts[word].get_position()[0]), (lambda word: texts[word].get_position()[1])
    assert x("model") < x("x") < x("y") < x("scale 1")
    assert y("model") < y("a") < y("b"), "y grows downwards"
    assert texts["z0, z1"].get_position() == (x("x"), y("a"))
    assert texts["z2, z1"].get_position() == (x("x"), y("b"))
    assert texts["z0, z1"].get_fontweight() == "bold"
    assert texts["(z0)"].get_fontweight() == "normal"
    assert y("(z0)") in (y("a"), y("b"))
