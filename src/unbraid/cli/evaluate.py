"""unbraid evaluate RUN"""

from __future__ import annotations

from unbraid.cli.parse import Argument, HelpShown, parse
from unbraid.options import Option, OptionSpec

_ARGUMENTS = (
    Argument(OptionSpec("run", str, None, Option("run folder")), "run", required=True),
    Argument(OptionSpec("metrics", str, None, Option("names of metrics, commas between; default: all")), "metrics", "Options"),
    Argument(
        OptionSpec("evaluate_images", int, None, Option("score a fixed part of this many images; default: all", ge=2)),
        "evaluate_images",
        "Options",
    ),
    Argument(
        OptionSpec(
            "intervals", int, 10, Option("halves of the images that 95 % intervals of metrics are made from; 0 for none", ge=0)
        ),
        "intervals",
        "Options",
    ),
    Argument(
        OptionSpec("data", str, None, Option("where the data lie by now, like npz:PATH; default: where they lay")),
        "data",
        "Options",
    ),
    Argument(OptionSpec("device", str, "auto", Option("auto, cpu, cuda or cuda:N")), "device", "Options"),
)
_ABOUT = "Encode a run's data with its newest checkpoint, compute losses and metrics, and write codes.npz and metrics.json."


def run(tokens: list[str]) -> int:
    """Run the command; returns the exit code."""
    try:
        given = parse("evaluate", _ABOUT, _ARGUMENTS, tokens)
    except HelpShown:
        return 0
    from unbraid import api
    from unbraid.cli.console import counting, out, stages
    from unbraid.cli.tables import print_scores
    from unbraid.data.progress import listening
    from unbraid.training.run import METRICS

    names = [name.strip() for name in given["metrics"].split(",")] if given.get("metrics") else None
    with listening(counting):
        scored = api.evaluate(
            given["run"],
            data=given.get("data"),
            metrics=names,
            limit=given.get("evaluate_images"),
            intervals=given.get("intervals", 10),
            device=given.get("device", "auto"),
            progress=stages(),
        )
    print_scores(scored)
    out.print(f"Scores: {given['run']}/{METRICS}")
    return 0
