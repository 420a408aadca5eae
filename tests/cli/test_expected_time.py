"""How long training and scoring will take is said once, from what the first steps took."""

from __future__ import annotations

import re

import pytest

from helpers.tiny import TINY
from unbraid.cli.console import err
from unbraid.cli.train import _scoring_time
from unbraid.config.plan import plan
from unbraid.training import bar
from unbraid.training.bar import Bar, about


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""

    class Clock:
        now = 0.0

        def monotonic(self) -> float:
            return self.now

    made = Clock()
    monkeypatch.setattr(bar, "time", made)
    return made


def run(clock, bar: Bar, steps: int, slow_start: float, per_step: float) -> None:
    bar.start(0, steps, [])
    clock.now += slow_start
    for step in range(1, steps + 1):
        clock.now += per_step
        bar.advance(step, None, 100.0)
    bar.finish()


def test_the_time_is_told_once_without_the_slow_first_step(clock, capsys):
    run(clock, Bar("a run", err, lambda per_step: 80 * per_step), 1_000, slow_start=30.0, per_step=0.5)
    said = re.findall(r"About .*", capsys.readouterr().err)
    assert said == ["About 8 min of training left, then about 40 s of scoring, as measured over 6 steps."]


def test_short_runs_are_not_told(clock, capsys):
    run(clock, Bar("a run", err, lambda _: 1.0), 100, slow_start=1.0, per_step=0.1)
    run(clock, Bar("a run", err, lambda _: 1.0), 3, slow_start=1.0, per_step=0.1)
    assert "About" not in capsys.readouterr().err


def test_scoring_is_left_out_where_there_is_none(clock, capsys):
    experiment, dataset = plan("vae", TINY, {"steps": 1_000, "batch_size": 16})
    run(clock, Bar("a run", err, _scoring_time(experiment, dataset, {"report": False})), 1_000, slow_start=0.0, per_step=0.5)
    assert "About 8 min of training left, as measured over 6 steps." in capsys.readouterr().err


def test_scoring_takes_longer_on_more_images_and_slower_machines():
    experiment, dataset = plan("vae", TINY, {"steps": 1_000, "batch_size": 16})
    few, many = (_scoring_time(experiment, dataset, {"evaluate_images": n}) for n in (50, 200))
    assert 1 < few(0.01) < many(0.01) < many(1.0)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "5 s"), (42, "40 s"), (99, "100 s"), (101, "2 min"), (3_540, "59 min"), (3_599, "1 h 0 min"), (9_000, "2 h 30 min")],
)
def test_times_are_rounded_to_what_is_known(seconds, words):
    assert about(seconds) == f"about {words}"
