"""Arguments that several commands have, each written once."""

from __future__ import annotations

from collections.abc import Iterable

from unbraid.cli.parse import OUT, Argument, option, positional
from unbraid.options import Option
from unbraid.registry import Entry

RUNS = positional("run", "run folder, or several", many=True)
DATA = option(
    "data", str, None, "current location of the data set, e.g. npz:PATH; default: the path recorded in the run", "Machine"
)
DEVICE = option("device", str, "auto", "auto, cpu, cuda or cuda:N", "Machine")
METRICS = option("metrics", str, "core", "core, all (also those that take long), or names joined by commas")
EVALUATE_IMAGES = option("evaluate_images", int, None, Option("score a fixed part of this many images; default: all", ge=2))


def out_option(about: str, group: str = "File") -> Argument:
    """Where a command writes: --out, or -o."""
    return option(OUT, str, None, about, group, short="-o")


def overwrite_option(about: str = "replace the file if it is there", group: str = "File") -> Argument:
    """Whether what is there may be replaced."""
    return option("overwrite", bool, False, about, group)


def intervals_option(of: str) -> Argument:
    """From how many halves 95 % intervals are made."""
    return option("intervals", int, 10, Option(f"halves of the {of} that 95 % intervals are made from; 0 for none", ge=0))


NULLS = option(
    "nulls",
    int,
    0,
    Option(
        "draws of each null encoder (random codes, a random linear map of the factors, one factor in every latent) that scores "
        "are corrected for; 50 show most, and each takes as long as the scores; 0 for none",
        ge=0,
    ),
)


def options_of_any(entries: Iterable[Entry]) -> list[Argument]:
    """The options that any of these has, for `read`: which of them counts is not known yet."""
    found = {name: Argument(spec, name, "Any") for entry in entries for name, spec in entry.options.items()}
    return list(found.values())


def data_options(name: str, taken: Iterable[Argument] = ()) -> list[Argument]:
    """The options of a data set, none where no name is given.

    Args:
        name: registered name.
        taken: arguments of the command, whose names stay its own.
    """
    from unbraid.data.registry import datasets

    own = {argument.flag for argument in taken}
    return [
        Argument(spec, flag, f"Data set {name}", owner=f"data set {name!r}")
        for flag, spec in (datasets[name].options.items() if name else ())
        if flag not in own
    ]
