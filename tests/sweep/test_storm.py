"""Runs are neither lost nor doubled nor changed, whatever is killed."""

from __future__ import annotations

from pathlib import Path

from helpers.storm import weigh


def test_two_hundred_kills_change_no_result(tmp_path: Path) -> None:
    kills, of_commands = weigh(tmp_path, points=24, kills=200, mean_pause=0.25, seconds=900)
    assert kills == 200
    assert of_commands > 0
