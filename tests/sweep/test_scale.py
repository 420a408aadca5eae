"""The simulation of large sweeps, small: nothing is lost or doubled, whatever dies, stalls or is seen late."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

_PATH = Path(__file__).parents[2] / "benchmarks" / "sweep_scale.py"


@pytest.fixture(scope="module")
def scale() -> Any:
    spec = importlib.util.spec_from_file_location("sweep_scale", _PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["sweep_scale"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "world",
    [
        {},
        {"deaths_per_hour": 2.0},
        {"stalls_per_hour": 4.0, "stall": 900.0},
        {"late": 400.0, "deaths_per_hour": 1.0},  # others see changes later than the lease allows for
        {"outages": 6, "outage": 1_500.0},
    ],
)
def test_every_run_is_finished_once(scale: Any, world: dict[str, float]) -> None:
    found = scale.simulate(scale.World(runs=120, workers=12, run_time=900.0, **world))
    assert found["finished"] == 120
    assert found["doubled"] == 0
    assert found["files_at_the_end"] < 120 + 40, "claims were left"


def test_an_outage_of_the_file_server_makes_nobody_look_dead(scale: Any) -> None:
    found = scale.simulate(scale.World(runs=120, workers=12, run_time=900.0, outages=6, outage=1_500.0, deaths_per_hour=1e-9,
                                       stalls_per_hour=1e-9))  # fmt: skip
    assert found["false_takeovers"] == 0
    assert found["wasted_share"] == 0


def test_deaths_are_noticed_and_cost_little(scale: Any) -> None:
    found = scale.simulate(scale.World(runs=200, workers=20, run_time=900.0, deaths_per_hour=1.0, stalls_per_hour=1e-9))
    assert found["deaths"] > 10
    assert found["false_takeovers"] == 0
    assert found["wasted_share"] < 0.06  # half a checkpoint's way for each death
    assert found["noticed_seconds"]["median"] < 900, "workers watch no shards but their own"
