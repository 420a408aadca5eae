"""unbraid explore RUN [RUN ...] -o page.html"""

from __future__ import annotations

from unbraid.cli.arguments import DATA, RUNS, out_option, overwrite_option
from unbraid.cli.parse import HelpShown, option, parse
from unbraid.errors import UsageError
from unbraid.options import Option

_ARGUMENTS = (
    RUNS,
    out_option("the file to write, or the folder with --split"),
    overwrite_option("replace an earlier page"),
    option("split", bool, False, "write a folder for a web server instead of one file", "File"),
    option("times", int, 6, Option("times of training to show at most, where checkpoints were kept", ge=1)),
    option("encoders", bool, True, "carry encoders, for images that are drawn or opened there; without, half the bytes"),
    option("decoder", str, None, "a decoder of your own in an .onnx file, instead of runs: codes to images"),
    option("encoder", str, None, "the encoder that goes with it: images to codes"),
    DATA,
)
_ABOUT = (
    "Write a page to explore what a model learned: a slider for each latent, images of the data and your own, traversals, "
    "and training over time where checkpoints were kept (--keep-checkpoints 0). It is one HTML file, which opens from disk and "
    "needs no network."
)


def run(tokens: list[str]) -> int:
    """Run the command; returns the exit code."""
    try:
        given = parse("explore", _ABOUT, _ARGUMENTS, tokens)
    except HelpShown:
        return 0
    target = given.pop("out", None)
    runs = given.pop("run", [])
    decoder = given.pop("decoder", None)
    if not target or (decoder is None) == (not runs):
        raise UsageError(
            "Give a run folder, or several, and the file to write: unbraid explore runs/NAME -o page.html. "
            "Or models of your own: unbraid explore --encoder e.onnx --decoder d.onnx -o page.html"
        )
    foreign = {"times", "data", "encoders"} if decoder else {"encoder"}
    unused = sorted(foreign & set(given))
    if unused:
        raise UsageError(f"--{unused[0]} goes {'with runs, not with' if decoder else 'only with'} --decoder.")
    from unbraid import api
    from unbraid.cli.console import counting, out
    from unbraid.progress import listening

    with listening(counting):
        page = api.explore_onnx(decoder, target, **given) if decoder else api.explore(runs, target, **given)
    size = page.path.stat().st_size / 2**20
    out.print(f"Page: {page.path}, for a web server" if given.get("split") else f"Page: {page.path}  ({size:.1f} MB)")
    return 0
