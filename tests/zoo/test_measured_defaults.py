"""Measured defaults are those that the pages measured."""

from __future__ import annotations

from pathlib import Path

from unbraid.zoo.registry import tuned


def test_defaults_of_factor_vae_are_a_row_of_its_page(monkeypatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "docs" / "source")
    import zoo

    model, changed = zoo.FACTOR["three_steps"]
    assert tuned(model, zoo.DATA) == {**zoo.STUDIED, **changed}
    assert len(zoo.kept("three_steps")) == len(zoo.FACTOR_SEEDS)
