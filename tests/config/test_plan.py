"""A run is planned once: parts by the true size of the images, every option checked against them, every default shown."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch

import unbraid
from helpers.tiny import TINY
from unbraid.cli.main import main
from unbraid.config import plan as planning
from unbraid.config.experiment import Experiment
from unbraid.config.parts import every_option, part_options
from unbraid.config.plan import choose, experiment_for, plan, shown_defaults
from unbraid.config.settings import Settings
from unbraid.errors import UnknownName, UsageError
from unbraid.options import options_of
from unbraid.zoo.registry import models

FAST = ("--steps", "4", "--batch-size", "8", "--latent-dim", "3", "--device", "cpu")
PAIRS = [("beta_vae", "ellipses", {"size": 28}), *((entry.name, TINY, {}) for entry in models), ("vae", "fashion_mnist", {})]


@pytest.fixture
def images_of_28(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("x28.npz", images=np.random.default_rng(0).integers(0, 256, (60, 28, 28), np.uint8))
    return "npz:x28.npz"


class TestNetworksThatStandIn:
    def test_an_option_of_the_network_that_is_replaced_is_refused(self, images_of_28, capsys, tmp_path):
        assert main(["train", "chyvae", images_of_28, "--encoder-hidden", "64", *FAST, "--out", "run"]) == 2
        error = capsys.readouterr().err
        assert "--encoder-hidden" in error
        assert "See: unbraid train chyvae npz --help" in error
        with pytest.raises(UnknownName, match="encoder_hidden"):
            unbraid.train("chyvae", images_of_28, encoder_hidden=64, out="run")
        assert [path.name for path in tmp_path.iterdir()] == ["x28.npz"]

    def test_help_lists_the_options_of_what_stands_in(self, images_of_28, capsys):
        assert main(["train", "chyvae", images_of_28, "--help"]) == 0
        page = capsys.readouterr().out
        assert "[default: koller]" in " ".join(page.replace("│", " ").split())
        assert "--encoder-hidden" not in page

    def test_what_is_chosen_stays_beside_what_stands_in(self, images_of_28):
        assert experiment_for("vae", images_of_28, {"batch_size": 8}).encoder == "koller"
        chosen = experiment_for("vae", images_of_28, {"batch_size": 8, "decoder": "mlp", "decoder_width": 9})
        assert (chosen.encoder, chosen.decoder_options["width"]) == ("koller", 9)

    def test_a_mistake_is_found_before_data_are_loaded(self, images_of_28, monkeypatch):
        monkeypatch.setattr(planning, "load_known", lambda *_: pytest.fail("loaded"))
        for wrong in ({"bta": 3}, {"test_share": 2.0}, {"steps": 0}, {"sigma": 1.0}):
            with pytest.raises(UsageError):
                plan("beta_vae", images_of_28, wrong)


@pytest.mark.parametrize(("model", "data", "given"), PAIRS)
def test_giving_a_shown_default_changes_nothing(model, data, given, monkeypatch):
    monkeypatch.setattr(Experiment, "outline", lambda self: None)  # networks are tried elsewhere
    plain = experiment_for(model, data, given)
    _, defaults = shown_defaults(model, data, given)
    assert {"steps", "lr", "batch_size", "latent_dim", "encoder", "checkpoint_every"} <= defaults.keys()
    for option, value in defaults.items():
        if value is not None:
            assert experiment_for(model, data, {option: value, **given}) == plain, option
    assert experiment_for(model, data, {**{k: v for k, v in defaults.items() if v is not None}, **given}) == plain


@pytest.mark.parametrize("given", [{}, {"beta": 4.0}, {"beta": 7.0}, {"beta_warmup": 0.9}, {"normalized": True, "beta": 0.1}])
def test_help_shows_what_runs(given, capsys):
    words = []
    for name, value in given.items():
        words += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
    assert main(["train", "beta_vae", "ellipses", *words, "--help"]) == 0
    page = " ".join(capsys.readouterr().out.replace("│", " ").split())
    runs = experiment_for("beta_vae", "ellipses", given).flat_options()
    for name in ("beta_start", "beta_warmup", "lr", "steps", "batch_size", "log_every", "encoder", "size"):
        if name not in given:
            after = page.partition(f"--{name.replace('_', '-')} ")[2]
            shown = re.search(r"\[default: ([^\]]*)\]", after)
            assert shown, name
            assert shown[1] == str(runs[name]), name


def test_a_run_is_planned_once_and_assembled_twice_once_without_memory(monkeypatch, tmp_path):
    from unbraid.config import experiment

    counts: dict[str, list[str]] = {"assemble": [], "plan": [], "choose_parts": []}
    for module, name in ((experiment, "assemble"), (planning, "choose_parts")):
        real = getattr(module, name)

        def counted(*args, name=name, real=real, **kwargs):
            made = real(*args, **kwargs)
            counts[name].append(next(made.parameters()).device.type if name == "assemble" else "")
            return made

        monkeypatch.setattr(module, name, counted)
    command = ["train", "vae", TINY, *FAST, "--no-report", "--out", str(tmp_path / "run")]
    for _ in range(2):  # a run, and the same when it has finished
        assert main(command) == 0
        assert sorted(counts["assemble"]) == ["cpu", "meta"]
        assert len(counts["choose_parts"]) <= MOST_CHOICES
        counts["assemble"].clear()
        counts["choose_parts"].clear()
    unbraid.train("vae", TINY, steps=4, batch_size=8, latent_dim=3, device="cpu", out=tmp_path / "run")
    assert sorted(counts["assemble"]) == ["cpu", "meta"]
    assert len(counts["choose_parts"]) == 2  # before and after the images are known


MOST_CHOICES = 5
"""Two for the plan, and three for the defaults that the arguments of the command line show."""


def test_an_option_is_a_flag_for_all_that_have_it_or_for_none():
    """The command line is read before it is known which parts are chosen."""
    flags: dict[str, set[bool]] = {}
    for entry in models:
        for option, (_, spec) in part_options(choose(entry.name, TINY, {}).names).items():
            flags.setdefault(option, set()).add(spec.type is bool)
    known = every_option()
    for option, kinds in flags.items():
        assert kinds == {known[option].type is bool}, option
        assert option not in options_of(Settings)


def test_a_configuration_read_back_is_the_experiment(tmp_path):
    for model, options in (("beta_vae", {"beta": 3}), ("vae", {"rate": "kl,dip_ii", "lr": 1.0})):
        experiment = experiment_for(model, TINY, options)
        content = json.loads(json.dumps(experiment.to_dict()))
        assert Experiment.from_dict(content) == experiment
        assert Experiment.from_dict(content).to_dict() == content


@pytest.mark.parametrize("made", [torch.nn.Identity(), torch.nn.Linear, lambda *_: None], ids=["module", "class", "function"])
def test_parts_given_as_objects_are_refused_with_what_to_do(made):
    with pytest.raises(UsageError, match=r"likelihood is of type .*likelihoods.register.*unbraid\.likelihoods"):
        unbraid.train("vae", TINY, likelihood=made)
