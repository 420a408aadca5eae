"""unbraid figure NAME RUN [RUN ...] -o FILE"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from unbraid.cli.arguments import DATA, DEVICE, RUNS, options_of_any, out_option, overwrite_option
from unbraid.cli.parse import Argument, HelpShown, checked, option, positional, read_known
from unbraid.errors import UsageError
from unbraid.options import Option

if TYPE_CHECKING:
    from rich.console import RenderableType

    from unbraid.registry import Entry

_NAMED = positional("name", "figure, see `unbraid list figures`", required=True)
_DPI = option("dpi", int, 144, Option("dots per inch of a .png; 72 is one dot per CSS pixel", ge=36, le=1200), "File")
_FILE = (out_option("file to write; its ending selects the format: .png, .svg, .pdf, .gif"), overwrite_option(), _DPI)
_OWN = (_NAMED, RUNS, *_FILE, DATA, DEVICE)
_ABOUT = (
    "Draw a figure of one run or several (unbraid list figures). Figures of codes or scores need runs that were scored, as "
    "unbraid train does at its end."
)


def run(tokens: list[str]) -> int:
    """Run the command; returns the exit code."""
    from unbraid.reporting.gallery.registry import figures, how_many

    words = read_known("figure", [*_OWN, *options_of_any(figures)], tokens)
    about, options = _ABOUT, []
    if name := words.given.get("name"):
        entry = figures[name]
        about = f"{entry.summary} Of {how_many(*entry.details['runs'])}; needs {entry.details['needs']}."
        options = [Argument(spec, flag, "Figure", owner=f"figure {name!r}") for flag, spec in entry.options.items()]
    try:
        given = checked(words.at(name), about, [_NAMED, RUNS, *_FILE, *options, DATA, DEVICE])
    except HelpShown:
        return 0
    if not given.get("run"):
        raise UsageError(f"Give a run folder, or several: unbraid figure {given['name']} runs/NAME -o {given['name']}.png")
    if not given.get("out"):
        raise UsageError(f"Give the file to write: unbraid figure {given['name']} {given['run'][0]} -o {given['name']}.png")
    from unbraid import api
    from unbraid.cli.console import counting, out
    from unbraid.figures.saving import KINDS, save
    from unbraid.files import kind_of_new_file
    from unbraid.progress import listening
    from unbraid.reporting.gallery.registry import draw, shows_images

    path = Path(given["out"])
    animated = kind_of_new_file(path, (*KINDS, "gif"), given.get("overwrite", False)) == "gif"
    chosen = {argument.flag: given[argument.flag] for argument in options if argument.flag in given}
    with listening(counting):
        views = [api.view_of(one, data=given.get("data"), device=given.get("device", "auto")) for one in given["run"]]
        drawn = draw(given["name"], views, chosen, animated=animated)
    save(drawn.content, path, dpi=given.get("dpi", _DPI.spec.default), overwrite=given.get("overwrite", False))
    out.print(f"Figure: {path}")
    out.print(drawn.caption)
    if shows_images(figures[given["name"]]) and not views[0].dataset.redistributable:
        out.print(f"The images of {views[0].dataset.name} may not be passed on, and this figure shows them.")
    return 0


def explain_figure(entry: Entry) -> Iterator[RenderableType]:
    """What `unbraid show FIGURE` says beside the docstring.

    That is how many runs it takes, what they need, and the command that draws it.
    """
    from rich.text import Text

    from unbraid.reporting.gallery.registry import how_many

    details = entry.details
    endings = ".png, .svg, .pdf" + (", .gif" if "animated" in details else "")
    facts = {"Of: ": how_many(*details["runs"]), "Needs: ": details["needs"], "Files: ": endings}
    for label, fact in facts.items():
        yield Text.assemble((label, "bold"), fact)
    runs = "runs/NAME" if details["runs"][1] == 1 else "runs/*"
    yield Text.assemble(("Command: ", "bold"), f"unbraid figure {entry.name} {runs} -o {entry.name}.png\n")
