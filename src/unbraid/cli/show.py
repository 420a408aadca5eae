"""unbraid show NAME"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, get_args

from unbraid.cli.parse import Argument, HelpShown, parse
from unbraid.errors import UnknownName, UsageError
from unbraid.options import Option, OptionSpec

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from torch import Tensor, nn

    from unbraid.registry import Entry
    from unbraid.zoo.recipe import Recipe

_ARGUMENTS = (
    Argument(OptionSpec("name", str, None, Option("a model, data set, network, likelihood or metric")), "name", required=True),
    Argument(OptionSpec("image_shape", str, "1,64,64", Option("channels,height,width for layers")), "image_shape", "Layers"),
    Argument(OptionSpec("latent_dim", int, 10, Option("number of latents for layers", ge=1)), "latent_dim", "Layers"),
)


def run(tokens: list[str]) -> int:
    """Run the command; returns the exit code."""
    try:
        given = parse("show", "Explain one thing: what it is, its options, where it comes from.", _ARGUMENTS, tokens)
    except HelpShown:
        return 0
    from unbraid.catalogue import REGISTRIES
    from unbraid.cli.console import out

    name, latent_dim = given["name"], int(given.get("latent_dim", 10))
    shape = _shape(str(given.get("image_shape", "1,64,64")))
    if latent_dim < 1:
        raise UsageError(f"--latent-dim is {latent_dim}; allowed: at least 1.")
    found = [registry[name] for registry in REGISTRIES.values() if name in registry]
    if not found:
        known = {entry.name for registry in REGISTRIES.values() for entry in registry}
        raise UnknownName(
            "name", name, known, see=", ".join(f"unbraid list {kind}" for kind in ("models", "datasets", "metrics"))
        )
    for entry in found:
        for part in _explain(entry, shape, latent_dim):
            out.print(part)
    return 0


def _shape(text: str) -> tuple[int, int, int]:
    try:
        channels, height, width = (int(part) for part in text.split(","))
        if min(channels, height, width) < 1:
            raise ValueError
    except ValueError:
        raise UsageError(f"--image-shape is {text!r}; give channels,height,width, like 1,64,64.") from None
    return channels, height, width


def _explain(entry: Entry, shape: tuple[int, int, int], latent_dim: int) -> Iterator[RenderableType]:
    from rich.text import Text

    yield Text.assemble((entry.name, "bold"), f"  ({entry.kind})\n")
    yield Text(inspect.cleandoc(entry.factory.__doc__ or "") + "\n")
    if "formula" in entry.details:
        yield Text.assemble(("Minimises ", "bold"), f"{entry.details['formula']}\n")
    for key in ("range", "chance", "blind"):
        if key in entry.details:
            label = {"range": "Range: ", "chance": "Chance scores: ", "blind": "Blind "}[key]
            yield Text.assemble((label, "bold"), str(entry.details[key]))
    yield from _options(entry)
    yield from _tuned(entry)
    yield from _published(entry)
    if entry.kind == "model":
        yield from _layers_of_model(entry, shape, latent_dim)
    elif entry.kind in ("encoder", "decoder"):
        yield from _layers_of_network(entry, shape, latent_dim)
    yield Text.assemble(("Source: ", "bold"), entry.source, "\n")


def _table(title: str, *columns: str) -> Table:
    from rich import box
    from rich.table import Table

    return Table(*columns, box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)


def _options(entry: Entry) -> Iterator[RenderableType]:
    if not entry.options:
        return
    table = _table("Options", "option", "default", "allowed", "meaning")
    for name, spec in entry.options.items():
        choices = ", ".join(map(str, get_args(spec.type)))
        allowed = choices or spec.option.range or getattr(spec.type, "__name__", "")
        table.add_row(f"--{name.replace('_', '-')}", str(spec.default), allowed, spec.option.help)
    yield table


def _published(entry: Entry) -> Iterator[RenderableType]:
    rows = entry.details.get("published", ())
    if not rows:
        return
    table = _table("Published settings", "source", "data", "values", "note")
    for row in rows:
        table.add_row(row.source, row.data, ", ".join(f"{k} {v}" for k, v in row.values.items()), row.note)
    yield table


def _tuned(entry: Entry) -> Iterator[RenderableType]:
    for data, values in entry.details.get("tuned", {}).items():
        from rich.text import Text

        yield Text.assemble((f"Defaults on {data}: ", "bold"), ", ".join(f"{k} {v:g}" for k, v in values.items()), "\n")


def _layers_of_model(entry: Entry, shape: tuple[int, int, int], latent_dim: int) -> Iterator[RenderableType]:
    import torch

    from unbraid.zoo.assemble import assemble

    recipe = entry.factory()
    vae = assemble(recipe, shape, latent_dim, seed=0)
    yield _table_of_parts(recipe)
    image = torch.zeros(1, *shape)
    yield from _layers(f"Encoder {recipe.encoder}, for images of {shape}", vae.networks["encoder"], image)
    yield from _layers(
        f"Decoder {recipe.decoder}, for {latent_dim} latents", vae.networks["decoder"], torch.zeros(1, latent_dim)
    )
    for name, network in vae.networks.items():
        count = sum(p.numel() for p in network.parameters())
        if name not in ("encoder", "decoder") and count:
            yield f"{name}: {count:,} parameters"


def _table_of_parts(recipe: Recipe) -> Table:
    table = _table("Parts and settings unless told otherwise", "what", "value")
    for name in ("encoder", "decoder", "likelihood", "posterior", "prior", "latent_dim", "batch_size"):
        table.add_row(name, str(getattr(recipe, name)))
    table.add_row("optimiser", f"{recipe.optimiser.name}, lr {recipe.optimiser.lr:g}")
    return table


def _layers_of_network(entry: Entry, shape: tuple[int, int, int], latent_dim: int) -> Iterator[RenderableType]:
    import torch

    from unbraid.randomness import seeded_construction

    with seeded_construction(0):
        network = entry.factory(shape, 2 * latent_dim) if entry.kind == "encoder" else entry.factory(latent_dim, shape)
    if entry.kind == "encoder":
        yield from _layers(f"Layers, for images of {shape}", network, torch.zeros(1, *shape))
    else:
        yield from _layers(f"Layers, for {latent_dim} latents", network, torch.zeros(1, latent_dim))


def _layer(layer: nn.Module) -> str:
    """A layer in a few words."""
    import torch

    kind = type(layer).__name__
    if isinstance(layer, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
        kernel = "x".join(map(str, layer.kernel_size))
        return f"{kind} {layer.in_channels} -> {layer.out_channels}, {kernel}, stride {layer.stride[0]}"
    if isinstance(layer, torch.nn.Linear):
        return f"{kind} {layer.in_features} -> {layer.out_features}"
    return kind


def _layers(title: str, network: nn.Module, example: Tensor) -> Iterator[RenderableType]:
    import torch

    table = _table(title, "layer", "output", "parameters")
    hooks = []

    def note(layer: nn.Module, inputs: Any, output: Tensor) -> None:
        count = sum(p.numel() for p in layer.parameters())
        if not count and not isinstance(layer, (torch.nn.Flatten, torch.nn.Unflatten)):
            return  # rectifiers and the like change neither shape nor count
        table.add_row(_layer(layer), " x ".join(map(str, output.shape[1:])), f"{count:,}" if count else "")

    for layer in network.modules():
        if not list(layer.children()):
            hooks.append(layer.register_forward_hook(note))
    with torch.no_grad():
        network.eval()(example)
    for hook in hooks:
        hook.remove()
    table.add_section()
    table.add_row("all", "", f"{sum(p.numel() for p in network.parameters()):,}")
    yield table
