"""The user's own data on the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest

from malformed import folder_cases, npz_cases, table_cases
from malformed.case import content
from unbraid.cli.main import main

FAST = ["--steps", "6", "--batch-size", "8", "--latent-dim", "3", "--device", "cpu"]
IMAGES = np.random.default_rng(0).integers(0, 256, (60, 32, 32), np.uint8)


def run(capsys, *tokens) -> tuple[int, str, str]:
    code = main([str(token) for token in tokens])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("digits.npz", images=IMAGES)
    (tmp_path / "factors.csv").write_text("x,y\n" + "".join(f"{i % 4},{i // 4 % 5}\n" for i in range(60)))
    return tmp_path


def test_train_evaluate_report(capsys, here):
    tokens = ["train", "beta_vae", "npz:digits.npz", "--table", "factors.csv", *FAST]
    code, out, _ = run(capsys, *tokens)
    assert code == 0
    assert "mig" in out
    (folder,) = (here / "runs").iterdir()
    assert folder.name.startswith("beta_vae-npz-seed0-")
    assert run(capsys, *tokens)[1].count("already finished") == 1
    assert run(capsys, "evaluate", folder, "--metrics", "mig,dci")[0] == 0
    assert json.loads((folder / "metrics.json").read_text())["of_images"] == 60
    page = (folder / "report.html").read_text()
    assert "unbraid train beta_vae npz:digits.npz" in page
    assert str(here) not in page


def test_a_configuration_given_back_minds_the_content(capsys, here):
    assert run(capsys, "train", "vae", "npz:digits.npz", *FAST, "--no-report", "--out", "a")[0] == 0
    assert run(capsys, "train", "--config", "a/config.json", "--no-report", "--out", "b", "--seed", 1)[0] == 0
    np.savez("digits.npz", images=255 - IMAGES)
    code, _, err = run(capsys, "train", "--config", "a/config.json", "--no-report", "--out", "c")
    assert (code, "content of" in err) == (2, True)
    assert not (here / "c").exists()
    np.savez("kept.npz", images=IMAGES)
    tokens = ["train", "--config", "a/config.json", "--path", "kept.npz", "--no-report", "--out", "d"]
    assert run(capsys, *tokens)[0] == 0
    a, d = (json.loads((here / name / "config.json").read_text()) for name in "ad")
    assert a["data_digest"] == d["data_digest"]
    for stage in ("evaluate", "report"):
        assert run(capsys, stage, "a", "--data", "npz:kept.npz")[0] == 0


def test_lists_show_how_they_are_written(capsys):
    _, out, _ = run(capsys, "list", "datasets")
    assert "npz:PATH" in out
    assert "folder:PATH" in out
    _, out, _ = run(capsys, "show", "folder")
    assert "folder:PATH" in out
    assert "--fit" in out


def test_options_of_the_data_set_are_in_the_help(capsys):
    _, out, _ = run(capsys, "train", "vae", "folder:anything", "--help")
    for flag in ("--size", "--channels", "--fit", "--horizontal-flip", "--table"):
        assert flag in out


CASES = {
    f"{kind}: {name}": build
    for kind, module in (("npz", npz_cases), ("folder", folder_cases), ("table", table_cases))
    for name, build in list(module.BUILDERS.items())[::6]
}


@pytest.mark.parametrize("name", CASES)
def test_malformed_data_are_one_message(capsys, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    case = CASES[name](tmp_path / "in")
    before = content(tmp_path)
    code, out, err = run(capsys, "train", "vae", *case.tokens)
    assert code in (1, 2)
    assert [line for line in err.splitlines() if line.startswith("Error: ")] == [err.splitlines()[-1]]
    assert "defect of unbraid" not in err
    assert case.says in err
    assert not out
    assert content(tmp_path) == before
