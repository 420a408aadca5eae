"""What all malformed inputs are put to lets nothing pass: it fails where data are accepted, or refused in another way."""

from __future__ import annotations

import pytest

from malformed import case as module
from malformed.case import Case, assert_refused
from unbraid.errors import UsageError

TEXT = "Some words that say what was given and what to do."


def refusing(monkeypatch, act=lambda: None, text: str = TEXT, kind: type[Exception] = UsageError) -> None:
    def load(data: str, **options: object) -> None:
        act()
        raise kind(text)

    monkeypatch.setattr(module, "load_dataset", load)


def test_one_message_in_words_passes(tmp_path, monkeypatch):
    refusing(monkeypatch)
    assert_refused(Case("any", "what was given"), tmp_path)


def test_accepted_data_fail(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "load_dataset", lambda data, **options: None)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        assert_refused(Case("any", ""), tmp_path)


def test_an_error_that_is_not_ours_fails(tmp_path, monkeypatch):
    refusing(monkeypatch, kind=ValueError)
    with pytest.raises(ValueError, match="Some words"):
        assert_refused(Case("any", ""), tmp_path)


@pytest.mark.parametrize("text", [TEXT.replace("words", "others"), TEXT + "\nMore.", "Some words.", "Some words " * 200])
def test_another_message_fails(tmp_path, monkeypatch, text):
    refusing(monkeypatch, text=text)
    with pytest.raises(AssertionError):
        assert_refused(Case("any", "words"), tmp_path)


def test_another_exit_code_fails(tmp_path, monkeypatch):
    refusing(monkeypatch, kind=type("Odd", (UsageError,), {"exit_code": 3}))
    with pytest.raises(AssertionError):
        assert_refused(Case("any", "words"), tmp_path)


@pytest.mark.parametrize("change", ["new", "old", "gone"])
def test_a_changed_file_fails(tmp_path, monkeypatch, change):
    (tmp_path / "old").write_text("before")
    acts = {
        "new": lambda: (tmp_path / "new").write_text(""),
        "old": lambda: (tmp_path / "old").write_text("after"),
        "gone": (tmp_path / "old").unlink,
    }
    refusing(monkeypatch, acts[change])
    with pytest.raises(AssertionError):
        assert_refused(Case("any", "words"), tmp_path)


def test_much_memory_fails(tmp_path, monkeypatch):
    refusing(monkeypatch, lambda: bytearray(module.MOST_MEMORY + 1))
    with pytest.raises(AssertionError):
        assert_refused(Case("any", "words"), tmp_path)
