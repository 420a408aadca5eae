"""From a request to a run's configuration: everything checked, every default filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from unbraid.config.experiment import Experiment, load_known
from unbraid.config.parts import PARTS, choose_parts, part_options, recipe_of, try_rates, with_rates
from unbraid.config.settings import Settings
from unbraid.data.dataset import Dataset, addressed
from unbraid.data.digest import digest_of
from unbraid.data.draws import steps_per_epoch
from unbraid.data.sets.arrays import IN_PYTHON
from unbraid.errors import UnknownName, UsageError
from unbraid.options import OptionSpec, options_of, resolve
from unbraid.zoo.registry import models, tuned

MOST_STEPS = 10**12


def plan(model: str, data: str | Dataset, options: Mapping[str, Any]) -> tuple[Experiment, Dataset]:
    """Check a request whole and fill in every default; nothing is written.

    Args:
        model: a registered name.
        data: a registered name, one with a path ("npz:PATH"), or a data set made in Python.
        options: flat options of the model, the data set, the likelihood and `Settings`; where nothing is given, what was
            tuned for this pair holds, else the declared defaults.

    Raises `UnknownName` and `UsageError` for what cannot be, `IncompatibleParts` for parts that do not fit, and
    `DataUnavailable` where the data cannot be had.
    """
    given = {name: value for name, value in options.items() if value is not None}
    made = None
    if isinstance(data, Dataset):
        made, given = data, {**given, "name": data.name}
        data = IN_PYTHON
    else:
        data, given = addressed(data, given)
    options = {**tuned(model, data, given), **given}
    names = choose_parts(model, data, options)
    flat = part_options(names)
    known = options_of(Settings)
    for option in options:
        if option not in flat and option not in known:
            raise UnknownName(
                f"option of {model!r} on {data!r}", option, [*flat, *known], see=f"unbraid train {model} {data} --help"
            )
    settings = resolve(Settings, {k: v for k, v in options.items() if k in known}, "unbraid train")
    resolved = _resolved(names, options, flat)
    recipe = with_rates(model, models[model].factory(**resolved["model"]), names["rate"], resolved["rate"])
    dataset, digest = load_known(data, resolved["data"]) if made is None else (made, digest_of(made))
    size = dataset.shape[1]
    if (fitting := choose_parts(model, data, options, size)) != names:  # whose size no option tells
        names, resolved = fitting, _resolved(fitting, options, part_options(fitting))
    batch_size = settings["batch_size"] or recipe.batch_size
    if batch_size < recipe.least_batch:
        raise UsageError(f"--batch-size is {batch_size}; {model!r} compares images of a batch: at least {recipe.least_batch}.")
    recipe.objective.draws.check(dataset)
    per_epoch = steps_per_epoch(dataset, batch_size)
    if settings["steps"] and settings["epochs"]:
        raise UsageError("Give --steps or --epochs, not both.")
    if (settings["epochs"] or 0) * per_epoch > MOST_STEPS or (settings["steps"] or 0) > MOST_STEPS:
        raise UsageError(
            f"--steps {settings['steps']} or --epochs {settings['epochs']} make a run of more than {MOST_STEPS:,} steps; "
            "give less."
        )
    steps = settings["steps"] or (max(1, round(settings["epochs"] * per_epoch)) if settings["epochs"] else recipe.steps)
    chosen: dict[str, Any] = {**names, **{f"{part}_options": resolved[part] for part in names}}
    experiment = Experiment(
        **chosen,
        image_shape=dataset.shape,
        n_train=len(dataset) - len(dataset.test),
        latent_dim=settings["latent_dim"] or recipe.latent_dim,
        batch_size=batch_size,
        steps=steps,
        seed=settings["seed"],
        optimizer=settings["optimizer"] or recipe.optimizer.name,
        lr=settings["lr"] or recipe.optimizer.lr,
        weight_decay=recipe.optimizer.weight_decay if settings["weight_decay"] is None else settings["weight_decay"],
        precision=settings["precision"],
        checkpoint_every=settings["checkpoint_every"] or max(1, steps // 10),
        keep_checkpoints=settings["keep_checkpoints"],
        evaluate_every=settings["evaluate_every"],
        log_every=settings["log_every"] or max(1, steps // 100),
        data_digest=digest,
        value_range=dataset.value_range if digest else None,
    )
    vae = experiment.build()  # parts that do not fit are refused before anything is written
    if names["rate"]:
        try_rates(vae, cast(Any, recipe.objective).rates, dataset.shape, experiment.n_train)
    return experiment, dataset


def _resolved(
    names: Mapping[str, str], options: Mapping[str, Any], flat: Mapping[str, tuple[str, OptionSpec]]
) -> dict[str, dict[str, Any]]:
    """The options of every part with their checked values."""
    own = recipe_of(names["model"], options).part_options
    resolved: dict[str, dict[str, Any]] = {part: {} for part in names}
    for option, (part, spec) in flat.items():
        default = own.get(option, spec.default)
        resolved[part][spec.name] = spec.check(options.get(option, default), f"{PARTS[part].kind} {names[part]!r}")
    return resolved
