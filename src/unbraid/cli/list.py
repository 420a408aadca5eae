"""unbraid list models|datasets|encoders|decoders|likelihoods|metrics|figures|..."""

from __future__ import annotations

import re

from unbraid.cli.parse import HelpShown, parse, positional
from unbraid.errors import UnknownName

KINDS = {
    "models": "what `unbraid train MODEL DATA` trains",
    "datasets": "what it trains on",
    "encoders": "networks from images to posteriors (--encoder)",
    "decoders": "networks from latents to images (--decoder)",
    "likelihoods": "p(x|z), how reconstructions are scored (--likelihood)",
    "posteriors": "q(z|x), which the model decides",
    "priors": "p(z), which the model decides",
    "rates": "what is paid for codes, to choose with --rate",
    "metrics": "scores of codes, as `unbraid evaluate` computes them",
    "figures": "what `unbraid figure` draws",
    "importers": "whose trained models `unbraid import` reads",
    "trackers": "what `unbraid train --track` tells every number",
    "studies": "what `unbraid study` runs: claims of reports, each with a verdict",
    "claims": "the claims of all studies with the verdicts that there are",
}
_ARGUMENTS = (positional("kind", f"one of {', '.join(KINDS)}; all kinds are listed unless given"),)


def _short(source: str) -> str:
    """The authors and year of a citation."""
    found = re.match(r"[^;]*?\(\d{4}\)", source)
    return found.group() if found else source


def run(tokens: list[str]) -> int:
    """Run the command; returns the exit code."""
    try:
        kind = parse("list", "List what there is, one line each, with its source.", _ARGUMENTS, tokens).get("kind")
    except HelpShown:
        return 0
    if kind is not None and kind not in KINDS:
        raise UnknownName("list", kind, KINDS, see="unbraid list")
    if kind == "claims":
        from unbraid.cli.study import list_claims

        list_claims()
        return 0
    from rich.table import Table

    from unbraid.cli.console import out

    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    if kind is None:
        for name, about in KINDS.items():
            table.add_row(name, about)
        out.print(table)
        out.print("\nList one kind: unbraid list models")
        return 0
    from unbraid.registries import REGISTRIES

    table.add_column(style="dim")
    for entry in REGISTRIES[kind]:
        table.add_row(entry.details.get("written", entry.name), entry.summary, _short(entry.source))
    out.print(table)
    out.print(f"\nMore about one of them: unbraid show {next(iter(REGISTRIES[kind])).name}")
    return 0
