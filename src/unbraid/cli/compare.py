"""unbraid compare FOLDER|RUN [...]"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from unbraid.cli.arguments import out_option, overwrite_option
from unbraid.cli.parse import HelpShown, option, parse, positional
from unbraid.errors import UsageError

if TYPE_CHECKING:
    from unbraid.sweep.compare.comparison import Comparison

_KINDS = ("html", "csv", "json", "md", "tex")
_ARGUMENTS = (
    positional("place", "folder of a sweep, folder of results, scored run folder; or several", many=True),
    out_option(f"file to write; its ending says how: .{', .'.join(_KINDS)}"),
    overwrite_option(),
    option("by", str, None, "score to rank by, like mig or dci.completeness", "Compare"),
    option("metrics", str, None, "scores to show, joined by commas; default: all", "Compare"),
    option("nulls", bool, True, "score PCA, ICA and null encoders of the same data too", "Compare"),
)
_ABOUT = (
    "Compare runs. Runs that differ in their seed alone are one configuration: means with intervals over seeds, differences "
    "paired by seed and corrected for how many there are, ranking, and what rules of selection would have chosen."
)


def run(tokens: list[str]) -> int:
    """Run the command; returns the exit code."""
    try:
        given = parse("compare", _ABOUT, _ARGUMENTS, tokens)
    except HelpShown:
        return 0
    places = given.get("place", [])
    if not places:
        raise UsageError("Give the folder of a sweep, or run folders: unbraid compare FOLDER [...]")
    path = Path(given["out"]) if given.get("out") else None
    if path is not None:
        from unbraid.files import kind_of_new_file

        kind_of_new_file(path, _KINDS, given.get("overwrite", False))
    from unbraid.cli.console import counting
    from unbraid.progress import listening
    from unbraid.sweep.compare.comparison import compare

    metrics = [name for name in (given.get("metrics") or "").split(",") if name]
    with_nulls = given.get("nulls", True)
    bar = counting("Scoring codes that know nothing") if with_nulls else nullcontext()
    with listening(counting), bar as told:
        found = compare(places, by=given.get("by"), metrics=metrics or None, with_nulls=with_nulls, progress=told)
    if path is not None:
        return _write(found, path)
    return _print(found)


def _write(found: Comparison, path: Path) -> int:
    from unbraid.cli.console import out
    from unbraid.files import whole_file
    from unbraid.sweep.compare.writing import WRITERS

    kind = path.suffix.lower().removeprefix(".")
    if kind == "html":
        from unbraid.sweep.compare.page import render

        text = render(found)
    else:
        text = WRITERS[kind](found)
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    out.print(f"Comparison of {found.n_runs} runs: {path}")
    return 0


def _print(found: Comparison) -> int:
    from unbraid.cli.console import out
    from unbraid.cli.tables import make_table
    from unbraid.sweep.compare.writing import NARROW, brief_tables, headline, notes_of

    out.print(headline(found))
    for title, rows in brief_tables(found, out.width):
        table = make_table(*rows[0])
        for column, texts in zip(table.columns, zip(*rows, strict=True), strict=True):
            column.no_wrap = max(map(len, texts)) <= NARROW
        for row in rows[1:]:
            table.add_row(*row)
        out.print(f"\n{title}", style="bold")
        out.print(table)
    for note in notes_of(found):
        out.print(f"- {note}", style="dim")
    return 0
