"""The parts of a run that a user chooses, and the flat names of their options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import torch

from unbraid.config.settings import Settings
from unbraid.data.registry import datasets
from unbraid.distributions.registry import likelihoods
from unbraid.errors import IncompatibleParts
from unbraid.nn.registry import Shape, decoders, encoders
from unbraid.nn.vae import VAE
from unbraid.objectives.elbo import reconstruction_and_rates
from unbraid.options import OptionSpec, options_of
from unbraid.phrases import in_words
from unbraid.rates.choosing import rate_choice
from unbraid.registry import Registry
from unbraid.terms import Context, Rate
from unbraid.zoo.recipe import STAND_INS, Recipe
from unbraid.zoo.registry import models

PARTS: Mapping[str, Registry] = {
    "model": models,
    "data": datasets,
    "encoder": encoders,
    "decoder": decoders,
    "likelihood": likelihoods,
    "rate": rate_choice,
}
PREFIXED = ("encoder", "decoder")
"""Options of these parts carry the part's name (`--encoder-width`), since both may have one of the same name; those of other
parts do where their own name is taken."""
RESERVED = frozenset(
    {"model", "data", "out", "device", "extend", "overwrite", "config", "evaluate_images", "report", "monitor", "progress"}
    | {"track", "budget"}
)
"""Names that mean something else to `unbraid train` or to `unbraid.train`."""


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


def every_option() -> dict[str, OptionSpec]:
    """All flat option names that any choice of parts may have, each with one of the options that bear it."""
    found: dict[str, OptionSpec] = {}
    for part, registry in PARTS.items():
        for entry in registry:
            for option, spec in entry.options.items():
                for flat in (f"{part}_{option}",) if part in PREFIXED else (option, f"{part}_{option}"):
                    found.setdefault(flat, spec)
    return found


def whose(flat: str) -> str:
    """Which other parts have an option of this flat name, in words; empty where none has it.

    >>> whose("gamma_r")
    'It is an option of the models soft_intro_tcvae and soft_intro_vae.'
    >>> whose("gama")
    ''
    """
    told = []
    for part, registry in PARTS.items():
        if part in PREFIXED and not flat.startswith(f"{part}_"):
            continue
        names = [entry.name for entry in registry if {flat, flat.removeprefix(f"{part}_")} & entry.options.keys()]
        if names:
            told.append(f"of the {registry.kind}{'s' * (len(names) > 1)} {in_words(sorted(names))}")
    return f"It is an option {', and '.join(told)}." if told else ""


def recipe_of(model: str, options: Mapping[str, Any]) -> Recipe:
    """The recipe of a model with those of the options that are its own, checked."""
    own = models[model].options
    recipe: Recipe = models[model].factory(**{k: own[k].check(v, f"model {model!r}") for k, v in options.items() if k in own})
    return recipe


def choose_parts(recipe: Recipe, model: str, data: str, options: Mapping[str, Any], height: int | None) -> dict[str, str]:
    """The names of all parts: those given, else the model's own.

    For images of some heights, other networks take the place of the model's own.
    """
    stand_ins = next((found for n, found in STAND_INS.items() if n == height), {})
    own = {part: getattr(recipe, part) for part in ("encoder", "decoder", "likelihood")}
    chosen = {part: options.get(part) or stand_ins.get(name, name) for part, name in own.items()}
    names = {"model": model, "data": data, **chosen, "rate": options.get("rate") or ""}
    return {part: PARTS[part][str(name)].name for part, name in names.items()}  # unknown names end here, with a suggestion


def with_rates(model: str, recipe: Recipe, names: str, options: Mapping[str, Any]) -> Recipe:
    """The recipe of a model with chosen rates in the place of its KL; the same where none are named.

    Raises `IncompatibleParts` for a model whose rates are its own, since its options would weigh what is no longer there, and
    for an objective that these do not fit.
    """
    if not names:
        return recipe
    if not models[model].details.get("any_rates"):
        others = ", ".join(entry.name for entry in models if entry.details.get("any_rates"))
        raise IncompatibleParts(f"--rate: {model!r} has rates of its own. Models that take any: {others}.")
    chosen = rate_choice[names]
    objective = replace(cast(Any, recipe.objective), rates=chosen.factory(**options))
    return replace(recipe, objective=objective, least_batch=max(recipe.least_batch, chosen.least_batch))


def try_rates(vae: VAE, rates: tuple[Rate, ...], image_shape: Shape, n_data: int) -> None:
    """Evaluate rates once, on blank images, so that those that do not fit raise their errors early.

    That may be because of the model or of each other.
    """
    noise = torch.Generator().manual_seed(0)
    with torch.no_grad():
        made = vae.eval()(torch.zeros(2, *image_shape), noise)
        reconstruction_and_rates(made, rates, Context(0, 1, n_data, noise, training=False))
