"""A page for everything that is registered, and an index for each registry."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, StringIO
from pathlib import Path
from unittest import mock

import numpy as np
from PIL import Image

import unbraid
from unbraid.cli.main import main
from unbraid.cli.show import Request, about
from unbraid.registries import REGISTRIES
from unbraid.registry import Entry, Registry
from website.docstrings import to_markdown
from website.shown import to_markdown as shown

DOCS = Path(__file__).parents[2]
TITLES = {
    "models": (
        "Models",
        "Published objectives on one protocol. Each is a function that returns a recipe: objective, parts, settings.",
    ),
    "datasets": ("Data sets", "What models are trained on. Those with known factors let metrics be computed."),
    "metrics": (
        "Metrics",
        "What a score says of codes: each is a function of arrays, and has its published definitions by name.",
    ),
    "rates": (
        "Rates",
        "Regularizers of the posterior, which a model's loss adds to the reconstruction: `--rate kl,dip_ii` adds up several.",
    ),
    "encoders": ("Encoders", "Networks from images to the numbers that describe a posterior: `--encoder NAME`."),
    "decoders": ("Decoders", "Networks from latents to what the likelihood reads: `--decoder NAME`."),
    "likelihoods": ("Likelihoods", "What distribution of pixels a decoder's output stands for: `--likelihood NAME`."),
    "posteriors": ("Posteriors", "Distributions of latents given an image. A model chooses its own."),
    "priors": ("Priors", "Distributions of latents before any image is seen. A model chooses its own."),
    "figures": ("Figures", "What can be drawn of runs: `unbraid figure NAME RUN -o FILE`."),
    "trackers": ("Trackers", "Programs of others that are told every number of a run: `unbraid train --track NAME`."),
    "importers": ("Importers", "Models that others trained, made runs of: `unbraid import NAME FILE`."),
}
"""Headings of the index pages, and what they say first. Studies have a written page."""
PICTURES = {
    "rooms": "images/rooms.png",
    "faces": "images/faces.png",
    "glyphs": "images/glyphs.png",
    "furniture": "images/furniture.png",
}
"""Data sets of which the repository has a picture."""
DRAWN = ("ellipses", "shapes", "correlated_ellipses", "dsprites_reduced")
"""Data sets that are drawn in a second, so that their pictures are made with the pages."""
PICTURED, SCALE = 16, 2


def registry_pages() -> tuple[dict[str, str], dict[str, bytes]]:
    """All pages and pictures, by their names on the website."""
    pages = {f"{plural}/{entry.name}.md": page(entry) for plural, registry in REGISTRIES.items() for entry in registry}
    pages |= {f"{plural}/index.md": index(REGISTRIES[plural]) for plural in TITLES}
    return pages, {f"images/datasets/{name}.png": _picture(name) for name in DRAWN}


def page(entry: Entry) -> str:
    """The page of one registered thing."""
    if entry.kind == "study" and (DOCS / "studies" / f"{entry.name}.md").is_file():
        return "\n\n".join(["## How it is run", *_of_study(entry), shown(_but_claims(entry))]) + "\n"  # below the written page
    name = entry.details.get("written", entry.name)
    made = [f"# {name}", to_markdown(entry.factory.__doc__), *EXTRAS.get(entry.kind, _nothing)(entry)]
    made += [shown(about(entry, Request())), *AFTER.get(entry.kind, _nothing)(entry)]
    return "\n\n".join(part for part in made if part) + "\n"


def index(registry: Registry) -> str:
    """The page that lists a registry."""
    title, about_it = TITLES[registry.plural]
    rows = [
        f"| [`{entry.name}`]({entry.name}.md) | {_cell(entry.summary)} | {_cell(_short(entry.source))} |" for entry in registry
    ]
    see = f"`unbraid list {registry.plural}` lists them in a terminal, `unbraid show NAME` explains one."
    return "\n".join(
        [f"# {title}", "", f"{about_it} {see}", "", "| name | what it is | source |", "| --- | --- | --- |", *rows, ""]
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _short(source: str) -> str:
    """Authors and year of a source, where it has them."""
    found = re.match(r"(.*?\(\d{4}\))", source)
    return found[1] if found else re.split(r"[,;:]", source)[0]


def _nothing(entry: Entry) -> Iterator[str]:
    return iter(())


def _console(*commands: str) -> str:
    return "\n".join(["```console", *(f"$ {command}" for command in commands), "```"])


def _of_model(entry: Entry) -> Iterator[str]:
    option = next(
        (
            f" --{name.replace('_', '-')} {spec.default}"
            for name, spec in entry.options.items()
            if type(spec.default) in (int, float)
        ),
        "",
    )
    yield _console(
        f"unbraid train {entry.name} ellipses", *([f"unbraid train {entry.name} dsprites{option}"] if option else [])
    )
    recipe = entry.factory()
    objective = recipe.objective
    known = {kind.factory: f"../rates/{kind.name}.md" for kind in REGISTRIES["rates"]}
    said = [f"## Objective\n\n{_below_title(to_markdown(type(objective).__doc__))}"] if type(objective).__doc__ else []
    for rate in getattr(objective, "rates", ()):
        if type(rate) in known:
            name = Path(known[type(rate)]).stem
            said.append(f"Its rate is [`{name}`]({known[type(rate)]}).\n\n{to_markdown(type(rate).__doc__)}")
    yield "\n\n".join(said)


def _below_title(text: str) -> str:
    return re.sub(r"^#", "##", text, flags=re.MULTILINE)


def _after_model(entry: Entry) -> Iterator[str]:
    if remedies := entry.details.get("remedies"):
        yield "## When training fails\n\n" + "\n".join(
            f"- {name.replace('_', ' ')}: {advice}" for name, advice in remedies.items()
        )
    yield "What came of training it, beside all other models: [Models, trained](../zoo.md)."


def _of_dataset(entry: Entry) -> Iterator[str]:
    if entry.name in PICTURES or entry.name in DRAWN:
        yield f"![Images of {entry.name}](../{PICTURES.get(entry.name, f'images/datasets/{entry.name}.png')})"
    if "origin" in entry.details:
        yield _console(f"unbraid download {entry.name}", f"unbraid train beta_vae {entry.name}")
    elif entry.name in ("folder", "npz", "torch", "arrays"):
        yield "How to use it: [your own data](../own-data.md)."
    else:
        yield _console(f"unbraid train beta_vae {entry.name}")
    if entry.name in DRAWN:
        yield f"What it holds:\n\n{_printed('inspect', entry.name)}"


def _printed(*words: str) -> str:
    """A command and what it prints."""
    written = StringIO()
    with mock.patch.dict("os.environ", {"COLUMNS": "100"}), redirect_stdout(written), redirect_stderr(StringIO()):
        if main([*words]):
            raise RuntimeError(f"unbraid {' '.join(words)} failed.")
    lines = [line.rstrip() for line in written.getvalue().splitlines()]
    return "\n".join(["```text", f"$ unbraid {' '.join(words)}", *lines, "```"])


def _of_metric(entry: Entry) -> Iterator[str]:
    yield _console(
        f"unbraid evaluate runs/NAME --metrics {entry.name}", f"unbraid evaluate --codes codes.npz --metrics {entry.name}"
    )
    yield f"In Python: [`unbraid.metrics.{entry.name}`](../reference/api/metrics.md)."


def _after_metric(entry: Entry) -> Iterator[str]:
    yield "Its definitions on one set of codes, beside those of all other metrics: [definitions side by side](../metrics.md)."


def _of_network(entry: Entry) -> Iterator[str]:
    yield _console(f"unbraid train beta_vae ellipses --{entry.kind} {entry.name}")


def _after_network(entry: Entry) -> Iterator[str]:
    yield "Which encoders, decoders and likelihoods go together: [combinations](../combinations.md)."


def _of_rate(entry: Entry) -> Iterator[str]:
    yield _console(f"unbraid train vae ellipses --rate {entry.name}")


def _of_likelihood(entry: Entry) -> Iterator[str]:
    yield _console(f"unbraid train beta_vae ellipses --likelihood {entry.name}")


def _of_figure(entry: Entry) -> Iterator[str]:
    for file in sorted((DOCS / "images" / "gallery").glob(f"{entry.name}.*"), key=lambda path: path.suffix == ".gif"):
        yield f"![The figure {entry.name}](../images/gallery/{file.name})"
    yield "What it was drawn of: [the gallery](../gallery.md)."


def _of_study(entry: Entry) -> Iterator[str]:
    yield _console(f"unbraid study {entry.name}", f"unbraid study {entry.name} --budget quick")


def _but_claims(entry: Entry) -> Iterator[object]:
    """What is shown of a study, without its claims, which the written page has with their verdicts."""
    return (part for part in about(entry, Request()) if getattr(part, "title", "") != "Claims")


EXTRAS: Mapping[str, Callable[[Entry], Iterator[str]]] = {
    "model": _of_model,
    "data set": _of_dataset,
    "metric": _of_metric,
    "encoder": _of_network,
    "decoder": _of_network,
    "rate": _of_rate,
    "likelihood": _of_likelihood,
    "figure": _of_figure,
    "study": _of_study,
}
"""What stands between the description and what `unbraid show` says, by the kind of the entry."""
AFTER: Mapping[str, Callable[[Entry], Iterator[str]]] = {
    "model": _after_model,
    "metric": _after_metric,
    "encoder": _after_network,
    "decoder": _after_network,
}


def _picture(name: str) -> bytes:
    """Images at equal distances in the data set, side by side, as PNG."""
    data = unbraid.load_dataset(name)
    rows = np.random.default_rng(0).choice(len(data), PICTURED, replace=False)
    images = np.rint(255 * np.asarray(data.images[rows])).astype(np.uint8)
    framed = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=128)
    n, channels, height, width = framed.shape
    sheet = (
        framed.reshape(2, n // 2, channels, height, width)
        .transpose(0, 3, 1, 4, 2)
        .reshape(2 * height, n // 2 * width, channels)
    )
    scaled = np.kron(sheet, np.ones((SCALE, SCALE, 1), np.uint8))
    written = BytesIO()
    Image.fromarray(scaled.squeeze(-1) if channels == 1 else scaled).save(written, format="PNG")
    return written.getvalue()


def linked_names() -> dict[str, str]:
    """Names whose pages other pages link to wherever they stand as code, with these pages; not those of several things."""
    kinds = ("models", "metrics", "datasets", "studies")
    everything = [entry.name for registry in REGISTRIES.values() for entry in registry]
    return {
        entry.name: f"{plural}/{entry.name}"
        for plural in kinds
        for entry in REGISTRIES[plural]
        if everything.count(entry.name) == 1
    }
