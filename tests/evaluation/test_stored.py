"""Scores on disk: earlier versions' are read, results are merged, and better ones are not lost."""

from __future__ import annotations

import json
import re
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

import unbraid
from helpers.tiny import TINY
from unbraid.codes import CodeTable
from unbraid.errors import CorruptFile, UnbraidWarning
from unbraid.evaluation.stored import read_scores, write_scores
from unbraid.model import Model
from unbraid.records import to_json

FIXTURES = sorted((Path(__file__).parents[1] / "fixtures" / "runs_of_0_1").iterdir())
FEW = {"limit": 100, "device": "cpu"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run with checkpoints at steps 2 and 4, scored by two metrics on 150 images."""
    folder = tmp_path_factory.mktemp("run") / "r"
    settings = {"steps": 4, "batch_size": 16, "latent_dim": 3, "checkpoint_every": 2, "keep_checkpoints": 0}
    unbraid.train("vae", TINY, out=folder, device="cpu", **settings)
    unbraid.evaluate(folder, metrics=["mig", "sap"], limit=150, device="cpu")
    return folder


@pytest.fixture
def run(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "run")


def state(run: Path) -> dict[str, bytes]:
    return {name: (run / name).read_bytes() for name in ("metrics.json", "codes.npz")}


def altered(path: Path, **changes) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("folder", FIXTURES, ids=lambda folder: folder.name)
def test_scores_of_earlier_versions_are_read(folder):
    scores, content = read_scores(folder / "metrics.json"), json.loads((folder / "metrics.json").read_text())
    assert scores.origin is None
    assert scores.metrics == content["metrics"]
    assert to_json(scores)["kl_per_dim"] == content["kl_per_dim"]
    former = content["splits"]["test"]["terms"]
    assert list(scores.splits["test"].terms.values()) == list(former.values())
    assert not any("quantisation" in name for name in scores.splits["test"].terms)


def test_former_names_of_metrics_are_translated(run):
    scores = read_scores(run / "metrics.json")
    write_scores(run / "metrics.json", structs.replace(scores, metrics={"strong_generalisation": scores.metrics["mig"]}))
    assert list(read_scores(run / "metrics.json").metrics) == ["strong_generalization"]


def test_metrics_of_the_same_images_are_added(run):
    before = read_scores(run / "metrics.json")
    table = unbraid.evaluate(run, metrics=["irs"], limit=150, device="cpu")
    assert list(table) == ["irs"]
    after = read_scores(run / "metrics.json")
    assert list(after.metrics) == ["mig", "sap", "irs"]
    assert after.metrics["mig"] == before.metrics["mig"]
    assert after.splits == before.splits
    assert CodeTable.load(run / "codes.npz").origin == after.origin.digest


def test_metrics_that_another_process_stored_meanwhile_stay(run, monkeypatch):
    computed = Model.evaluate_codes

    def slowly(*args, **given):
        monkeypatch.setattr(Model, "evaluate_codes", computed)
        unbraid.evaluate(run, metrics=["modularity"], limit=150, device="cpu")
        return computed(*args, **given)

    monkeypatch.setattr(Model, "evaluate_codes", slowly)
    unbraid.evaluate(run, metrics=["dci"], limit=150, device="cpu")
    assert set(read_scores(run / "metrics.json").metrics) == {"mig", "sap", "modularity", "dci"}


def test_metrics_alone_are_the_same_as_with_all_else(run):
    (run / "codes.npz").unlink()  # so that everything is computed again
    whole = unbraid.evaluate(run, metrics=["irs"], limit=150, device="cpu")
    alone = unbraid.evaluate(run, metrics=["irs"], limit=150, device="cpu")
    assert whole.scores == alone.scores


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"metrics": ["mig", "sap"], "limit": 100}, "of more images (150)"),
        ({"metrics": ["mig"], "limit": 100}, "of more images (150)"),
        ({"metrics": ["mig"], "limit": 200}, "by metrics that the new ones lack (sap)"),
    ],
)
def test_lesser_scores_do_not_replace_better_ones(run, asked, says):
    before = state(run)
    with pytest.warns(UnbraidWarning, match=rf"{re.escape(says)}.*--overwrite"):
        table = unbraid.evaluate(run, **asked, device="cpu")
    assert state(run) == before
    assert (list(table), table.samples) == (asked["metrics"], asked["limit"])
    unbraid.evaluate(run, **asked, device="cpu", overwrite=True)
    scores = read_scores(run / "metrics.json")
    assert (list(scores.metrics), scores.images) == (asked["metrics"], asked["limit"])


def test_scores_by_all_metrics_of_more_images_replace_those_there(run):
    unbraid.evaluate(run, metrics=["mig", "sap", "irs"], limit=200, device="cpu")
    scores = read_scores(run / "metrics.json")
    assert (list(scores.metrics), scores.images) == (["mig", "sap", "irs"], 200)


def test_a_damaged_newest_checkpoint_is_said_and_costs_no_scores(run):
    with (run / "checkpoints" / "step_000000004" / "training.safetensors").open("ab") as file:
        file.write(b"x")
    before = state(run)
    with pytest.warns(UnbraidWarning) as told:
        table = unbraid.evaluate(run, metrics=["mig", "sap"], device="cpu")
    said = " ".join(str(one.message) for one in told)
    assert "step_000000004" in said
    assert "of step 4, whose checkpoint is damaged" in said
    assert state(run) == before
    assert table.samples == 240
    with warnings.catch_warnings(), pytest.raises(CorruptFile, match=r"scores are of step 4.*damaged.*step 2"):
        warnings.simplefilter("ignore")
        unbraid.report(run, device="cpu")
    assert state(run) == before


def test_scores_of_another_configuration_are_refused(run):
    config = json.loads((run / "config.json").read_text())
    altered(run / "config.json", seed=config["seed"] + 1)
    before = state(run)
    with pytest.raises(CorruptFile, match=r"another configuration|of another run|not one of this run"):
        unbraid.evaluate(run, metrics=["mig"], **FEW)
    assert state(run) == before


def test_codes_of_other_scores_are_refused_and_made_anew(run):
    replace(CodeTable.load(run / "codes.npz"), origin="0123456789abcdef").save(run / "codes.npz")
    with pytest.raises(CorruptFile, match=r"origin: 0123456789abcdef there.*unbraid evaluate"):
        unbraid.report(run, device="cpu")
    unbraid.evaluate(run, metrics=["mig"], limit=150, device="cpu")
    assert list(read_scores(run / "metrics.json").metrics) == ["mig", "sap"]
    assert unbraid.report(run, device="cpu").is_file()


def test_a_digit_that_changed_is_noticed(run):
    path = run / "metrics.json"
    text = path.read_text()
    numbers = list(re.finditer(r"(?<=\.)\d", text))
    assert len(numbers) > 50
    for found in numbers[:: len(numbers) // 20]:
        path.write_text(f"{text[: found.start()]}{(int(found[0]) + 1) % 10}{text[found.end() :]}")
        with pytest.raises(CorruptFile, match=r"does not match its checksum.*unbraid evaluate RUN"):
            read_scores(path)
    for without in ({"own_sha256"}, {"own_sha256", "labels"}):
        path.write_text(json.dumps({name: value for name, value in json.loads(text).items() if name not in without}))
        with pytest.raises(CorruptFile, match="does not match its checksum"):
            read_scores(path)
    path.write_text(json.dumps(dict(reversed(json.loads(text).items()))))  # the content counts, not how it is written
    assert read_scores(path).metrics["mig"] == json.loads(text)["metrics"]["mig"]


def test_damaged_scores_are_made_anew(run):
    (run / "metrics.json").write_text("{")
    unbraid.evaluate(run, metrics=["mig"], **FEW)
    assert list(read_scores(run / "metrics.json").metrics) == ["mig"]
