"""Records read from JSON: what is refused, and in which words."""

from typing import Annotated

import msgspec
import pytest

from unbraid.errors import CorruptFile
from unbraid.records import as_record, read_record, to_json


class Score(msgspec.Struct, forbid_unknown_fields=True):
    score: float | None
    n: Annotated[int, msgspec.Meta(ge=1)]
    names: list[str] = []
    rows: dict[str, list[float]] = {}


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


def test_a_value_of_a_mapping_is_refused_with_its_place():
    with pytest.raises(CorruptFile, match=r"rows.*allowed: a finite number"):
        as_record({"score": 1.0, "n": 1, "rows": {"x": ["one"]}}, Score, "f.json")


def test_files_are_read_as_json_reads_them(tmp_path):
    path = tmp_path / "f.json"
    path.write_text('{"score": 0.5, "n": 2}')
    assert read_record(path, Score, "scores") == Score(0.5, 2)
    path.write_text('{"score": NaN, "n": 2}')
    with pytest.raises(CorruptFile, match="NaN is no JSON number"):
        read_record(path, Score, "scores")
