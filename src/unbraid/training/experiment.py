"""The configuration of a run: everything needed to repeat it, every default filled in."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from typing import Any

import torch

from unbraid.data.arrays import IN_PYTHON
from unbraid.data.dataset import Dataset, addressed, datasets, load_dataset
from unbraid.data.digest import digest_of
from unbraid.data.draws import steps_per_epoch
from unbraid.data.own_data import stamp
from unbraid.distributions.interfaces import likelihoods
from unbraid.errors import CorruptFile, UnknownName, UsageError
from unbraid.nn.interfaces import Shape, decoders, encoders
from unbraid.nn.vae import VAE
from unbraid.options import OptionSpec, options_of, resolve
from unbraid.registry import Registry
from unbraid.training.settings import Settings
from unbraid.zoo.assemble import assemble
from unbraid.zoo.recipe import STAND_INS, Optimiser, Recipe, models, tuned

FORMAT = 1
MOST_WEIGHTS = 1_000_000_000
"""Numbers in all networks together: 4 GB, and three times that while they are trained."""


@dataclass(frozen=True)
class Experiment:
    """What `config.json` holds. Make one with `plan`; two runs with equal experiments are the same run."""

    model: str
    model_options: Mapping[str, Any]
    data: str
    data_options: Mapping[str, Any]
    image_shape: Shape
    n_train: int
    encoder: str
    encoder_options: Mapping[str, Any]
    decoder: str
    decoder_options: Mapping[str, Any]
    likelihood: str
    likelihood_options: Mapping[str, Any]
    latent_dim: int
    batch_size: int
    steps: int
    seed: int
    optimizer: str
    lr: float
    weight_decay: float
    precision: str
    checkpoint_every: int
    keep_checkpoints: int
    evaluate_every: int
    log_every: int
    data_digest: str = ""
    """Of the content of data of the user's own (`digest_of`); empty for other data sets, whose name says what they hold."""

    @property
    def name(self) -> str:
        """A name for the run folder: readable, and different for different experiments.

        It does not depend on the content of files, so that the same command finds its run and notices that they changed.
        """
        content = self.to_dict()
        if datasets[self.data].details.get("paths"):
            content.pop("data_digest", None)
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:6]
        return f"{self.model}-{self.data}-seed{self.seed}-{digest}"

    def recipe(self) -> Recipe:
        """The model's recipe with the parts and settings of this run."""
        made: Recipe = models[self.model].factory(**self.model_options)
        optimiser = Optimiser(self.optimizer, self.lr, made.optimiser.betas, self.weight_decay)
        return replace(made, encoder=self.encoder, decoder=self.decoder, likelihood=self.likelihood, optimiser=optimiser)

    def build(self) -> VAE:
        """The model with its initial weights.

        Raises `UsageError` for networks of more than `MOST_WEIGHTS` numbers, before memory is taken for them.
        """
        with torch.device("meta"):  # shapes alone
            size = sum(tensor.numel() for tensor in self._assembled().state_dict().values())
        if size > MOST_WEIGHTS:
            raise UsageError(
                f"The networks for images of shape {self.image_shape} and {self.latent_dim} latents would have {size:,} "
                f"weights; allowed: {MOST_WEIGHTS:,}. Give a smaller --latent-dim, narrower networks or smaller images."
            )
        return self._assembled()

    def _assembled(self) -> VAE:
        return assemble(
            self.recipe(),
            self.image_shape,
            self.latent_dim,
            seed=self.seed,
            encoder_options=self.encoder_options,
            decoder_options=self.decoder_options,
            likelihood_options=self.likelihood_options,
        )

    def load_data(self, given: Dataset | str | None = None) -> Dataset:
        """The data set, checked to be the one the run was made for.

        Args:
            given: the data set where it was given in Python, or where it lies by now, like "npz:PATH"; None looks where it lay.

        Raises `UsageError` for data of another shape or content.
        """
        if isinstance(given, Dataset):
            dataset, digest = given, digest_of(given) if self.data_digest else ""
        else:
            name, place = addressed(given, {}) if given else (self.data, {})
            if name != self.data:
                raise UsageError(f"The run was trained on {self.data!r}, not on {name!r}.")
            dataset, digest = _loaded(name, {**self.data_options, **place})
        if digest != self.data_digest:
            raise UsageError(
                f"These are not the data the run was trained on: the digest of the images, labels and factors was "
                f"{self.data_digest} and is {digest}. Put the former data back, or train on the new ones: unbraid train. "
                "To score the run on other data, in Python: unbraid.load(RUN).evaluate(data)."
            )
        n_train = len(dataset) - len(dataset.test)
        if dataset.shape != self.image_shape or n_train != self.n_train:
            raise UsageError(
                f"The run was made for {self.n_train} training images of shape {self.image_shape}; "
                f"{self.data!r} now has {n_train} of shape {dataset.shape}."
            )
        return dataset

    def to_dict(self) -> dict[str, Any]:
        """As written to `config.json`."""
        content = {"format": FORMAT, **asdict(self)}
        content["image_shape"] = list(self.image_shape)
        if not self.data_digest:
            del content["data_digest"]
        return content

    def identity(self) -> dict[str, Any]:
        """What makes this run this run: all but where its data lie, if their content is known."""
        content = self.to_dict()
        paths = _paths(self.data) if self.data_digest else ()
        content["data_options"] = {name: value for name, value in self.data_options.items() if name not in paths}
        return content

    def portable(self) -> Experiment:
        """The same with paths relative to the folder that holds all of them: what others may see of this machine."""
        given = {name: self.data_options[name] for name in _paths(self.data) if self.data_options[name]}
        if not given:
            return self
        above = os.path.commonpath([os.path.dirname(path) for path in given.values()])  # noqa: PTH120
        return replace(self, data_options={**self.data_options, **{n: os.path.relpath(p, above) for n, p in given.items()}})

    @property
    def address(self) -> str:
        """The data set as a user names it: "ellipses", "npz:PATH"."""
        paths = _paths(self.data)
        place = self.data_options[paths[0]] if paths else None
        return f"{self.data}:{place}" if place else self.data

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], where: str = "config.json") -> Experiment:
        """An experiment read back, with every value checked as if it had just been given.

        Raises `CorruptFile` for content that is not a configuration of this version, and what `plan` raises for values.
        """
        content = {"data_digest": "", **content}
        names = {field.name for field in fields(cls)}
        given = set(content) - {"format", "extend", "step", "sha256"}
        if type(content.get("format")) is not int or content["format"] != FORMAT:
            raise CorruptFile(f"{where} has format {content.get('format')!r}; this version of unbraid reads {FORMAT}.")
        if given != names:
            missing, extra = sorted(names - given), sorted(given - names)
            raise CorruptFile(f"{where} is not a configuration: missing {missing or 'nothing'}, unknown {extra or 'nothing'}.")
        for name, value in content.items():
            expected = _JSON_TYPES.get(name, str)
            if name in names and (not isinstance(value, expected) or isinstance(value, bool)):
                raise CorruptFile(f"{where}: {name} is {value!r}; it must be {_words(expected)}.")
        shape = content["image_shape"]
        if len(shape) != 3 or not all(type(n) is int and 1 <= n <= 4096 for n in shape):
            raise CorruptFile(f"{where}: image_shape is {shape!r}; it must be [channels, height, width].")
        checked = dict(content)
        for part, registry in PARTS.items():
            checked[f"{part}_options"] = registry[content[part]].resolve(content[f"{part}_options"])
        settings = {name: content[name] for name in options_of(Settings) if name in names}
        checked.update(resolve(Settings, settings, where))
        if content["n_train"] < content["batch_size"]:
            raise CorruptFile(f"{where}: n_train is {content['n_train']}, less than batch_size.")
        return cls(**{**{name: checked[name] for name in names}, "image_shape": tuple(shape)})


