"""From a request to a run's configuration: everything checked, every default filled in.

A request is understood in one order: the parts are chosen, the images are loaded, the parts are chosen again only in so far as
the size of the images decides them, all options are checked against the chosen parts, and the configuration is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from unbraid.config.experiment import Experiment, load_known
from unbraid.config.parts import PARTS, PREFIXED, choose_parts, part_options, recipe_of, try_rates, whose, with_rates
from unbraid.config.settings import Settings
from unbraid.data.dataset import JOINT, Dataset, addressed
from unbraid.data.digest import digest_of
from unbraid.data.draws import steps_per_epoch
from unbraid.data.joint import is_function, joint_function
from unbraid.data.registry import datasets
from unbraid.data.sets.arrays import IN_PYTHON
from unbraid.errors import UnbraidError, UnknownName, UsageError
from unbraid.nn.own import NetworkRegistry
from unbraid.options import OptionSpec, options_of, resolve
from unbraid.trust import is_own, trusting
from unbraid.zoo.assemble import try_networks
from unbraid.zoo.recipe import Recipe
from unbraid.zoo.registry import tuned, tuned_default

MOST_STEPS = 10**12


@dataclass(frozen=True)
class Choice:
    """A request whose parts are chosen.

    Args:
        options: flat options, those given and those tuned for the pair of model and data set.
        names: the chosen parts.
        own: the model's recipe with its own hyper-parameters.
    """

    options: Mapping[str, Any]
    names: Mapping[str, str]
    own: Recipe

    @property
    def flat(self) -> dict[str, tuple[str, OptionSpec]]:
        """All options that the chosen parts have, by flat name."""
        return part_options(self.names)

    def default(self, option: str, spec: OptionSpec) -> Any:
        """What holds where an option of a part is not given."""
        declared = self.own.part_options.get(option, spec.default)
        return tuned_default(self.names["model"], self.names["data"], option, self.options, declared)

    def check_names(self, *, networks: bool = True) -> None:
        """Raise `UnknownName` for an option that the chosen parts do not have.

        Options of networks are checked only with `networks`.
        """
        known = {*self.flat, *options_of(Settings)}
        model, data = self.names["model"], self.names["data"]
        for option in self.options:
            if option not in known and (networks or not option.startswith(tuple(f"{part}_" for part in PREFIXED))):
                raise UnknownName(
                    "option",
                    option,
                    known,
                    of=f"model {model!r} on data set {data!r}",
                    see=f"unbraid train {model} {data} --help",
                    hint=whose(option),
                )

    def resolved(self, *, networks: bool = True) -> dict[str, dict[str, Any]]:
        """The options of every part, or of all but the networks, with their checked values."""
        values: dict[str, dict[str, Any]] = {part: {} for part in self.names if networks or part not in PREFIXED}
        for option, (part, spec) in self.flat.items():
            if part in values:
                value = self.options.get(option, self.default(option, spec))
                values[part][spec.name] = spec.check(value, f"{PARTS[part].kind} {self.names[part]!r}")
        return values

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the training with their checked values; None where the recipe decides."""
        return resolve(Settings, {k: v for k, v in self.options.items() if k in options_of(Settings)}, "unbraid train")

    def recipe(self, rate_options: Mapping[str, Any]) -> Recipe:
        """The recipe with the chosen rates."""
        return with_rates(self.names["model"], self.own, self.names["rate"], rate_options)


def choose(model: str, data: str, given: Mapping[str, Any], height: int | None = None) -> Choice:
    """The parts of a request, and the options that it stands for.

    Args:
        model, data: registered names.
        given: flat options.
        height: of the images where it is known; by default what the data set says without its images.
    """
    options = {**tuned(model, data, given), **given}
    own = recipe_of(model, options)
    if height is None:
        height = _declared_height(data, options)
    return Choice(options, choose_parts(own, model, data, options, height), own)


def _declared_height(data: str, options: Mapping[str, Any]) -> int | None:
    """The height that option `size` or the data set itself declares; None where neither does."""
    if declared := datasets[data].options.get("size"):
        found: int | None = options.get("size", declared.default)
        return found
    height = datasets[data].details.get("height")
    return height if isinstance(height, int) else None


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
    given = _named({name: value for name, value in {**options, "model": model}.items() if value is not None})
    del given["model"]
    made = data if isinstance(data, Dataset) else None
    name, given = addressed(data, given) if isinstance(data, str) else (IN_PYTHON, {**given, "name": data.name})
    first = choose(model, name, given)
    size_is_known = "size" in datasets[name].options
    first.check_names(networks=size_is_known)  # before data are loaded, which may take long
    _ = first.settings
    data_options = first.resolved(networks=size_is_known)["data"]
    dataset, digest = load_known(name, data_options) if made is None else (made, digest_of(made))
    return _experiment(choose(model, name, given, dataset.shape[1]), dataset, digest), dataset


def _named(options: Mapping[str, Any]) -> dict[str, Any]:
    """The same options with networks that are given as classes or functions under their names.

    A module that such a name holds is imported: whoever calls asks for it. Raises `UsageError` for other parts that are given
    as objects: a run must be able to make them again.
    """
    named = dict(options)
    if is_function(named.get(JOINT)):
        with trusting():
            joint_function(named[JOINT])
    for part in (*PREFIXED, "model", "likelihood", "rate"):
        given, registry = named.get(part), PARTS[part]
        if is_own(given) and isinstance(registry, NetworkRegistry):
            with trusting():
                _ = registry[str(given)]
        elif given is None or isinstance(given, str):
            continue
        elif isinstance(registry, NetworkRegistry):
            named[part] = registry.name_of(given)
        else:
            kind = given.__name__ if isinstance(given, type) else type(given).__name__
            raise UsageError(
                f"{part} is of type {kind}; give a registered name, so that the run "
                f"can be made again from its configuration. Register your own: the decorator {registry.plural}.register(NAME, "
                f"source=...), in a module that is imported first or an entry point of the group unbraid.{registry.plural}."
            )
    return named


