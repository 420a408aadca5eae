"""unbraid doctor"""

from __future__ import annotations

from unbraid.cli.parse import HelpShown, option, parse

_ARGUMENTS = (option("speed", bool, True, "measure the speed of a training step, which takes about ten seconds"),)
_ABOUT = (
    "Look for what makes unbraid slow or makes its commands fail here: threads, other work, folders that cannot be written, "
    "the build of PyTorch, and the speed of a training step beside what this machine allows. The exit code is 1 where commands "
    "would fail."
)
_MARKS = {"good": ("good", "green"), "slow": ("look", "yellow"), "bad": ("fails", "red")}


def run(tokens: list[str]) -> int:
    """Run the command; returns the exit code."""
    try:
        given = parse("doctor", _ABOUT, _ARGUMENTS, tokens)
    except HelpShown:
        return 0
    from rich.padding import Padding
    from rich.text import Text

    from unbraid.checkup import check_machine
    from unbraid.cli.console import out

    states = []
    for finding in check_machine(speed=given.get("speed", True)):
        states.append(finding.state)
        mark, color = _MARKS[finding.state]
        out.print(Text.assemble((f"{mark:<5}  ", color), f"{finding.name}: {finding.found}"))
        if finding.advice:
            out.print(Padding(finding.advice, (0, 0, 0, 7)), soft_wrap=False)
    bad, slow = states.count("bad"), states.count("slow")
    told = [f"{bad} {'makes' if bad == 1 else 'make'} commands fail"] * (bad > 0)
    told += [f"{slow} {'is' if slow == 1 else 'are'} worth a look"] * (slow > 0)
    out.print(f"\nOf {len(states)} checks, {' and '.join(told)}." if told else "\nAll is well.")
    return int(bad > 0)
