"""The configuration of a run: everything needed to repeat it, every default filled in."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import lru_cache
from typing import Any

import torch

from unbraid.config.parts import PARTS, part_options, with_rates
from unbraid.config.settings import Settings
from unbraid.data.dataset import JOINT, Dataset, addressed, load_dataset, shown_name
from unbraid.data.digest import digest_of
from unbraid.data.grids.options import PRESENTATION
from unbraid.data.joint import is_function
from unbraid.data.own_data import stamp
from unbraid.data.registry import datasets
from unbraid.data.storage import ValueRange
from unbraid.errors import CorruptFile, UsageError
from unbraid.former_names import ADDED, ADDED_TO, DEFAULTS, NAMES, OPTIONS, renamed
from unbraid.nn.registry import Shape
from unbraid.nn.vae import VAE
from unbraid.options import options_of, resolve
from unbraid.records import as_record
from unbraid.zoo.assemble import assemble
from unbraid.zoo.recipe import Recipe
from unbraid.zoo.registry import models

FORMAT = 1
BESIDE = frozenset({"format", "extend", "step", "sha256"})
"""Fields of `config.json` that say something else than the experiment."""
MOST_PIXELS = 4096
"""Along each side of an image."""
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
    lr: int | float  # JSON writes 1.0 as 1
    weight_decay: int | float
    precision: str
    checkpoint_every: int
    keep_checkpoints: int
    evaluate_every: int
    log_every: int
    rate: str = ""
    """Rates in the place of the model's KL, joined by commas; empty for the model's own."""
    rate_options: Mapping[str, Any] = field(default_factory=dict)
    data_digest: str = ""
    """Of the content of own data (`digest_of`); empty for other data sets, whose name says what they hold."""
    value_range: ValueRange | None = None
    """The numbers in which the images of such data were given; None for other data sets, and in runs of earlier versions."""

    @property
    def name(self) -> str:
        """A name for the run folder: readable, and different for different experiments.

        It does not depend on the content of files, so that the same command finds its run and notices that they changed.
        """
        content = self.to_dict()
        if datasets[self.data].details.get("paths"):
            content.pop("data_digest", None)
        content.pop("value_range", None)
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:6]
        return f"{self.model}-{self.data}-seed{self.seed}-{digest}"

    def recipe(self) -> Recipe:
        """The model's recipe with the parts and settings of this run."""
        own: Recipe = models[self.model].factory(**self.model_options)
        made = with_rates(self.model, own, self.rate, self.rate_options)
        optimizer = replace(made.optimizer, name=self.optimizer, lr=self.lr, weight_decay=self.weight_decay)
        return replace(made, encoder=self.encoder, decoder=self.decoder, likelihood=self.likelihood, optimizer=optimizer)

    def outline(self) -> VAE:
        """The model with names, types and shapes of its weights, but no memory for them.

        Call it before `build` for a configuration that was not built before.

        Raises `IncompatibleParts` for parts that do not fit and `UsageError` for networks of more than `MOST_WEIGHTS` weights.
        """
        with torch.device("meta"):
            vae = self.build()
        size = sum(tensor.numel() for tensor in vae.state_dict().values())
        if size > MOST_WEIGHTS:
            raise UsageError(
                f"The networks for images of shape {self.image_shape} and {self.latent_dim} latents would have {size:,} "
                f"weights; allowed: {MOST_WEIGHTS:,}. Give a smaller --latent-dim, narrower networks or smaller images."
            )
        return vae

    def build(self) -> VAE:
        """The model with its initial weights."""
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
            given: the data set if it was given in Python, or its current location, like "npz:PATH"; by default the recorded
                one.

        Raises `UsageError` for data of another shape or content.
        """
        if isinstance(given, Dataset):
            dataset, digest = given, digest_of(given) if self.data_digest else ""
        else:
            name, place = addressed(given, {}) if given else (self.data, {})
            if name != self.data:
                raise UsageError(
                    f"The run was trained on {self.data!r}, not on {name!r}. Leave the data set out: that of the run is taken."
                )
            dataset, digest = load_known(name, {**self.data_options, **place})
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

    def flat_options(self) -> dict[str, Any]:
        """The request that stands for this experiment: parts, their options by flat name, and settings."""
        flat: dict[str, Any] = {part: getattr(self, part) for part in PARTS}
        for name, (part, spec) in part_options(flat).items():
            flat[name] = getattr(self, f"{part}_options")[spec.name]
        return flat | {name: getattr(self, name) for name in options_of(Settings) if hasattr(self, name)}

    def to_dict(self) -> dict[str, Any]:
        """As written to `config.json`."""
        content = {"format": FORMAT, **asdict(self)}
        content["image_shape"] = list(self.image_shape)
        content["data_options"] = _told(self.data, self.data_options)
        absent = ([] if self.data_digest else ["data_digest"]) + ([] if self.rate else ["rate", "rate_options"])
        absent += [] if self.value_range else ["value_range"]
        return {name: value for name, value in content.items() if name not in absent}

    def identity(self) -> dict[str, Any]:
        """The fields by which two runs are the same run.

        The path of the data and the range of their values are left out where a digest tells their content.
        """
        content = self.to_dict()
        content.pop("value_range", None)
        paths = _paths(self.data) if self.data_digest else ()
        content["data_options"] = {name: value for name, value in content["data_options"].items() if name not in paths}
        return content

    @property
    def images(self) -> tuple[Any, ...]:
        """Equal for runs on the same images and splits, in whatever order training sees them."""
        options = {name: value for name, value in self.identity()["data_options"].items() if name not in PRESENTATION}
        return self.data, options, tuple(self.image_shape), self.data_digest

    def digest(self) -> str:
        """SHA-256 of `identity`, by which files made from a run say which run it was.

        It stays the same for a run whose data moved.
        """
        return hashlib.sha256(json.dumps(self.identity(), sort_keys=True).encode()).hexdigest()

    def portable(self) -> Experiment:
        """The same with paths relative to the folder that holds all of them.

        Files that are passed on hold these, and no path of this machine.
        """
        given = {name: self.data_options[name] for name in _paths(self.data) if self.data_options[name]}
        if not given:
            return self
        above = os.path.commonpath([os.path.dirname(path) for path in given.values()])  # noqa: PTH120
        return replace(self, data_options={**self.data_options, **{n: os.path.relpath(p, above) for n, p in given.items()}})

    def notes(self, dataset: Dataset) -> list[str]:
        """What to know before training: how the data were read, and what their kind asks for."""
        found = list(dataset.notes)
        if dataset.shape[0] == 3 and self.data_digest and self.likelihood == "bernoulli":
            found.append(
                "The likelihood of these color images is Bernoulli, which takes values between 0 and 1 for probabilities. For "
                "photographs consider --likelihood gaussian_learned; see unbraid list likelihoods."
            )
        return found

    @property
    def data_name(self) -> str:
        """What to call the data set: its given name, that of its file or folder, or its registered name."""
        return shown_name(self.data, self.data_options)

    @property
    def address(self) -> str:
        """The data set as a user names it: "ellipses", "npz:PATH"."""
        paths = _paths(self.data)
        place = self.data_options[paths[0]] if paths else None
        return f"{self.data}:{place}" if place else self.data

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], where: str = "config.json") -> Experiment:
        """An experiment read back, with every value checked as if it had just been given.

        Former names become today's.

        Raises `CorruptFile` for content that is not a configuration of this version, and what `plan` raises for values.
        """
        if type(content.get("format")) is not int or content["format"] != FORMAT:
            raise CorruptFile(f"{where} has format {content.get('format')!r}; this version of unbraid reads {FORMAT}.")
        names = {field.name for field in fields(cls)}
        content = {"data_digest": "", "rate": "", "rate_options": {}, "value_range": None, **content}
        given = set(content) - BESIDE
        if given != names:
            missing, extra = sorted(names - given), sorted(given - names)
            raise CorruptFile(f"{where} is not a configuration: missing {missing or 'nothing'}, unknown {extra or 'nothing'}.")
        shape = content["image_shape"]
        if type(shape) is not list or len(shape) != 3 or not all(type(n) is int and 1 <= n <= MOST_PIXELS for n in shape):
            raise CorruptFile(
                f"{where}: image_shape is {shape!r}; it must be a list [channels, height, width] of whole numbers from 1 to "
                f"{MOST_PIXELS:,}."
            )
        read = as_record({name: content[name] for name in names}, cls, where)
        if read.value_range and not 0 < read.value_range.white - read.value_range.black < math.inf:
            raise CorruptFile(f"{where}: value_range is {content['value_range']}; black must be below white, and both finite.")
        checked: dict[str, Any] = {}
        for part, registry in PARTS.items():
            checked[part] = ",".join(NAMES.get(name, name) for name in getattr(read, part).split(","))
            options = renamed(getattr(read, f"{part}_options"), OPTIONS)
            options |= {
                name: DEFAULTS[name] for name in DEFAULTS.keys() & registry[checked[part]].options.keys() - options.keys()
            }
            checked[f"{part}_options"] = registry[checked[part]].resolve(options)
        settings = {name: getattr(read, name) for name in options_of(Settings) if name in names and name not in PARTS}
        checked |= {name: value for name, value in resolve(Settings, settings, where).items() if name in settings}
        if read.n_train < read.batch_size:
            raise CorruptFile(f"{where}: n_train is {read.n_train}, less than batch_size.")
        return replace(read, **checked)


def _told(data: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a data set without those of a later version that are not given."""
    added = (*ADDED, *ADDED_TO.get(data, ()))
    return {name: value for name, value in options.items() if not (name in added and value is None)}


def _paths(data: str) -> tuple[str, ...]:
    """Those options of a data set that are paths, the first of them where it lies."""
    paths: tuple[str, ...] = datasets[data].details.get("paths", ())
    return paths


def load_known(name: str, options: Mapping[str, Any]) -> tuple[Dataset, str]:
    """A data set and the digest of its content, which is empty where its name says what it holds.

    What a function of a module draws is not told by its name.
    """
    files = datasets[name].details.get("files")
    return _kept(name, tuple(options.items()), stamp(files(options)) if files else None)


@lru_cache(maxsize=1)  # the stages of one command share the data set, until files of it change
def _kept(name: str, options: tuple[tuple[str, Any], ...], files: tuple[object, ...] | None) -> tuple[Dataset, str]:
    dataset = load_dataset(name, **dict(options))
    told = files is None and not is_function(dict(options).get(JOINT))
    return dataset, "" if told else digest_of(dataset)