PARTS: Mapping[str, Registry] = {
    "model": models,
    "data": datasets,
    "encoder": encoders,
    "decoder": decoders,
    "likelihood": likelihoods,
}
PREFIXED = ("encoder", "decoder")
"""Options of these parts carry the part's name (`--encoder-width`), since both may have one of the same name; those of other
parts do where their own name is taken."""
RESERVED = frozenset(
    {"model", "data", "out", "device", "extend", "overwrite", "config", "evaluate_images", "report", "monitor"}
)
"""Names that mean something else to `unbraid train` or to `unbraid.train`."""

_INTEGERS = ("n_train", "latent_dim", "batch_size", "steps", "seed", "checkpoint_every", "keep_checkpoints")
_JSON_TYPES: Mapping[str, Any] = {
    **{f"{part}_options": dict for part in PARTS},
    **dict.fromkeys((*_INTEGERS, "evaluate_every", "log_every"), int),
    "lr": (int, float),
    "weight_decay": (int, float),
    "image_shape": list,
}


def _words(kind: Any) -> str:
    return {dict: "an object", int: "a whole number", list: "a list", str: "text"}.get(kind, "a number")


def _paths(data: str) -> tuple[str, ...]:
    """Those options of a data set that are paths, the first of them where it lies."""
    paths: tuple[str, ...] = datasets[data].details.get("paths", ())
    return paths


