"""unbraid report RUN"""

from __future__ import annotations

from unbraid.cli.parse import Argument, HelpShown, parse
from unbraid.options import Option, OptionSpec

_ARGUMENTS = (
    Argument(OptionSpec("run", str, None, Option("run folder")), "run", required=True),
    Argument(
        OptionSpec("data", str, None, Option("where the data lie by now, like npz:PATH; default: where they lay")),
        "data",
        "Options",
    ),
    Argument(OptionSpec("device", str, "auto", Option("auto, cpu, cuda or cuda:N")), "device", "Options"),
)
_ABOUT = "Write report.html of a run: one file that opens anywhere, with losses, reconstructions, traversals, KL and scores."


def run(tokens: list[str]) -> int:
    """Run the command; returns the exit code."""
    try:
        given = parse("report", _ABOUT, _ARGUMENTS, tokens)
    except HelpShown:
        return 0
    from unbraid import api
    from unbraid.cli.console import counting, out
    from unbraid.data.progress import listening

    with listening(counting):
        out.print(f"Report: {api.report(given['run'], data=given.get('data'), device=given.get('device', 'auto'))}")
    return 0
