"""unbraid report RUN [RUN ...]"""

from __future__ import annotations

from unbraid.cli.arguments import DATA, DEVICE, RUNS, out_option, overwrite_option
from unbraid.cli.parse import HelpShown, parse
from unbraid.errors import UsageError

_ARGUMENTS = (
    RUNS,
    out_option("HTML file to write; for one run its report.html by default, for several it must be given"),
    overwrite_option(),
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
    from unbraid.progress import listening

    with listening(counting):
        out.print(f"Report: {api.report(*folders, **given)}")
    return 0
