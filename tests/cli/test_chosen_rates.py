"""`--rate` on the command line: flat options of the chosen rates, in help, configuration and page."""

from __future__ import annotations

import json

import pytest

from helpers.tiny import TINY
from unbraid.cli.main import main

FAST = ["--steps", "4", "--batch-size", "16", "--latent-dim", "3", "--device", "cpu", "--no-report"]


@pytest.fixture
def run(capsys, monkeypatch):
    from unbraid.cli import console

    monkeypatch.setattr(console.out, "width", 160)

    def call(*tokens: object, code: int = 0) -> str:
        assert main([str(token) for token in tokens]) == code
        shown = capsys.readouterr()
        return shown.out if code == 0 else shown.err

    return call


def test_train_takes_options_of_the_chosen_rates_and_a_configuration_repeats_them(run, tmp_path):
    options = ("--rate", "kl,dip_ii", "--beta", 2, "--lambda-od=5", "--no-normalized")
    run("train", *options, "vae", TINY, *FAST, "--out", tmp_path / "first")
    first = json.loads((tmp_path / "first" / "config.json").read_text())
    assert first["rate"] == "kl,dip_ii"
    assert {name: first["rate_options"][name] for name in ("beta", "lambda_od", "lambda_d")} == {
        "beta": 2.0,
        "lambda_od": 5.0,
        "lambda_d": 10.0,
    }
    config = ("--config", tmp_path / "first" / "config.json", "--no-report", "--device", "cpu")
    run("train", *config, "--out", tmp_path / "again")
    assert json.loads((tmp_path / "again" / "config.json").read_text()) == first
    run("train", *config, "--lambda-od", 7, "--out", tmp_path / "changed")
    changed = json.loads((tmp_path / "changed" / "config.json").read_text())
    assert changed == {**first, "rate_options": {**first["rate_options"], "lambda_od": 7.0}}
    run("train", *config, "--rate", "kl", "--out", tmp_path / "fewer")
    fewer = json.loads((tmp_path / "fewer" / "config.json").read_text())
    kept = {name: value for name, value in first["rate_options"].items() if not name.startswith("lambda")}
    assert (fewer["rate"], fewer["rate_options"]) == ("kl", kept)


def test_help_shows_options_of_the_rates_that_are_named(run):
    page = run("train", "vae", TINY, "--rate", "kl,dip_ii", "--help")
    assert "Rate kl,dip_ii" in page
    assert "--lambda-od" in page
    assert "weight of the squared covariances" in page
    plain = run("train", "vae", TINY, "--help")
    assert "--rate" in plain
    assert "--lambda-od" not in plain


@pytest.mark.parametrize(
    ("tokens", "says"),
    [
        (("vae", "--rate", "kl,dipii"), "Did you mean 'dip_ii'? See: unbraid list rates"),
        (("vae", "--rate", "dip_i,dip_ii"), "both have an option lambda_d, lambda_od"),
        (("vae", "--rate", "kl", "--lambda-od", "5"), "Unknown option: --lambda-od"),
        (("vae", "--rate", "kl", "--beta", "-1"), "--beta of rate 'kl' is -1.0; allowed: a finite number at least 0"),
        (("beta_vae", "--rate", "kl"), "'beta_vae' has rates of its own"),
        (("soft_intro_vae", "--rate", "kl,dip_ii"), "one value per batch"),
    ],
)
def test_refusals_are_one_line_and_leave_nothing(run, tmp_path, tokens, says):
    model, *options = tokens
    error = run("train", model, TINY, *options, *FAST, "--out", tmp_path / "run", code=2)
    assert says in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_show_explains_a_rate_and_its_options(run):
    page = run("show", "dip_ii")
    for text in ("dip_ii", "(rate)", "lambda_od * sum_{i != j} C_ij^2", "--lambda-od", "at least 0", "Kumar"):
        assert text in page
    listed = run("list", "rates")
    assert all(name in listed for name in ("kl", "capacity", "dip_ii", "mmd", "total_correlation"))