def experiment_for(model: str, data: str | Dataset, options: Mapping[str, Any]) -> Experiment:
    """The configuration that a request stands for, as `plan` makes it.

    Equal requests give equal configurations.
    """
    return plan(model, data, options)[0]


def _experiment(choice: Choice, dataset: Dataset, digest: str) -> Experiment:
    """The configuration of a choice for the images of a data set, tried as far as that takes no memory."""
    choice.check_names()
    names, resolved, settings = choice.names, choice.resolved(), choice.settings
    recipe = choice.recipe(resolved["rate"])
    batch_size = settings["batch_size"] or recipe.batch_size
    if batch_size < recipe.least_batch:
        raise UsageError(
            f"--batch-size is {batch_size}; {names['model']!r} compares images of a batch: at least {recipe.least_batch}."
        )
    recipe.objective.draws.check(dataset)
    steps = _steps(settings, recipe, steps_per_epoch(dataset, batch_size))
    chosen: dict[str, Any] = {**names, **{f"{part}_options": resolved[part] for part in names}}
    experiment = Experiment(
        **chosen,
        **(settings_of(recipe, settings) | {"batch_size": batch_size, "steps": steps} | _intervals(settings, steps)),
        image_shape=dataset.shape,
        n_train=len(dataset) - len(dataset.test),
        data_digest=digest,
        value_range=dataset.value_range if digest else None,
    )
    experiment.outline()  # parts that do not fit are refused before anything is written
    if is_own(experiment.encoder) or is_own(experiment.decoder):
        try_networks(experiment.build(), dataset.shape, experiment.latent_dim, names)
    if names["rate"]:
        try_rates(experiment.build(), cast(Any, recipe.objective).rates, dataset.shape, experiment.n_train)
    return experiment


def _steps(settings: Mapping[str, Any], recipe: Recipe, per_epoch: int) -> int:
    """The length of the run in steps. Raises `UsageError` for two lengths, or one beyond all bounds."""
    steps, epochs = settings["steps"], settings["epochs"]
    if steps and epochs:
        raise UsageError("Give --steps or --epochs, not both.")
    if (epochs or 0) * per_epoch > MOST_STEPS or (steps or 0) > MOST_STEPS:
        raise UsageError(f"--steps {steps} or --epochs {epochs} make a run of more than {MOST_STEPS:,} steps; give less.")
    return steps or (max(1, round(epochs * per_epoch)) if epochs else recipe.steps)


def settings_of(recipe: Recipe, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a run that do not depend on its length, None replaced by what the recipe says."""
    own = {
        "latent_dim": recipe.latent_dim,
        "batch_size": recipe.batch_size,
        "optimizer": recipe.optimizer.name,
        "lr": recipe.optimizer.lr,
        "weight_decay": recipe.optimizer.weight_decay,
    }
    kept = ("seed", "precision", "keep_checkpoints", "evaluate_every")
    return {name: settings[name] for name in kept} | {
        name: value if settings[name] is None else settings[name] for name, value in own.items()
    }


def _intervals(settings: Mapping[str, Any], steps: int) -> dict[str, int]:
    """Steps between checkpoints and between log entries."""
    shares = {"checkpoint_every": 10, "log_every": 100}
    return {name: settings[name] or max(1, steps // share) for name, share in shares.items()}


def shown_defaults(model: str, data: str, given: Mapping[str, Any]) -> tuple[Choice, dict[str, Any]]:
    """What help shows: the chosen parts, and the default of each option, by flat name.

    Where neither an option nor the data set tells the size of the images, which decides the networks, they are looked at; where
    they cannot be had, the model's own networks are shown.
    """
    height = _height(choose(model, data, given))
    choice = choose(model, data, given, height)
    parts = ("encoder", "decoder", "likelihood")
    plain = choose(model, data, {name: value for name, value in given.items() if name not in parts}, height)
    measured = tuned(model, data, {name: given[name] for name in ("epochs",) if name in given})
    unset = {name: measured.get(name, spec.default) for name, spec in options_of(Settings).items()}
    recipe = choice.recipe(choice.resolved(networks=False)["rate"])
    defaults = {option: choice.default(option, spec) for option, (_, spec) in choice.flat.items()}
    defaults |= {part: plain.names[part] for part in parts} | settings_of(recipe, unset)
    if "epochs" not in given:
        steps = unset["steps"] or recipe.steps
        defaults |= {"steps": steps, **_intervals(unset, given.get("steps") or steps)}
    return choice, defaults


def _height(choice: Choice) -> int | None:
    """Height of the images; None where they cannot be had.

    Where nothing declares it, the head of their file is read, or they are loaded.
    """
    data = choice.names["data"]
    if (height := _declared_height(data, choice.options)) is not None:
        return height
    options, of_file = choice.resolved(networks=False)["data"], datasets[data].details.get("height")
    try:
        return int(of_file(options)) if callable(of_file) else load_known(data, options)[0].shape[1]
    except UnbraidError:
        return None
