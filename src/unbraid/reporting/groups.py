"""Runs by configuration: which differ only in their seed, how the others differ, what to call each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from unbraid.config.experiment import Experiment
from unbraid.config.parts import PARTS
from unbraid.reporting.numbers import plain

INCIDENTAL = ("seed", "checkpoint_every", "keep_checkpoints", "evaluate_every", "log_every")
"""What makes no other model of a run, or only by chance."""
_DERIVED = ("format", "image_shape", "n_train")
"""What follows from other settings."""
_WORDS = {"latent_dim": "latents", "batch_size": "batch", "weight_decay": "weight decay"}


def configuration(experiment: Experiment) -> str:
    """The same text for runs that differ in their seed alone."""
    content = experiment.identity()
    return repr(sorted((name, value) for name, value in content.items() if name not in INCIDENTAL))


def settings(experiment: Experiment) -> dict[str, Any]:
    """All that makes the configuration, by name: options of the parts as "beta", "decoder kernel"."""
    return dict(_settings(experiment.portable().to_dict()))


def _settings(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        part = name.removesuffix("_options")
        if part != name and part in PARTS:
            prefix = "" if part == "model" else f"{part} "
            yield from ((f"{prefix}{option}".replace("_", " "), one) for option, one in value.items())
        elif name not in (*INCIDENTAL, *_DERIVED):
            yield _WORDS.get(name, name.replace("_", " ")), value


def differing(experiments: Sequence[Experiment]) -> list[str]:
    """Names of all settings in which any two of these differ, those that only one model has included."""
    found = [settings(one) for one in experiments]
    names = dict.fromkeys(name for one in found for name in one)
    return [name for name in names if len({repr(one.get(name)) for one in found}) > 1]


def grid_of(experiments: Sequence[Experiment]) -> list[dict[str, float]]:
    """The numbers that three or more models of a full grid differ in; nothing for each of other models.

    Seeds make no difference; of two models that differ in their seed alone there is no grid.
    """
    names = differing(experiments)
    found = [settings(one) for one in experiments]
    own = [{name: one.get(name) for name in names} for one in found]
    numeric = all(isinstance(v, (int, float)) and not isinstance(v, bool) for one in own for v in one.values())
    sizes = [len({repr(one[name]) for one in own}) for name in names]
    if len(own) < 3 or not numeric or len({repr(one) for one in own}) != len(own) or math.prod(sizes) != len(own):
        return [{} for _ in own]
    return [{name: float(value) for name, value in one.items() if value is not None} for one in own]


def confounded(experiments: Sequence[Experiment]) -> list[str]:
    """Settings confounded with the objective: two objectives share no value of such a setting.

    A difference between their scores may then be due to that setting. An objective is a model with its options.
    """
    found = [settings(one) for one in experiments]
    objectives = [
        repr((one.model, sorted(one.model_options.items()), found[i].get("rate"))) for i, one in enumerate(experiments)
    ]
    own = {option.replace("_", " ") for one in experiments for option in one.model_options} | {"model", "rate"}
    confounding = []
    for name in differing(experiments):
        values: dict[str, set[str]] = {}
        for objective, content in zip(objectives, found, strict=True):
            values.setdefault(objective, set()).add(repr(content.get(name)))
        if name not in own and any(a.isdisjoint(b) for a, b in combinations(values.values(), 2)):
            confounding.append(name)
    return confounding


def labels(experiments: Sequence[Experiment]) -> list[str]:
    """Name of each run's configuration: its model, and settings that differ between runs of that model.

    Equal configurations have equal labels, different ones different labels.
    """
    keys = [configuration(one) for one in experiments]
    firsts = dict(zip(reversed(keys), reversed(experiments), strict=True))
    named = {}
    for key, one in firsts.items():
        rivals = [other for other in firsts.values() if other.model == one.model]
        own = settings(one)
        parts = [_in_words(name, own[name]) for name in differing(rivals) if name in own]
        named[key] = ", ".join([one.model, *parts])
    return [named[key] for key in keys]


def _in_words(name: str, value: Any) -> str:
    return f"{name} {plain(value)}" if value not in ("", None) else f"no {name}"


def run_labels(experiments: Sequence[Experiment]) -> list[str]:
    """Distinct names of runs: the configuration, with the seed where several runs share it."""
    own = labels(experiments)
    named = [
        f"{label}, seed {one.seed}" if own.count(label) > 1 else label for label, one in zip(own, experiments, strict=True)
    ]
    return [
        f"{label} ({named[:place].count(label) + 1})" if named.count(label) > 1 else label for place, label in enumerate(named)
    ]


def grouped(experiments: Sequence[Experiment]) -> dict[str, list[int]]:
    """Places of the runs of each configuration, by its label, in the order in which they were given."""
    found: dict[str, list[int]] = {}
    for place, label in enumerate(labels(experiments)):
        found.setdefault(label, []).append(place)
    return found


def option_value(experiment: Experiment, name: str) -> float | None:
    """The value of a numerical setting, such as "beta" or "latent_dim"; None if the run has none."""
    content = experiment.to_dict()
    for options in (content, *(content[f"{part}_options"] for part in PARTS if f"{part}_options" in content)):
        value = options.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
    return None
