"""The checks for GPUs do what they say; here the device is the CPU."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest
import torch

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
import device
import racing


def test_the_largest_relative_difference_of_lists_and_numbers() -> None:
    assert device.difference({"a": 100.0, "b": [1.0, 0.1]}, {"a": 101.0, "b": [1.0, 0.3]}) == pytest.approx(0.2)
    assert device.difference({"a": 100.0}, {"a": 101.0}) == pytest.approx(0.01)
    assert device.difference({"a": 1.0}, {"a": math.nan}) == math.inf
    assert device.difference({"a": 1.0}, {"b": 1.0}) == math.inf


def test_a_model_learns_in_a_population_what_it_learns_alone() -> None:
    images = torch.rand(4, *device.SHAPE, generator=torch.Generator().manual_seed(0)).round()
    alone, together = device.Population([1], "cpu"), device.Population([0, 1, 2], "cpu")
    for _ in range(3):
        own, all_of_them = alone.step(images), together.step(images)
    torch.testing.assert_close(all_of_them[1], own[0], rtol=1e-4, atol=0)
    assert len({round(float(loss), 3) for loss in all_of_them}) == 3
    for name, parameter in alone.parameters.items():
        torch.testing.assert_close(together.parameters[name][1], parameter[0], rtol=0, atol=1e-4)


def test_parts_are_kept_beside_each_other(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(device, "RESULTS", tmp_path)
    monkeypatch.setattr(racing, "RESULTS", tmp_path)
    for part in ("agreement", "resume"):
        monkeypatch.setattr(sys, "argv", ["device.py", "--device", "cpu", "--only", part, "--models", "vae"])
        device.main()
    found = json.loads((tmp_path / "device.json").read_text())
    assert found["agreement"]["rows"] == [["`vae`", "0.0e+00", "0.0e+00", "yes"]]
    assert found["resume"]["rows"] == [["`vae`", "yes"]]
    assert found["device"] == "cpu"
    assert "| `vae` | yes |" in capsys.readouterr().out


def test_models_that_differ_do_not_agree(monkeypatch) -> None:
    given = {"cpu": {1: {"loss": 100.0}, 2: {"loss": 90.0}}, "cuda": {1: {"loss": 100.1}, 2: {"loss": 90.0}}}
    monkeypatch.setattr(device, "terms_of", lambda model, where: given[where])
    found = device.agreement(device.argparse.Namespace(models=["vae"], device="cuda"))
    assert found["rows"] == [["`vae`", "1.0e-03", "0.0e+00", "**no**"]]
