"""Records read from JSON: what is refused, and in which words."""

import math
from typing import Annotated

import msgspec
import pytest

from unbraid.errors import CorruptFile
from unbraid.records import Count, Finite, as_record, read_record, to_json


class Score(msgspec.Struct, forbid_unknown_fields=True):
    score: float | None
    n: Annotated[int, msgspec.Meta(ge=1)]
    names: list[str] = []
    rows: dict[str, list[float]] = {}


class Mappings(msgspec.Struct):
    rows: dict[str, list[Finite]] = {}
    nested: dict[str, dict[str, Finite | None]] = {}
    steps: dict[str, Count] = {}

    def __post_init__(self):
        others = sum(value for name, value in self.steps.items() if name != "sum")
        if self.steps.get("sum", others) != others:
            raise ValueError(f"the sum is {self.steps['sum']}; allowed: that of the others, {others}")


def test_a_record_comes_back_as_it_was_given():
    record = as_record({"score": None, "n": 3, "names": ["a"], "rows": {"x": [1, 2.5]}}, Score, "f.json")
    assert record == Score(None, 3, ["a"], {"x": [1.0, 2.5]})
    assert to_json(record) == {"score": None, "n": 3, "names": ["a"], "rows": {"x": [1.0, 2.5]}}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"score": "high", "n": 1}, "f.json: score is 'high'; allowed: a finite number or null. Make it anew."),
        ({"score": 1.0, "n": 0}, "f.json: n is 0; allowed: a whole number at least 1. Make it anew."),
        ({"score": 1.0, "n": True}, "f.json: n is True; allowed: a whole number. Make it anew."),
        ({"score": 1.0, "n": 1.5}, "f.json: n is 1.5; allowed: a whole number. Make it anew."),
        ({"score": 1.0}, "f.json: it lacks n. Make it anew."),
        ({"score": 1.0, "n": 1, "more": 2}, "f.json: it has the unknown field more. Make it anew."),
        ({"score": 1.0, "n": 1, "names": ["a", 2]}, "f.json: names[1] is 2; allowed: text. Make it anew."),
        ([1], "f.json: it is [1]; allowed: an object. Make it anew."),
    ],
)
def test_an_error_names_the_field_its_value_and_what_is_allowed(content, words):
    with pytest.raises(CorruptFile) as refused:
        as_record(content, Score, "f.json", "Make it anew.")
    assert str(refused.value) == words


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"rows": {"a": [1.0], "x": [1.0, "one"]}}, "f.json: rows.x[1] is 'one'; allowed: a finite number."),
        ({"rows": {"a": 1}}, "f.json: rows.a is 1; allowed: a list."),
        ({"rows": {"dci.d": [math.inf]}}, "f.json: rows.dci.d[0] is inf; allowed: a finite number."),
        (
            {"nested": {"a": {"b": 1.0}, "c": {"d": None, "e": "x"}}},
            "f.json: nested.c.e is 'x'; allowed: a finite number or null.",
        ),
        ({"steps": {"a": 1, "b": -1}}, "f.json: steps.b is -1; allowed: a whole number at least 0."),
        ({"steps": {"a": 10**30}}, f"f.json: steps.a is {10**30}; allowed: a whole number at most 9223372036854775807."),
        ({"steps": {"a": 1, "sum": 2}}, "f.json: the sum is 2; allowed: that of the others, 1."),
    ],
)
def test_an_item_of_a_mapping_is_named(content, words):
    with pytest.raises(CorruptFile) as refused:
        as_record(content, Mappings, "f.json")
    assert str(refused.value) == words


def test_files_are_read_as_json_reads_them(tmp_path):
    path = tmp_path / "f.json"
    path.write_text('{"score": 0.5, "n": 2}')
    assert read_record(path, Score, "scores") == Score(0.5, 2)
    path.write_text('{"score": NaN, "n": 2}')
    with pytest.raises(CorruptFile, match="NaN is no JSON number"):
        read_record(path, Score, "scores")
