"""What people see of a sweep: a table that 80 columns hold, and a page."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from unbraid.sweep.claims import Held
from unbraid.sweep.code import Code
from unbraid.sweep.dashboard import NAME, write
from unbraid.sweep.owners import Owner
from unbraid.sweep.points import Group, Plan, Scoring
from unbraid.sweep.progress import duration, headline, render, varying
from unbraid.sweep.status import Failed, Rates, Status, seconds_left

CODE = Code("0.1.0", None, "d1")


def plan() -> Plan:
    groups = [
        Group(
            model,
            "ellipses",
            {"beta": beta, "steps": 100},
            {"model": model, "beta": beta, "steps": 100, "batch_size": 8},
            [],
            list(range(50)),
        )
        for model in ("beta_vae", "beta_tcvae")
        for beta in (1.0, 2.0, 4.0, 8.0, 16.0)
    ]
    return Plan(groups, Scoring(), CODE)


def held(key: str, step: int, **told: Any) -> Held:
    owner = Owner("t", f"gpu-node-{step:04d}.cluster.example", "x", 100_000 + step, "1")
    return msgspec.structs.replace(Held(key, 0, owner, 20.0, 120.0, 1_000.0, step=step, last_step=100), **told)


@pytest.fixture
def status() -> Status:
    """500 runs: 300 finished, 60 running, 10 silent, 20 failed, 110 waiting."""
    points = {point.key: point for point in plan().points()}
    keys = list(points)
    error = "NonFiniteLoss: The loss is not finite at step {}. Try a smaller --lr."
    return Status(
        points,
        set(keys[:300]),
        {key: held(key, i) for i, key in enumerate(keys[300:360])},
        {key: held(key, 50) for key in keys[360:370]},
        {
            key: Failed(points[key], error.format(i) if i else "MemoryError: too large", 2)
            for i, key in enumerate(keys[370:390])
        },
    )


def shown(status: Status, **told: Any) -> list[str]:
    console = Console(file=io.StringIO(), width=80)
    console.print(render(status, 3_200.0, varying(list(status.points.values())), now=2_000.0, **told))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def test_500_runs_fit_a_screen_and_80_columns(status: Status) -> None:
    lines = shown(status)
    text = "\n".join(lines)
    assert max(map(len, lines)) <= 80
    assert len(lines) < 35
    assert "500 runs: 300 finished, 60 running, 10 silent, 110 waiting, 20 failed; about 53 min left" in " ".join(text.split())
    assert "60 %" in text
    assert "gpu-node-0059 100059" in text, "the host is not named"
    assert "cluster.example" not in text
    assert "and 58 more, 6 of them silent" in text
    assert text.count("NonFiniteLoss") == 1, "errors that differ in a number alone are told again and again"
    assert "MemoryError" in text
    assert "and 16 more" in " ".join(text.split())


def test_every_run_is_named_where_that_is_asked_for(status: Status) -> None:
    text = "\n".join(shown(status, shown=None))
    assert text.count("gpu-node") == 70
    assert text.count("NonFiniteLoss") == 19


def test_labels_leave_out_what_all_have() -> None:
    labels = varying(list(plan().points()))
    assert {label for label in labels.values() if "seed 0" in label} >= {
        "beta_vae, beta 1, seed 0",
        "beta_tcvae, beta 16, seed 0",
    }
    one = Plan(plan().groups[:1], Scoring(), CODE)
    assert set(varying(list(one.points())).values()) >= {"beta_vae, seed 0"}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(12.4, "12 s"), (250, "4 min 10 s"), (840, "14 min"), (11_100, "3 h 05 min"), (183_600, "2 d 3 h")],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_the_time_left_is_told_by_runs_under_way_until_one_is_finished(status: Status) -> None:
    rates = Rates()
    assert seconds_left(status, rates, 1) is None
    for group in plan().groups:
        rates.add_speed(group, 4.0)
    one_run = 100 * 8 / 4.0
    running = sum(1 - i / 100 for i in range(60))
    assert seconds_left(status, rates, 2) == pytest.approx((110 + 10 + running) * one_run / 2)
    assert headline(status, None).endswith("20 failed")


def test_the_page_shows_all_and_asks_for_the_next_while_it_runs(status: Status, tmp_path: Path) -> None:
    labels = varying(list(status.points.values()))
    keys = [key for key in status.finished if labels[key].startswith("beta_vae, beta 1,")]
    scores = {"mig": dict.fromkeys(keys, 0.25)}
    write(tmp_path, status, labels, scores, 60.0, seconds=10)
    page = (tmp_path / NAME).read_text(encoding="utf-8")
    assert '<meta http-equiv="refresh" content="10">' in page
    assert "500 runs: 300 finished" in page
    assert page.count("NonFiniteLoss") == 19
    assert "mig, mean so far" in page
    assert "0.250" in page
    write(tmp_path, status, labels, scores, None, seconds=None)
    page = (tmp_path / NAME).read_text(encoding="utf-8")
    assert "refresh" not in page
    assert "The command has ended" in page
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
