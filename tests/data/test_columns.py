"""Columns of numbers and texts as factors and labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbraid.data.files.columns import MOST_VALUES, column_of, known_of
from unbraid.errors import UnknownName, UsageError


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=30))
def test_codes_stand_for_the_values_in_ascending_order(values):
    known = known_of([column_of("a", np.array(values), "a")], None)
    (factor,) = known.space.factors
    assert list(factor.values) == sorted(set(values))
    assert [factor.values[code] for code in known.factors[:, 0]] == values
    assert factor.kind == "ordinal"


@given(st.lists(st.sampled_from(["b", "a", "ä", "10", "9"]), min_size=1, max_size=30))
def test_texts_are_categories_and_labels_have_names(values):
    column = column_of("a", np.array(values), "a")
    known = known_of([column], column)
    (factor,) = known.space.factors
    assert factor.kind == "categorical"
    assert [factor.labels[code] for code in known.factors[:, 0]] == values
    assert [known.label_names[code] for code in known.labels] == values


def test_numbers_as_labels_keep_their_order():
    known = known_of([], column_of("l", np.array([7, 3, 7, 5]), "l"))
    assert known.label_names == ("3", "5", "7")
    assert known.labels.tolist() == [2, 0, 2, 1]
    assert known.space is None


def test_labels_that_are_large_or_broken_numbers_have_names_of_their_own():
    values = np.array([1_000_001, 1_000_002, 0.5, 0.1234567, 0.1234568])
    assert len(set(known_of([], column_of("l", values, "l")).label_names)) == 5


def test_the_grid_need_not_be_full():
    columns = [column_of(name, np.array(values), name) for name, values in (("a", [0, 0, 1]), ("b", [5.5, 2.5, 2.5]))]
    known = known_of(columns, None)
    assert len(known.space) == 4
    np.testing.assert_array_equal(known.space.values(known.factors.astype(np.int64)), [[0, 5.5], [0, 2.5], [1, 2.5]])


def test_a_factor_of_too_many_values_is_refused_and_a_label_is_not():
    values = np.arange(MOST_VALUES + 1) / 7
    with pytest.raises(UsageError, match="1,001 distinct values"):
        known_of([column_of("a", values, "Column 'a'")], None)
    assert known_of([column_of("a", values[:-1], "a")], None).space.sizes == (MOST_VALUES,)
    assert len(known_of([], column_of("a", values, "a")).label_names) > 900


@pytest.mark.parametrize("values", [np.zeros((3, 2)), np.array([1j]), np.array([None, 1], dtype=object), np.array(3)])
def test_what_is_no_column_is_refused(values):
    with pytest.raises(UsageError, match="one number or text per image"):
        column_of("a", values, "Column 'a'")


def test_python_texts_and_bytes_are_texts():
    for values in (np.array(["b", "a"], dtype=object), np.array([b"b", b"a"])):
        assert known_of([], column_of("a", values, "a")).label_names == ("a", "b")


def test_continuous_columns_keep_their_numbers():
    columns = [column_of("x", np.array([0.5, -1.25, 3.0, 0.5]), "x"), column_of("shape", np.array(list("bacb")), "shape")]
    known = known_of(columns, None, ["x"])
    assert known.factors.dtype == np.float64
    assert known.factors.tolist() == [[0.5, 1], [-1.25, 0], [3, 2], [0.5, 1]]
    assert known.space.continuous == ("x",)
    assert known.space.factors[0].values == (-1.25, 3.0)
    assert known.notes == ()


def test_continuous_columns_may_have_any_number_of_values():
    known = known_of([column_of("x", np.arange(3_000) / 7, "x")], None, ["x"])
    np.testing.assert_array_equal(known.factors[:, 0], np.arange(3_000) / 7)
    assert known.notes == ()


@pytest.mark.parametrize(
    ("values", "named", "error", "says"),
    [
        (["a", "b"], ["x"], UsageError, "x holds texts, and --continuous names it"),
        ([1.5, 1.5], ["x"], UsageError, "the same number everywhere"),
        ([1.5, np.nan], ["x"], UsageError, "image 1 is nan"),
        ([1.5, 2], ["z"], UnknownName, "--continuous"),
    ],
)
def test_columns_that_are_not_continuous_are_refused(values, named, error, says):
    with pytest.raises(error, match=says):
        known_of([column_of("x", np.array(values), "x")], None, named)
