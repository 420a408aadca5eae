"""unbraid export RUN FOLDER"""

from __future__ import annotations

from unbraid.cli.parse import Argument, HelpShown, parse
from unbraid.options import Option, OptionSpec

_ARGUMENTS = (
    Argument(OptionSpec("run", str, None, Option("run folder, or one that Model.save wrote")), "run", required=True),
    Argument(OptionSpec("folder", str, None, Option("where the files go")), "folder", required=True),
    Argument(OptionSpec("overwrite", bool, False, Option("replace files of an earlier export")), "overwrite", "Options"),
)
_ABOUT = (
    "Write a trained model as encoder.onnx and decoder.onnx, checked against PyTorch, with model.json that says what they are "
    "and example.py that uses them: for programs and browsers that have no PyTorch."
)


def run(tokens: list[str]) -> int:
    """Run the command; returns the exit code."""
    try:
        given = parse("export", _ABOUT, _ARGUMENTS, tokens)
    except HelpShown:
        return 0
    from unbraid import api
    from unbraid.cli.console import out

    folder = api.export(given["run"], given["folder"], overwrite=given.get("overwrite", False))
    for path in sorted(folder.iterdir()):
        out.print(f"{path}  {path.stat().st_size:,} bytes")
    return 0
