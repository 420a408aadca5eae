"""Run folders of version 0.1 load, score, resume, report and explore under today's names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import unbraid
from unbraid.config.experiment import Experiment
from unbraid.former_names import DEFAULTS, OPTIONS

RUNS = sorted((Path(__file__).parent / "fixtures" / "runs_of_0_1").iterdir())


@pytest.fixture(params=RUNS, ids=lambda path: path.name)
def run(request, tmp_path):
    return shutil.copytree(request.param, tmp_path / "run")


def test_the_configuration_is_read_under_todays_names(run):
    content = json.loads((run / "config.json").read_text())
    today = Experiment.from_dict(content).to_dict()
    former = {**content["model_options"], **content["data_options"]}
    options = {**today["model_options"], **today["data_options"]}
    kept = {OPTIONS.get(name, name): value for name, value in former.items()}
    assert kept.items() <= options.items()
    assert all(options[name] == value for name, value in DEFAULTS.items() if name in options)
    assert not OPTIONS.keys() & options.keys()
    same = today.keys() - {"model_options", "data_options", "model", "rate"}
    assert {name: today[name] for name in same} == {name: content[name] for name in same}


def test_it_loads_and_encodes_as_it_did(run):
    model = unbraid.load(run, device="cpu")
    assert model.step == 20
    with np.load(run / "codes.npz") as codes:
        some = codes["index"][:64] if "index" in codes else np.arange(64)
        images = model.experiment.load_data().images.floats(some)
        np.testing.assert_allclose(model.encode(images), codes["mean"][:64], atol=1e-4)


def test_it_is_scored_reported_and_explored(run, tmp_path):
    unbraid.evaluate(run, metrics=["mig"], limit=200, overwrite=True, device="cpu")
    scored = json.loads((run / "metrics.json").read_text())
    assert scored["step"] == 20
    assert "mig" in scored["metrics"]
    assert unbraid.report(run, device="cpu").is_file()
    assert unbraid.explore(run, tmp_path / "page.html").path.is_file()


def test_it_is_trained_further(run):
    from unbraid.cli.main import main

    assert (
        main(
            [
                "train",
                "--config",
                str(run / "config.json"),
                "--extend",
                "24",
                "--no-report",
                "--device",
                "cpu",
                "--out",
                str(run),
            ]
        )
        == 0
    )
    assert unbraid.load(run, device="cpu").step == 24
    assert [json.loads(line).get("step") for line in (run / "log.jsonl").read_text().splitlines()][-1] == 24
