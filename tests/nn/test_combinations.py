"""Which parts go together: docs/combinations.md is made from the registries, and what it allows is run.

`python tests/nn/test_combinations.py` writes the page anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from unbraid.data.dataset import Dataset, grid_dataset
from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.storage import ByteImages
from unbraid.distributions.registry import likelihoods
from unbraid.errors import IncompatibleParts, UsageError
from unbraid.nn.registry import decoders, encoders
from unbraid.randomness import seeded_construction
from unbraid.registry import Registry
from unbraid.terms import Context, Draw
from unbraid.training.optimizers import make_optimizers
from unbraid.training.step import train_step
from unbraid.zoo.assemble import assemble
from unbraid.zoo.registry import models

PAGE = Path(__file__).parents[2] / "docs" / "combinations.md"
REWRITE = "python tests/nn/test_combinations.py"
Shape = tuple[int, int, int]
SIZES = (28, 32, 64, 128)
CHANNELS = (1, 3)
LATENTS = 3

INTRODUCTION = f"""# Which parts go together

Any encoder goes with any decoder, likelihood and model where both networks take the images. Each model is one composition
of rates; `vae`, `sbd_vae`, `factor_vae` and `soft_intro_vae` take others too (`--rate kl,dip_ii`), which are tried on the
model before a run begins.

`{REWRITE}` makes this page from what is registered. `make test` checks that it is up to date, and trains a
step of every likelihood with every model, and of every encoder and every decoder with every model and every likelihood, at
32 x 32 pixels (the others in turns), and of every encoder with every decoder at 28 x 28 and 64 x 64.

A cell holds what is taken (numbers of channels, or yes), or the number of the message that refuses, below. The column of
other sizes was tried on 50 x 41; where none is taken, the message is alike.
"""


def ours(registry: Registry) -> list[str]:
    """Names of what this package registers; tests and plugins may have added others."""
    return [entry.name for entry in registry if entry.factory.__module__.startswith("unbraid.")]


@cache
def random_images(shape: Shape) -> Dataset:
    """Noise, under two factors for objectives that draw by factors."""
    space = FactorSpace((Factor("a", tuple(map(float, range(8)))), Factor("b", tuple(map(float, range(8))))))
    images = np.random.default_rng(0).integers(0, 256, (64, *shape), dtype=np.uint8)
    return grid_dataset("noise", ByteImages(images), space, test_share=0.25)


def narrow(registry: Registry, name: str) -> dict[str, Any]:
    """Options that make a network small, where it has them: what is tested does not depend on widths."""
    small = {int: 8, float: 0.25}
    options = registry[name].options
    narrowed = ("width", "hidden", "channels", "discriminator_width")
    return {option: small[options[option].type] for option in narrowed if option in options}


def play(
    encoder: str | None = None,
    decoder: str | None = None,
    likelihood: str | None = None,
    model: str = "vae",
    shape: Shape = (1, 32, 32),
) -> None:
    """Build a combination and train one step: every value is finite, and everything that can learn does."""
    recipe = models[model].factory(**narrow(models, model))
    chosen = {"encoder": encoder, "decoder": decoder, "likelihood": likelihood}
    recipe = replace(recipe, **{part: name for part, name in chosen.items() if name})
    vae = assemble(
        recipe,
        shape,
        LATENTS,
        seed=0,
        encoder_options=narrow(encoders, recipe.encoder),
        decoder_options=narrow(decoders, recipe.decoder),
    )
    data = random_images(shape)
    batches = recipe.objective.draws.indices(data, max(4, recipe.least_batch), 0, 0)
    draw = Draw(tuple(torch.from_numpy(data.images.floats(index)) for index in batches))
    context = Context(3, 10, 48, torch.Generator().manual_seed(0))
    before = {player: [p.detach().clone() for p in vae.parameters_of(player)] for player in vae.players}
    for outcome in train_step(vae, recipe.objective, make_optimizers(vae, recipe), draw, context):
        assert all(value.isfinite().all() for value in outcome.values.values())
    for player, values in before.items():
        assert all(not torch.equal(old, new) for old, new in zip(values, vae.parameters_of(player), strict=True)), player


def build(registry: Registry, name: str, shape: Shape) -> torch.nn.Module:
    """A network for a shape, to see whether it takes it: nothing is allocated."""
    with seeded_construction(0), torch.device("meta"):
        factory = registry[name].factory
        return factory(shape, 2 * LATENTS) if registry is encoders else factory(LATENTS, shape)


def takes(registry: Registry, name: str, shape: Shape) -> bool:
    try:
        build(registry, name, shape)
    except IncompatibleParts:
        return False
    return True


class Refusals:
    """Messages of refused cells, each numbered once."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def cell(self, taken: str, attempt: Callable[..., Any], *arguments: Any) -> str:
        """What a cell shows: `taken`, or the number of the message."""
        try:
            attempt(*arguments)
        except UsageError as refusal:
            if str(refusal) not in self.messages:
                self.messages.append(str(refusal))
            return f"[{self.messages.index(str(refusal)) + 1}]"
        return taken


