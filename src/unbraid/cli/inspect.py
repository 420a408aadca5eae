"""unbraid inspect DATA|PATH [-o FILE.png]"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from unbraid.cli.arguments import data_options, options_of_any, out_option, overwrite_option
from unbraid.cli.parse import HelpShown, checked, positional, read_known
from unbraid.errors import CorruptFile, UnbraidError

if TYPE_CHECKING:
    from unbraid.data.dataset import Dataset

_DATA = positional("data", "a data set, as unbraid train takes it, or a folder of images or an .npz file", required=True)
_FILE = (out_option("picture of some of the images to write, a .png"), overwrite_option())
_OWN = (_DATA, *_FILE)
_ABOUT = (
    "Say what is understood of a data set before anything is trained: images, values, factors, classes, duplicates, splits, "
    "and what training would do. Of a folder, every file that cannot be read is named."
)
_LISTED = 50
_ROWS, _COLUMNS, _SIDE = 4, 10, 128


def run(tokens: list[str]) -> int:
    """Run the command; returns the exit code."""
    from unbraid.data.dataset import addressed
    from unbraid.data.registry import datasets

    words = read_known("inspect", [*_OWN, *options_of_any(datasets)], tokens)
    name, place = addressed(_as_named(words.given["data"]), {}) if words.given.get("data") else ("", {})
    own = data_options(name)
    try:
        given = checked(words.at(name or None), _ABOUT, [*_OWN, *own])
    except HelpShown:
        return 0
    from unbraid.cli.console import counting, out
    from unbraid.config.experiment import load_known
    from unbraid.files import kind_of_new_file
    from unbraid.progress import listening

    path = Path(given["out"]) if given.get("out") else None
    if path is not None:
        kind_of_new_file(path, ("png",), given.get("overwrite", False))
    options = place | {argument.flag: given[argument.flag] for argument in own if argument.flag in given}
    with listening(counting):
        if name == "folder" and not options.get("skip_bad"):
            _require_sound(Path(options["path"]))
        dataset, _ = load_known(name, datasets[name].resolve(options))  # which planning shares
        _tell(dataset)
    _tell_training(name, options)
    if path is not None:
        _draw(dataset, path)
        out.print(f"\nPicture: {path}")
    return 0


def _as_named(data: str) -> str:
    """A data set by its name and path, of the path of a folder or file too."""
    from unbraid.data.registry import datasets

    path = Path(data)
    if data.partition(":")[0] in datasets:
        return data
    if path.is_dir():
        return f"folder:{data}"
    return f"npz:{data}" if path.suffix.lower() in (".npz", ".npy") and path.is_file() else data


def _require_sound(place: Path) -> None:
    from unbraid.cli.console import out
    from unbraid.data.files.image_files import list_images, unreadable
    from unbraid.progress import reporting

    with reporting(f"reading {place.name}") as report:
        found = unreadable(list_images(place), report)
    if not found:
        return
    for _, problem in found[:_LISTED]:
        out.print(problem)
    more = f"; {len(found) - _LISTED:,} of them are not listed" if len(found) > _LISTED else ""
    raise CorruptFile(f"{len(found):,} files of {place} cannot be read{more}. Repair them, or go on without them: --skip-bad.")


def _tell(dataset: Dataset) -> None:
    from rich.table import Table

    from unbraid.cli.console import out
    from unbraid.data.inspection import facts_of

    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column()
    for fact in facts_of(dataset):
        table.add_row(fact.about, fact.found)
    out.print(dataset.name, style="bold")
    out.print(table)


def _tell_training(name: str, options: dict[str, Any]) -> None:
    from unbraid.cli.console import out
    from unbraid.config.plan import plan

    try:
        experiment, _ = plan("beta_vae", name, options)
    except UnbraidError as error:
        out.print(f"\nTraining would be refused: {error}")
        return
    out.print(
        f"\nunbraid train beta_vae would take encoder {experiment.encoder}, decoder {experiment.decoder}, likelihood "
        f"{experiment.likelihood}, {experiment.latent_dim} latents, and {experiment.steps:,} steps of {experiment.batch_size} "
        f"images: {experiment.steps * experiment.batch_size / experiment.n_train:,.1f} passes over the training images."
    )


def _draw(dataset: Dataset, path: Path) -> None:
    """Some images in a grid."""
    import numpy as np

    from unbraid.data.examples import example_images
    from unbraid.figures.grids import png, shrink, strip
    from unbraid.files import whole_file

    rows = np.resize(example_images(dataset, _ROWS * _COLUMNS), _ROWS * _COLUMNS)
    images = shrink(dataset.images.bytes(rows), _SIDE)
    times = max(1, 64 // max(images.shape[2:]))
    images = images.repeat(times, axis=2).repeat(times, axis=3)
    strips = [strip(part) for part in np.split(images, _ROWS)]
    with whole_file(path) as temporary:
        temporary.write_bytes(png(np.concatenate(strips)))
