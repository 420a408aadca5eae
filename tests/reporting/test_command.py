"""The command of a report makes the run again."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from helpers.tiny import TINY
from unbraid.config.parts import PARTS, part_options
from unbraid.config.plan import plan
from unbraid.config.settings import Settings
from unbraid.options import options_of
from unbraid.reporting.command import command_line


def parsed(command: str, experiment) -> tuple[str, str, dict[str, Any]]:
    """Model, data set and options of a command, each in its declared type."""
    program, verb, model, data, *words = shlex.split(command)
    assert (program, verb) == ("unbraid", "train")
    flat = part_options({part: getattr(experiment, part) for part in PARTS})
    specs = {name: spec for name, (_, spec) in flat.items()} | options_of(Settings)
    options: dict[str, Any] = {}
    while words:
        name = words.pop(0).removeprefix("--").replace("-", "_")
        if name.startswith("no_") and specs[name[3:]].type is bool:
            options[name[3:]] = False
        elif specs[name].type is bool:
            options[name] = True
        else:
            kind = specs[name].type
            options[name] = kind(words.pop(0)) if kind in (int, float) else words.pop(0)
    return model, data, options


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("vae", {}),
        ("beta_vae", {"beta": 0.1 + 0.2, "normalized": True, "steps": 77, "seed": 3}),
        ("beta_vae", {"beta": 1, "lr": 1e-5, "batch_size": 7, "latent_dim": 3, "log_every": 1, "checkpoint_every": 5}),
        ("beta_vae", {"epochs": 2.5, "order": "shuffled", "test_share": 0.25, "likelihood": "gaussian", "evaluate_every": 9}),
        ("beta_vae_capacity", {"capacity": 5, "optimizer": "sgd", "weight_decay": 1e-4, "keep_checkpoints": 0}),
    ],
)
def test_parsing_the_command_gives_the_experiment_again(model, options):
    experiment, _ = plan(model, TINY, options)
    again, _ = plan(*parsed(command_line(experiment), experiment))
    assert again == experiment


def test_defaults_are_not_written():
    assert command_line(plan("beta_vae", TINY, {})[0]) == f"unbraid train beta_vae {TINY}"
    assert command_line(plan("beta_vae", TINY, {"beta": 2, "normalized": True})[0]).endswith("--beta 2 --normalized")
    assert command_line(plan("beta_vae", TINY, {})[0], extend=9000).endswith("--extend 9000")
