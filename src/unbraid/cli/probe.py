"""unbraid probe RUN [DATA]"""

from __future__ import annotations

from pathlib import Path

from unbraid.cli.arguments import DEVICE, data_options, options_of_any, out_option, overwrite_option
from unbraid.cli.parse import HelpShown, checked, option, positional, read_known
from unbraid.errors import UsageError
from unbraid.options import Option

_OWN = (
    positional("run", "run folder", required=True),
    positional("data", "which data set, see `unbraid list datasets`; default: that of the run's training"),
    option("target", str, None, "what to predict: labels, or a factor; default: labels"),
    option("label_counts", str, None, "numbers of labels, joined by commas; default: 10,30,100,... 3,000, as far as possible"),
    option("draws", int, 5, Option("how often labels are drawn anew, for 95 % intervals", ge=1)),
    option("penalty", float, 1.0, Option("L2 penalty of the regularized classifier; one without stands beside it", gt=0)),
    option("seed", int, 0, Option("seed of the draws", ge=0)),
    out_option("file of the curves, ending in .json, with a .png beside it; default: probe-DATA-TARGET.json in the run folder"),
    overwrite_option("replace both files if they are there"),
)
_ABOUT = (
    "Probe a frozen encoder: linear classifiers learn labels or a factor from its means, and are scored on held-out images, by "
    "the number of labels. Beside them stand the encoder before its first step, as many principal components, and pixels, all "
    "with the same labels. DATA is that of the run's training unless given, and comes in the size of the run if it can."
)


def run(tokens: list[str]) -> int:
    """Run the command; returns the exit code."""
    from unbraid.data.dataset import addressed
    from unbraid.data.registry import datasets

    words = read_known("probe", [*_OWN, DEVICE, *options_of_any(datasets)], tokens)
    data = words.given.get("data")
    options = data_options(addressed(data, {})[0] if data else "", (*_OWN, DEVICE))
    try:
        given = checked(words, _ABOUT, [*_OWN, *options, DEVICE])
    except HelpShown:
        return 0
    from unbraid import api
    from unbraid.cli.console import counting, out
    from unbraid.cli.tables import make_table, print_blocks
    from unbraid.progress import listening
    from unbraid.reporting.probes import probe_path

    asked = {argument.flag: given[argument.flag] for argument in options if argument.flag in given}
    how = {name: given[name] for name in ("draws", "penalty", "seed", "device", "out", "overwrite") if name in given}
    with listening(counting), counting("Probing") as told:
        found = api.probe(
            given["run"],
            data,
            given.get("target"),
            label_counts=_numbers(given.get("label_counts")),
            progress=told,
            **how,
            **asked,
        )
    for title, rows in found.tables():
        table = make_table(*rows[0])
        for row in rows[1:]:
            table.add_row(*row)
        print_blocks(title, table)
    out.print(found.note)
    path = given.get("out") or probe_path(Path(given["run"]), found.data, found.target)
    out.print(f"Curves: {path}, and as a figure in .png beside it")
    return 0


def _numbers(text: str | None) -> list[int]:
    try:
        return [int(word) for word in text.split(",")] if text else []
    except ValueError:
        raise UsageError(f"--label-counts {text}: allowed are whole numbers, joined by commas, as in 10,100,1000.") from None
