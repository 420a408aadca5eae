"""unbraid import IMPORTER FILE [-o RUN]"""

from __future__ import annotations

from unbraid.cli.arguments import options_of_any, out_option, overwrite_option
from unbraid.cli.parse import Argument, HelpShown, checked, positional, read_known

_NAMED = positional("importer", "whose models it reads, see `unbraid list importers`", required=True)
_FILE = positional("file", "the weights: .safetensors, or a state dict in .pt or .pth", required=True)
_WRITTEN = (
    out_option("run folder; default: runs/IMPORTER-NAME", "Options"),
    overwrite_option("replace the run in that folder", "Options"),
)
_OWN = (_NAMED, _FILE, *_WRITTEN)
_ABOUT = (
    "Make a run folder of a model that others trained, which evaluate, report, figure, explore and compare then take like any "
    "other. Files are read without running code that they may hold. Whose models: unbraid list importers"
)


def run(tokens: list[str]) -> int:
    """Run the command; returns the exit code."""
    from unbraid.importers.registry import importers

    words = read_known("import", [*_OWN, *options_of_any(importers)], tokens)
    about, options = _ABOUT, []
    if name := words.given.get("importer"):
        entry = importers[name]
        about = f"{_ABOUT.partition('. ')[0]}. {entry.summary}"
        options = [Argument(spec, flag, "Importer", owner=f"importer {name!r}") for flag, spec in entry.options.items()]
    try:
        given = checked(words.at(name), about, [*_OWN, *options])
    except HelpShown:
        return 0
    from unbraid import api
    from unbraid.cli.console import counting, out
    from unbraid.progress import listening
    from unbraid.training.run import open_run

    chosen = {argument.flag: given[argument.flag] for argument in options if argument.flag in given}
    with listening(counting):
        model = api.import_run(
            given["importer"], given["file"], given.get("out"), overwrite=given.get("overwrite", False), **chosen
        )
    assert model.folder is not None
    imported = open_run(model.folder).imported
    out.print(f"Run: {model.folder}")
    for note in imported.notes if imported else ():
        out.print(note)
    out.print(f"Score it: unbraid evaluate {model.folder}")
    return 0
