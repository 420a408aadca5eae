"""unbraid report RUN [RUN ...]"""

from __future__ import annotations

from unbraid.cli.figure import DATA, DEVICE, OVERWRITE
from unbraid.cli.parse import Argument, HelpShown, parse
from unbraid.errors import UsageError
from unbraid.options import Option, OptionSpec

_OUT = Argument(
    OptionSpec(
        "out", str, None, Option("HTML file to write; of one run its report.html by default, of several it must be given")
    ),
    "out",
    "File",
    short="-o",
)
_ARGUMENTS = (
    Argument(OptionSpec("run", str, None, Option("run folder, or several")), "run", many=True),
    _OUT,
    OVERWRITE,
    DATA,
    DEVICE,
)
_ABOUT = (
    "Write the report of a run: one HTML file that opens anywhere, with losses, reconstructions, traversals, KL and scores. "
    "Of several runs: means over seeds, differences with intervals, and figures over runs."
)


def run(tokens: list[str]) -> int:
    """Run the command; returns the exit code."""
    try:
        given = parse("report", _ABOUT, _ARGUMENTS, tokens)
    except HelpShown:
        return 0
    folders = given.pop("run", [])
    if not folders:
        raise UsageError("Give a run folder, or several: unbraid report RUN [RUN ...]")
    from unbraid import api
    from unbraid.cli.console import counting, out
    from unbraid.data.progress import listening

    with listening(counting):
        out.print(f"Report: {api.report(*folders, **given)}")
    return 0
