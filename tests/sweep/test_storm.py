"""Runs are neither lost nor doubled nor changed, whatever is killed."""

from __future__ import annotations

from pathlib import Path

from helpers.storm import weigh


def test_two_hundred_kills_change_no_result(tmp_path: Path) -> None:
    found = weigh(tmp_path, points=48, kills=200, mean_pause=0.1, seconds=1500)
    assert found.kills == 200
    assert found.commands > 0
    assert found.owners > 50, "few kills hit a run"
