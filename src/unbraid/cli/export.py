"""unbraid export RUN FOLDER"""

from __future__ import annotations

from unbraid.cli.arguments import overwrite_option
from unbraid.cli.parse import HelpShown, parse, positional

_ARGUMENTS = (
    positional("run", "run folder, or one that Model.save wrote", required=True),
    positional("folder", "where the files go", required=True),
    overwrite_option("replace files of an earlier export", "Options"),
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
