"""The command that repeats a run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from unbraid.config.experiment import Experiment
from unbraid.config.parts import PARTS, part_options
from unbraid.config.settings import Settings
from unbraid.data.sets.arrays import IN_PYTHON
from unbraid.options import options_of
from unbraid.zoo.recipe import Recipe
from unbraid.zoo.registry import models, tuned, tuned_default


def given_options(experiment: Experiment) -> dict[str, Any]:
    """The flat options of an experiment that are not defaults: what `plan` needs to make it again."""
    return {name: value for name, value in _settings(experiment).items() if value is not None} | _of_parts(experiment)


def command_line(experiment: Experiment, *, extend: int = 0) -> str:
    """The command that repeats a run, with the options that are not defaults, quoted for a POSIX shell."""
    experiment = experiment.portable()
    options = given_options(experiment) | ({"extend": extend} if extend else {})
    if experiment.data == IN_PYTHON:
        return _call(experiment, options)
    words = ["unbraid", "train", experiment.model, experiment.address]
    for name, value in options.items():
        words += _words(name.replace("_", "-"), value)
    return shlex.join(words)


def _call(experiment: Experiment, options: Mapping[str, Any]) -> str:
    """The call in Python that repeats a run on data that were given there."""
    name = options.get("name", experiment.data)
    given = "".join(f", {option}={value!r}" for option, value in options.items() if option != "name")
    return f"unbraid.train({experiment.model!r}, data{given})  # data: {name!r}, digest {experiment.data_digest}"


def _words(flag: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    text = _shortest(value) if isinstance(value, float) else str(value)
    return [f"--{flag}={text}"] if text.startswith("-") else [f"--{flag}", text]


def _shortest(value: float) -> str:
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def _of_parts(experiment: Experiment) -> dict[str, Any]:
    """Options of parts that are not defaults."""
    given = {}
    recipe = experiment.recipe()
    for option, (part, spec) in part_options({part: getattr(experiment, part) for part in PARTS}).items():
        value = getattr(experiment, f"{part}_options")[spec.name]
        if part == "data" and experiment.address.endswith(f":{value}"):
            continue  # part of the data set's name
        declared = recipe.part_options.get(option, spec.default)
        if value != tuned_default(experiment.model, experiment.data, option, experiment.model_options, declared):
            given[option] = value
    return given


def _settings(experiment: Experiment) -> dict[str, Any]:
    recipe: Recipe = models[experiment.model].factory(**experiment.model_options)
    measured = tuned(experiment.model, experiment.data)
    defaults = {name: spec.default for name, spec in options_of(Settings).items()} | {
        "steps": recipe.steps,
        "batch_size": recipe.batch_size,
        "latent_dim": recipe.latent_dim,
        "optimizer": recipe.optimizer.name,
        "lr": recipe.optimizer.lr,
        "weight_decay": recipe.optimizer.weight_decay,
        "encoder": recipe.encoder,
        "decoder": recipe.decoder,
        "likelihood": recipe.likelihood,
        "rate": "",
        "checkpoint_every": max(1, experiment.steps // 10),
        "log_every": max(1, experiment.steps // 100),
    }
    defaults |= {name: value for name, value in measured.items() if name in defaults}
    chosen = {name: getattr(experiment, name, None) for name in defaults}  # epochs are steps by now
    return {name: value for name, value in chosen.items() if value != defaults[name]}
