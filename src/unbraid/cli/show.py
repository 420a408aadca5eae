"""unbraid show NAME"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from unbraid.cli.arguments import options_of_any
from unbraid.cli.parse import Argument, HelpShown, Words, checked, option, positional, read
from unbraid.errors import IncompatibleParts, UnknownName, UsageError
from unbraid.options import Option

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from torch import nn

    from unbraid.nn.registry import Shape
    from unbraid.registry import Entry
    from unbraid.zoo.recipe import Optimizer, Recipe

NETWORKS = ("encoder", "decoder")
_ARGUMENTS = (
    positional("name", "a model, data set, network, likelihood, metric, figure or study", required=True),
    option("image_shape", str, None, "channels,height,width for layers, like 3,64,64; by default one that fits", "Layers"),
    option(
        "latent_dim",
        int,
        None,
        Option("number of latents for layers; default: the model's own, or 10", ge=1, le=10_000),
        "Layers",
    ),
)
_PARTS = tuple(
    option(part, str, None, f"show layers with this {part}, see `unbraid list {part}s`", "Layers") for part in NETWORKS
)
_SHAPES = tuple((channels, size, size) for size in (64, 32, 28, 128) for channels in (1, 3))
"""Tried in this order where no shape is given."""


@dataclass(frozen=True)
class Request:
    """What the layers are wanted for."""

    shape: Shape | None = None
    latent_dim: int | None = None
    chosen: Mapping[str, Any] = field(default_factory=dict)

    def first_that_fits(self, build: Callable[[Shape], Any]) -> tuple[Shape, Any]:
        """What `build` makes of the shape that was given, or else of the first it takes."""
        shapes = _SHAPES if self.shape is None else (self.shape,)
        for shape in shapes[:-1]:
            try:
                return shape, build(shape)
            except IncompatibleParts:
                continue
        return shapes[-1], build(shapes[-1])


def run(tokens: list[str]) -> int:
    """Run the command; returns the exit code."""
    from unbraid.config.parts import every_option
    from unbraid.nn.registry import decoders, encoders

    if tokens[:1] == ["study"] and tokens[1:]:  # as in `unbraid study NAME`
        tokens = tokens[1:]
    networks = {flag: spec for flag, spec in every_option().items() if flag.startswith(tuple(f"{part}_" for part in NETWORKS))}
    possible = [Argument(spec, flag, "Any") for flag, spec in networks.items()]
    words = read("show", [*_ARGUMENTS, *_PARTS, *possible, *options_of_any([*encoders, *decoders])], tokens)
    found = _entries(words.given["name"]) if "name" in words.given else []
    arguments = [*_ARGUMENTS, *_part_arguments(found, words)]
    try:
        given = checked(
            words.at(words.given.get("name")), "Explain one thing: what it is, its options, where it comes from.", arguments
        )
    except HelpShown:
        return 0
    from unbraid.cli.console import out

    shape, latent_dim = given.pop("image_shape", None), given.pop("latent_dim", None)
    request = Request(_shape(shape) if shape else None, latent_dim, {k: v for k, v in given.items() if k != "name"})
    pages = [list(_explain(entry, request)) for entry in found]  # whole before any is printed: what is refused ends here
    for page in pages:
        for part in page:
            out.print(part)
    return 0


def _entries(name: str) -> list[Entry]:
    from unbraid.registries import REGISTRIES

    found = [registry[name] for registry in REGISTRIES.values() if name in registry]
    if not found:
        from unbraid.cli.list import KINDS
        from unbraid.cli.main import COMMANDS

        if name in COMMANDS:
            raise UsageError(f"{name} is a command; its help explains it: unbraid {name} --help")
        if name in KINDS:
            raise UsageError(f"{name} is a kind of thing; list them: unbraid list {name}. Then show one by its name.")
        known = {entry.name for registry in REGISTRIES.values() for entry in registry}
        near = get_close_matches(name, known, n=1, cutoff=0.5)
        hint = "" if near else "It names no model, data set, metric, network, figure or study."  # of which there are many
        raise UnknownName("name", name, known, see="unbraid list", hint=hint)
    return found


def _part_arguments(found: list[Entry], words: Words) -> Iterator[Argument]:
    """Options of the networks that are shown.

    Options of a model's networks are prefixed with the part's name, as in `unbraid train`.
    """
    from unbraid.config.parts import part_options

    for entry in found:
        if entry.kind == "model":
            yield from _PARTS
            names = {part: words.given.get(part) or getattr(entry.factory(), part) for part in NETWORKS}
            for flag, (part, spec) in part_options(names).items():
                yield Argument(spec, flag, f"{part.capitalize()} {names[part]}", owner=f"{part} {names[part]!r}")
    networks = [entry for entry in found if entry.kind in NETWORKS]
    # an encoder and a decoder of one name may have options of one name, with defaults of their own
    for entry in networks:
        for name, spec in entry.options.items():
            yield Argument(replace(spec, default=None), name, "Network", owner=f"{entry.kind} {entry.name!r}")


def _shape(text: str) -> tuple[int, int, int]:
    try:
        channels, height, width = (int(part) for part in text.split(","))
        if min(channels, height, width) < 1:
            raise ValueError
    except ValueError:
        raise UsageError(f"--image-shape is {text!r}; give channels,height,width, like 1,64,64.") from None
    return channels, height, width


def _readable(text: str) -> str:
    """A docstring for terminals of any width.

    LaTeX blocks and errors are left out, and each paragraph and item is on one line.
    """
    plain = re.sub(r"\n*\.\. math::.*?(?=\n\n(?! )|\Z)", "", text, flags=re.DOTALL)
    plain = re.sub(r":math:`([^`]*)`", r"\1", plain)
    paragraphs = [part for part in re.split(r"\n\s*\n", plain) if part.strip() and not part.startswith("Raises:")]
    whole = [re.sub(r"\s*\bRaises `[^`]*`.*?\.(?=\s|$)", "", _unwrapped(part), flags=re.DOTALL) for part in paragraphs]
    return "\n\n".join(part for part in whole if part)


def _unwrapped(paragraph: str) -> str:
    """A paragraph without its hard line breaks.

    Items of a list and of "Args:" keep their own lines; examples keep all of theirs.
    """
    if ">>>" in paragraph:
        return paragraph
    lines: list[str] = []
    for line in paragraph.splitlines():
        indent, above = _indent(line), _indent(lines[-1]) if lines else 0
        is_item = bool(lines) and (line.lstrip().startswith(("- ", "* ")) or lines[-1].endswith(":") or indent <= above != 0)
        if not lines or (is_item and (indent or line.lstrip().startswith(("- ", "* ")))):
            lines.append(line.rstrip())
        else:
            lines[-1] += f" {line.strip()}"
    return "\n".join(lines)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _explain(entry: Entry, request: Request) -> Iterator[RenderableType]:
    from rich.text import Text

    yield Text.assemble((entry.details.get("written", entry.name), "bold"), f"  ({entry.kind})\n")
    yield Text(_readable(inspect.cleandoc(entry.factory.__doc__ or "")) + "\n")
    yield from about(entry, request)


def about(entry: Entry, request: Request) -> Iterator[RenderableType]:
    """All that is shown beside name and docstring; the website makes its pages of it too."""
    from rich.text import Text

    if entry.kind == "metric":
        from unbraid.cli.show_metric import explain_metric

        yield from explain_metric(entry)
    elif entry.kind == "figure":
        from unbraid.cli.figure import explain_figure

        yield from explain_figure(entry)
    elif entry.kind == "study":
        from unbraid.cli.study import explain_study

        yield from explain_study(entry)
    elif "formula" in entry.details:
        yield Text.assemble(("Minimizes ", "bold"), f"{entry.details['formula']}\n")
    yield from _options(entry)
    yield from _tuned(entry)
    yield from _published(entry)
    yield from _origin(entry)
    if entry.kind == "model":
        yield from _layers_of_model(entry, request)
    elif entry.kind in NETWORKS:
        yield from _layers_of_network(entry, request)
    yield Text.assemble(("Source: ", "bold"), entry.source, "\n")


def _origin(entry: Entry) -> Iterator[RenderableType]:
    """Where a published data set comes from, on what terms, and how to get it."""
    from rich.text import Text

    origin = entry.details.get("origin")
    if origin is None:
        return
    facts = {"Home: ": origin.home, "License: ": origin.license, "Terms: ": origin.terms}
    if any(remote.urls for remote in origin.files):
        room = f"; {origin.room}" if origin.room else ""
        facts["Download: "] = f"unbraid download {entry.name} ({origin.size}{room})"
    for label, fact in facts.items():
        if fact:
            yield Text.assemble((label, "bold"), fact)
    yield Text(origin.steps + "\n")


def _options(entry: Entry) -> Iterator[RenderableType]:
    if not entry.options:
        return
    from unbraid.cli.layers import table

    options = table("Options", "option", "default", "allowed", "meaning")
    options.columns[0].no_wrap = True  # a flag is to be copied
    for name, spec in entry.options.items():
        flag = f"--{name.replace('_', '-')}" if entry.kind != "metric" else name  # whose options are arguments in Python
        options.add_row(flag, "" if spec.default is None else str(spec.default), spec.allowed, spec.option.help)
    yield options


def _published(entry: Entry) -> Iterator[RenderableType]:
    rows = entry.details.get("published", ())
    if not rows:
        return
    from unbraid.cli.layers import table

    settings = table("Published settings", "source", "data", "values", "note")
    for row in rows:
        settings.add_row(row.source, row.data, ", ".join(f"{k} {v}" for k, v in row.values.items()), row.note)
    yield settings


def _tuned(entry: Entry) -> Iterator[RenderableType]:
    from rich.text import Text

    measured = {f"Defaults measured on {data}": values for data, values in entry.details.get("tuned", {}).items()}
    for data, lengths in entry.details.get("budgets", {}).items():
        measured |= {f"--budget {length} on {data}": values for length, values in lengths.items()}
    for title, values in measured.items():
        said = ", ".join(f"{name} {value}" for name, value in values.items())
        yield Text.assemble((f"{title}: ", "bold"), said, "\n")


def _layers_of_model(entry: Entry, request: Request) -> Iterator[RenderableType]:
    from unbraid.cli.layers import parameters_in
    from unbraid.config.parts import part_options
    from unbraid.zoo.assemble import assemble

    recipe: Recipe = entry.factory()
    yield _table_of_parts(recipe)
    names = {part: request.chosen.get(part, getattr(recipe, part)) for part in NETWORKS}
    options: dict[str, dict[str, Any]] = {part: {} for part in NETWORKS}
    for flag, (part, spec) in part_options(names).items():
        options[part][spec.name] = {**recipe.part_options, **request.chosen}.get(flag, spec.default)
    latent_dim = request.latent_dim or recipe.latent_dim
    shape, vae = request.first_that_fits(
        lambda shape: assemble(
            replace(recipe, **names),
            shape,
            latent_dim,
            seed=0,
            encoder_options=options["encoder"],
            decoder_options=options["decoder"],
        )
    )
    for part in NETWORKS:
        yield _layers(f"{part.capitalize()} {names[part]}", part, vae.networks[part], shape, latent_dim)
    for name, network in vae.networks.items():
        count = parameters_in(network)
        if name not in NETWORKS and count:
            yield f"{name}: {count:,} parameters"


def _table_of_parts(recipe: Recipe) -> Table:
    from unbraid.cli.layers import table

    parts = table("Parts and settings unless told otherwise", "what", "value")
    for name in ("encoder", "decoder", "likelihood", "posterior", "prior", "latent_dim", "batch_size"):
        parts.add_row(name, str(getattr(recipe, name)))
    for name, value in recipe.part_options.items():
        parts.add_row(name, str(value))
    parts.add_row("optimizer", settings_in_words(recipe.optimizer))
    for player, optimizer in recipe.player_optimizers.items():
        parts.add_row(f"optimizer of the {player}", settings_in_words(optimizer))
    return parts


def settings_in_words(optimizer: Optimizer) -> str:
    """As in "adam, lr 0.001, betas 0.9 and 0.999"."""
    said = [optimizer.name, f"lr {optimizer.lr:g}"]
    if optimizer.name in ("adam", "adamw"):
        said.append(f"betas {optimizer.betas[0]:g} and {optimizer.betas[1]:g}")
    if optimizer.weight_decay:
        said.append(f"weight decay {optimizer.weight_decay:g}{' of weights alone' if optimizer.decay == 'weights' else ''}")
    if optimizer.milestones:
        where = " and ".join(f"{one:.0%} of the run" if one <= 1 else f"step {one:,.0f}" for one in optimizer.milestones)
        said.append(f"times {optimizer.drop:g} at {where}")
    return ", ".join(said)


def _layers_of_network(entry: Entry, request: Request) -> Iterator[RenderableType]:
    from unbraid.randomness import seeded_construction

    options = entry.resolve({name: value for name, value in request.chosen.items() if name in entry.options})
    latent_dim = request.latent_dim or 10

    def build(shape: Shape) -> nn.Module:
        made: nn.Module = (
            entry.factory(shape, 2 * latent_dim, **options)
            if entry.kind == "encoder"
            else entry.factory(latent_dim, shape, **options)
        )
        return made

    with seeded_construction(0):
        shape, network = request.first_that_fits(build)
    yield _layers("Layers", entry.kind, network, shape, latent_dim)


def _layers(title: str, part: str, network: nn.Module, shape: Shape, latent_dim: int) -> Table:
    import torch

    from unbraid.cli.layers import layer_table, shape_in_words

    images = f"images of {shape_in_words(shape)}"
    if part == "encoder":
        return layer_table(f"{title}, for {images}", network, torch.zeros(1, *shape))
    return layer_table(f"{title}, from {latent_dim} latents to {images}", network, torch.zeros(1, latent_dim))