def _loaded(name: str, options: Mapping[str, Any]) -> tuple[Dataset, str]:
    """A data set and the digest of its content, which is empty where its name says what it holds."""
    files = datasets[name].details.get("files")
    return _kept(name, tuple(options.items()), stamp(files(options)) if files else None)


@lru_cache(maxsize=1)  # the stages of one command share the data set, until files of it change
def _kept(name: str, options: tuple[tuple[str, Any], ...], files: tuple[object, ...] | None) -> tuple[Dataset, str]:
    dataset = load_dataset(name, **dict(options))
    return dataset, "" if files is None else digest_of(dataset)


def part_options(names: Mapping[str, str]) -> dict[str, tuple[str, OptionSpec]]:
    """Flat option names of the chosen parts, each with the part it belongs to.

    Args:
        names: the chosen parts, {"model": "beta_vae", "data": "ellipses", ...}.
    """
    taken = RESERVED | set(options_of(Settings))
    flat: dict[str, tuple[str, OptionSpec]] = {}
    for part, name in names.items():
        for option, spec in PARTS[part][name].options.items():
            plain = part not in PREFIXED and option not in taken and option not in flat
            flat[option if plain else f"{part}_{option}"] = (part, spec)
    return flat


def recipe_of(model: str, options: Mapping[str, Any]) -> Recipe:
    """The recipe of a model with those of the options that are its own, checked."""
    own = models[model].options
    recipe: Recipe = models[model].factory(**{k: own[k].check(v, f"model {model!r}") for k, v in options.items() if k in own})
    return recipe


def choose_parts(model: str, data: str, options: Mapping[str, Any]) -> dict[str, str]:
    """The names of all parts: those given, else the model's own, or what stands in for them on images of their size."""
    recipe = recipe_of(model, options)
    size = datasets[data].options.get("size")
    stand_ins = next((found for n, found in STAND_INS.items() if size and n == options.get("size", size.default)), {})
    own = {part: getattr(recipe, part) for part in ("encoder", "decoder", "likelihood")}
    chosen = {part: options.get(part) or stand_ins.get(name, name) for part, name in own.items()}
    names = {"model": model, "data": data, **chosen}
    for part, name in names.items():
        PARTS[part][str(name)]  # unknown names end here, with a suggestion
    return names


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
    own = recipe_of(model, options).part_options
    resolved: dict[str, dict[str, Any]] = {part: {} for part in names}
    for option, (part, spec) in flat.items():
        default = own.get(option, spec.default)
        resolved[part][spec.name] = spec.check(options.get(option, default), f"{PARTS[part].kind} {names[part]!r}")
    recipe: Recipe = models[model].factory(**resolved["model"])

    dataset, digest = _loaded(data, resolved["data"]) if made is None else (made, digest_of(made))
    batch_size = settings["batch_size"] or recipe.batch_size
    if batch_size < recipe.least_batch:
        raise UsageError(f"--batch-size is {batch_size}; {model!r} compares images of a batch: at least {recipe.least_batch}.")
    per_epoch = steps_per_epoch(dataset, batch_size)
    if settings["steps"] and settings["epochs"]:
        raise UsageError("Give --steps or --epochs, not both.")
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
        optimizer=settings["optimizer"] or recipe.optimiser.name,
        lr=settings["lr"] or recipe.optimiser.lr,
        weight_decay=recipe.optimiser.weight_decay if settings["weight_decay"] is None else settings["weight_decay"],
        precision=settings["precision"],
        checkpoint_every=settings["checkpoint_every"] or max(1, steps // 10),
        keep_checkpoints=settings["keep_checkpoints"],
        evaluate_every=settings["evaluate_every"],
        log_every=settings["log_every"] or max(1, steps // 100),
        data_digest=digest,
    )
    experiment.build()  # parts that do not fit are refused before anything is written
    return experiment, dataset
