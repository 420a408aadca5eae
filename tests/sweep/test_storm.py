"""Runs are neither lost nor doubled nor changed, whatever is killed."""

from __future__ import annotations

from pathlib import Path

from helpers.storm import storm


def test_two_hundred_kills_change_no_result(tmp_path: Path) -> None:
    found = storm(tmp_path, points=16, kills=200, mean_pause=0.25, seconds=900)
    assert found.kills == 200
    assert found.owners > 80, "few kills hit a run"
