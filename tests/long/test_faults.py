"""Under faults by chance nothing is lost or silently wrong: a few each time, thousands with `-m long`."""

from __future__ import annotations

import json
import random
import sys

import numpy as np
import pytest

from helpers import faults
from helpers.starter import Starter
from unbraid.cli.main import main
from unbraid.evaluation.stored import read_scores

SCORE = ("--metrics", "mig", "--intervals", "0")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The data, and a run on them that nothing disturbed, scored."""
    folder = tmp_path_factory.mktemp("faults")
    data = faults.write_images(folder)
    assert main(["train", "beta_vae", f"npz:{data}", "--out", str(folder / "run"), *faults.TRAIN]) == 0
    assert main(["evaluate", str(folder / "run"), "--device", "cpu", *SCORE]) == 0
    return data, folder / "run"


def weights(run):
    return (sorted((run / "checkpoints").iterdir())[-1] / "model.safetensors").read_bytes()


def losses(run):
    entries = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [(entry["step"], entry["values"]) for entry in entries if entry["kind"] == "train"]


def tell(capsys, figures):
    with capsys.disabled():
        sys.stdout.write(f"\n{figures}\n")


def no_kill_changes_the_end_of_a_run(whole, folder, capsys, kills):
    data, reference = whole
    rng, killed, runs = random.Random(0), 0, 0
    with Starter() as starter:
        while killed < kills:
            run = folder / f"run{runs}"
            killed += faults.train_under_fire(starter, data, run, kills - killed, rng)
            runs += 1
            assert weights(run) == weights(reference)
            assert losses(run) == losses(reference)
    tell(capsys, f"{killed} kills in {runs} runs: 0 lost, 0 differences")


def no_mutated_input_is_unexplained(folder, capsys, inputs):
    rng = random.Random(1)
    codes = np.random.default_rng(0).normal(size=(30, 3))
    table = np.stack([np.arange(30) % 3, np.arange(30) % 5], axis=1)
    np.savez(folder / "sound.npz", mean=codes, variance=np.ones((30, 3)), factors=table)
    rows = [f"{a:.3f},{b:.3f},{x},{y}" for (a, b, _), (x, y) in zip(codes, table, strict=True)]
    (folder / "sound.csv").write_text("\n".join(["z0,z1,a,b", *rows]) + "\n")
    kinds = {ending: (folder / f"sound.{ending}").read_bytes() for ending in ("npz", "csv")}
    for ending in kinds:
        assert (
            main(
                ["evaluate", "--codes", str(folder / f"sound.{ending}"), *SCORE, "--out", str(folder / "s.json"), "--overwrite"]
            )
            == 0
        )
    refused = 0
    for number in range(inputs):
        ending = rng.choice(sorted(kinds))
        path = folder / f"m.{ending}"
        path.write_bytes(faults.mutated(kinds[ending], rng))
        code = main(["evaluate", "--codes", str(path), *SCORE, "--overwrite"])
        said = capsys.readouterr().err
        assert code in (0, 1, 2), (number, said)
        assert not any(word in said for word in faults.UNSOUND), (number, said)
        assert code == 0 or "Error: " in said, (number, said)
        refused += code != 0
    tell(capsys, f"{inputs} mutated inputs: {refused} refused in words, {inputs - refused} read, 0 tracebacks")


def no_damaged_run_is_silently_wrong(whole, folder, capsys, runs):
    """After any damage a run is scored as before, or it is said what is wrong."""
    rng, reference = random.Random(2), read_scores(whole[1] / "metrics.json")
    said_so = 0
    for number in range(runs):
        run = faults.copy(whole[1], folder / "damaged")
        what = faults.damage(run, rng)
        code = main(["evaluate", str(run), "--device", "cpu", *SCORE])
        said = capsys.readouterr().err
        assert code in (0, 1, 2), (number, what, said)
        assert not any(word in said for word in faults.UNSOUND), (number, what, said)
        said_so += code != 0 or "Warning" in said
        if code == 0 and "Warning" not in said:
            scores = read_scores(run / "metrics.json")
            assert scores.step == reference.step, (number, what)
            assert scores.metrics["mig"]["score"] == reference.metrics["mig"]["score"], (number, what)
        elif (run / "metrics.json").is_file() and "metrics" not in what:
            kept = (run / "metrics.json").read_bytes()
            assert kept == (whole[1] / "metrics.json").read_bytes() or "Warning" in said, (number, what, said)
    tell(capsys, f"{runs} damaged runs: {said_so} told of, {runs - said_so} scored as before, 0 silently different")


def test_a_few_kills(whole, tmp_path, capsys):
    no_kill_changes_the_end_of_a_run(whole, tmp_path, capsys, 2)


def test_a_few_mutated_inputs(tmp_path, capsys):
    no_mutated_input_is_unexplained(tmp_path, capsys, 40)


def test_a_few_damaged_runs(whole, tmp_path, capsys):
    no_damaged_run_is_silently_wrong(whole, tmp_path, capsys, 15)


@pytest.mark.long
def test_a_thousand_kills(whole, tmp_path, capsys):
    no_kill_changes_the_end_of_a_run(whole, tmp_path, capsys, faults.count(2, 1_000))


@pytest.mark.long
def test_two_thousand_mutated_inputs(tmp_path, capsys):
    no_mutated_input_is_unexplained(tmp_path, capsys, faults.count(40, 2_000))


@pytest.mark.long
def test_five_hundred_damaged_runs(whole, tmp_path, capsys):
    no_damaged_run_is_silently_wrong(whole, tmp_path, capsys, faults.count(15, 500))


def test_mutations_change_something():
    rng = random.Random(3)
    data = bytes(range(256)) * 4
    assert sum(faults.mutated(data, rng) != data for _ in range(100)) > 95