def table(corner: str, columns: Iterable[str], rows: Iterable[tuple[str, Iterable[str]]]) -> str:
    head = [corner, *columns]
    lines = [head, ["---"] * len(head), *([f"`{name}`", *cells] for name, cells in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def by_size(registry: Registry, refusals: Refusals) -> str:
    def cell(name: str, size: int) -> str:
        cells = [refusals.cell(str(n), build, registry, name, (n, size, size)) for n in CHANNELS]
        return ", ".join(dict.fromkeys(cells))

    def row(name: str) -> list[str]:
        return [*(cell(name, size) for size in SIZES), "any" if takes(registry, name, (1, 50, 41)) else "none"]

    rows = ((name, row(name)) for name in ours(registry))
    return table(registry.kind, [*(f"{size} x {size}" for size in SIZES), "others"], rows)


def by_likelihood(registry: Registry, refusals: Refusals) -> str:
    def attempt(name: str, likelihood: str) -> None:
        play("golla", "golla", likelihood, name) if registry is models else play("golla", name, likelihood)

    names = ours(likelihoods)
    rows = ((name, [refusals.cell("yes", attempt, name, likelihood) for likelihood in names]) for name in ours(registry))
    return table(registry.kind, [f"`{name}`" for name in names], rows)


def page() -> str:
    refusals = Refusals()
    sections = [
        ("Encoders and images", by_size(encoders, refusals)),
        ("Decoders and images", by_size(decoders, refusals)),
        ("Decoders and likelihoods", by_likelihood(decoders, refusals)),
        ("Models and likelihoods", by_likelihood(models, refusals)),
    ]
    messages = "".join(f"{i}. {message}\n" for i, message in enumerate(refusals.messages, start=1))
    body = "\n".join(f"## {title}\n\n{content}" for title, content in [*sections, ("Messages", messages)])
    return f"{INTRODUCTION}\n{body}"


def networks(size: int) -> list[list[str]]:
    """The encoders and the decoders that take a size."""
    return [[name for name in ours(registry) if takes(registry, name, (1, size, size))] for registry in (encoders, decoders)]


ENCODERS, DECODERS = networks(32)


@cache
def go_together(model: str, likelihood: str) -> bool:
    """Whether a model takes a likelihood; where it does not, the page shows why."""
    try:
        play("golla", "golla", likelihood, model)
    except IncompatibleParts:
        return False
    return True


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_encoder_trains_with_every_likelihood_and_with_every_model(encoder):
    turn, named = ENCODERS.index(encoder), ours(likelihoods)
    for place, model in enumerate(ours(models)):
        likelihood = named[(turn + place) % len(named)]
        if go_together(model, likelihood):
            play(encoder, DECODERS[(turn + place) % len(DECODERS)], likelihood, model)


@pytest.mark.parametrize("decoder", DECODERS)
def test_every_decoder_trains_with_every_likelihood_and_with_every_model(decoder):
    turn, named = DECODERS.index(decoder), ours(likelihoods)
    for place, model in enumerate(ours(models)):
        likelihood = named[place % len(named)]
        if go_together(model, likelihood):
            play(ENCODERS[(turn + place) % len(ENCODERS)], decoder, likelihood, model)


@pytest.mark.parametrize(("size", "channels"), [(28, 3), (64, 1)])
def test_every_encoder_trains_with_every_decoder(size, channels):
    both = networks(size)
    assert all({"golla", "koller", "mlp"} <= set(names) for names in both)
    for encoder, decoder in product(*both):
        play(encoder, decoder, shape=(channels, size, size))


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(), f"write it anew: {REWRITE}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
