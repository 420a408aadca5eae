"""unbraid list models|datasets|encoders|decoders|likelihoods|metrics|figures|..."""

from __future__ import annotations

import re

from unbraid.cli.parse import Argument, HelpShown, parse
from unbraid.errors import UnknownName
from unbraid.options import Option, OptionSpec

KINDS = ("models", "datasets", "encoders", "decoders", "likelihoods", "posteriors", "priors", "rates", "metrics", "figures")
_ARGUMENTS = (Argument(OptionSpec("kind", str, None, Option(f"one of {', '.join(KINDS)}")), "kind", required=True),)


def _short(source: str) -> str:
    """The authors and year of a citation."""
    found = re.match(r"[^;]*?\(\d{4}\)", source)
    return found.group() if found else source


def run(tokens: list[str]) -> int:
    """Run the command; returns the exit code."""
    try:
        kind = parse("list", "List what there is, one line each, with its source.", _ARGUMENTS, tokens)["kind"]
    except HelpShown:
        return 0
    if kind not in KINDS:
        raise UnknownName("list", kind, KINDS)
    from rich.table import Table

    from unbraid.cli.console import out
    from unbraid.registries import REGISTRIES

    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    table.add_column(style="dim")
    for entry in REGISTRIES[kind]:
        table.add_row(entry.details.get("written", entry.name), entry.summary, _short(entry.source))
    out.print(table)
    out.print(f"\nMore about one of them: unbraid show {next(iter(REGISTRIES[kind])).name}")
    return 0
