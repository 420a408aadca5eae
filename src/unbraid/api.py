"""The stages of a run as Python calls: train, evaluate, report, load."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from unbraid.config.experiment import Experiment
from unbraid.config.plan import plan
from unbraid.data.dataset import Dataset
from unbraid.data.sets.arrays import IN_PYTHON, as_dataset
from unbraid.errors import UnbraidError, UsageError
from unbraid.evaluation.evaluate import periodic
from unbraid.evaluation.probing import Probe
from unbraid.evaluation.scores import Metrics
from unbraid.evaluation.stored import Scores
from unbraid.files import PAGE, kind_of_new_file, require_absent, write_json
from unbraid.loading import load, pick_device
from unbraid.metrics.label_curves import DRAWS, PENALTY
from unbraid.metrics.score_table import ScoreTable
from unbraid.model import Model
from unbraid.progress import Progress, Stages
from unbraid.records import finite_or_none, to_json
from unbraid.reporting.view import RunView
from unbraid.scoring import score, score_briefly
from unbraid.trackers.tracking import Tracking
from unbraid.training.bar import bar_where_seen
from unbraid.training.fit import Monitor, fit
from unbraid.training.lock import only_writer
from unbraid.training.run import find_run, make_run, open_run
from unbraid.zoo.registry import budgeted

if TYPE_CHECKING:  # matplotlib, which training does not need
    from matplotlib.figure import Figure

    from unbraid.explorer.page import Page

__all__ = [
    "check_run",
    "default_folder",
    "evaluate",
    "explore",
    "explore_onnx",
    "export",
    "figure",
    "import_run",
    "is_finished",
    "load",
    "pick_device",
    "probe",
    "report",
    "train",
    "train_planned",
    "view_of",
]

RUNS = Path("runs")


def train(
    model: str,
    data: Any,
    *,
    out: str | Path | None = None,
    device: str = "auto",
    extend: int = 0,
    overwrite: bool = False,
    progress: bool = True,
    monitor: Monitor | None = None,
    track: str | None = None,
    budget: str | None = None,
    **options: Any,
) -> Model:
    """Train a model on a data set, or go on where an earlier call with the same arguments stopped.

    Args:
        model: a registered name, see `unbraid list models`.
        data: a registered name, see `unbraid list datasets`; one with a path: "npz:digits.npz", "folder:photos"; images
            (n, height, width) or (n, channel, height, width) as an array or a tensor; a torch data set; or what
            `unbraid.dataset` makes of these with factors or labels.
        out: run folder; by default one under `runs/` whose name follows from the configuration.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        extend: train a run further, up to this step; its schedules stay those of the original length.
        overwrite: replace the run in the folder.
        progress: show a bar in a terminal or a notebook; elsewhere nothing is printed.
        monitor: is called as training proceeds, instead of the bar.
        track: an experiment tracker that is told every number, with a project or without: "trackio:thesis", see
            `unbraid list trackers`.
        budget: "5m", "1h" or "night": settings that were measured for so long a training, where there are some, but for
            options that are given; see `docs/defaults.md`.
        options: hyper-parameters of the model, options of the data set and likelihood, and `Settings`
            (`steps`, `batch_size`, `latent_dim`, `seed`, `lr`, ...): `train("beta_vae", "ellipses", beta=4, steps=6000)`.
            `encoder` and `decoder` are registered names, or classes or functions of a module: `docs/own-networks.md`.

    Raises `UsageError` before anything is written for what cannot be, `NonFiniteLoss`, `Interrupted`, and `UnbraidError` for
    what fails on the way.

    >>> model = unbraid.train("vae", "dsprites_reduced", steps=2, latent_dim=4, device="cpu", out="runs/second")
    >>> model.encode(unbraid.load_dataset("dsprites_reduced").images[:3]).shape
    (3, 4)
    """
    pick_device(device)
    tracking = Tracking(track) if track else None
    data = as_dataset(data)
    if budget is not None:
        options = {name: value for name, value in options.items() if value is not None}
        options = budgeted(model, data if isinstance(data, str) else data.name, budget, options) | options
    experiment, dataset = plan(model, data, options)
    if monitor is None and progress:
        monitor = bar_where_seen(f"{model} on {experiment.data_name}")
    with tracking or nullcontext():
        return train_planned(
            experiment,
            dataset,
            out=out,
            device=device,
            extend=extend,
            overwrite=overwrite,
            monitor=monitor,
            tracking=tracking,
        )


def train_planned(
    experiment: Experiment,
    dataset: Dataset,
    *,
    out: str | Path | None = None,
    device: str = "auto",
    extend: int = 0,
    overwrite: bool = False,
    monitor: Monitor | None = None,
    tracking: Tracking | None = None,
) -> Model:
    """Train what `unbraid.config.plan.plan` made of a request; arguments and errors as for `train`.

    Args:
        tracking: is told every number; the caller finishes it.
    """
    where = pick_device(device)
    folder = _free_folder(experiment, out, extend=extend, overwrite=overwrite)
    with only_writer(folder):
        run = find_run(folder, experiment, extend=extend, overwrite=overwrite)
        make_run(run, overwrite=overwrite)
        every = periodic(dataset, experiment.seed, where) if experiment.evaluate_every else None
        vae = fit(run, dataset, device=where, monitor=monitor, evaluate=every, tracking=tracking)
    return Model(vae, experiment, step=run.last_step, folder=folder, data=dataset if experiment.data == IN_PYTHON else None)


def check_run(
    model: str,
    data: Any,
    *,
    out: str | Path | None = None,
    device: str = "auto",
    extend: int = 0,
    overwrite: bool = False,
    progress: bool = True,
    track: str | None = None,
    **options: Any,
) -> Path:
    """The folder that `train` with these arguments would write to; nothing is written.

    Raises what `train` refuses.
    """
    pick_device(device)
    if track:
        Tracking(track)
    experiment, _ = plan(model, as_dataset(data), options)
    return _free_folder(experiment, out, extend=extend, overwrite=overwrite)


def _free_folder(experiment: Experiment, out: str | Path | None, *, extend: int, overwrite: bool) -> Path:
    """Where a run goes; refuses before anything is written."""
    folder = Path(out) if out is not None else default_folder(experiment)
    find_run(folder, experiment, extend=extend, overwrite=overwrite)
    return folder


def is_finished(folder: Path) -> bool:
    """Whether a folder holds a run that has reached its end.

    False also for a folder without a run, or with a damaged one.
    """
    try:
        run = open_run(folder)
        saved = run.newest()
    except UnbraidError:
        return False
    return saved is not None and saved.state.step >= run.last_step


def import_run(
    importer: str, file: str | Path, out: str | Path | None = None, *, overwrite: bool = False, **options: Any
) -> Model:
    """Make a run folder of a model that others trained: all that serves runs then serves it.

    Its weights are the checkpoint of its last step, and its configuration says how it was trained. It has no log.

    Args:
        importer: a registered name, see `unbraid list importers`.
        file: the weights.
        out: run folder; by default `runs/IMPORTER-NAME`, with the name that its authors gave the model.
        overwrite: replace the run in the folder.
        options: of the importer, see `unbraid show IMPORTER`.

    Raises `UsageError` for a file that is not what the importer reads and a folder that holds something already, and
    `CorruptFile` for one that is damaged.
    """
    from unbraid.importers.registry import Found, importers
    from unbraid.importers.writing import write_run

    entry, file = importers[importer], Path(file)
    found: Found = entry.factory(file, **entry.resolve(options))
    folder = RUNS / f"{importer}-{found.name}" if out is None else Path(out)
    write_run(entry, file, found, folder, overwrite=overwrite)
    return load(folder, "cpu")


@overload
def evaluate(
    folder: str | Path,
    *,
    data: Any = None,
    metrics: None = None,
    limit: int | None = None,
    intervals: int = 0,
    nulls: int = 0,
    device: str = "auto",
    overwrite: bool = False,
    pipe: bool = False,
    progress: Stages | None = None,
) -> Scores: ...
@overload
def evaluate(
    folder: str | Path,
    *,
    data: Any = None,
    metrics: Metrics,
    limit: int | None = None,
    intervals: int = 0,
    nulls: int = 0,
    device: str = "auto",
    overwrite: bool = False,
    pipe: bool = False,
    progress: Stages | None = None,
) -> ScoreTable: ...
def evaluate(
    folder: str | Path,
    *,
    data: Any = None,
    metrics: Metrics | None = None,
    limit: int | None = None,
    intervals: int = 0,
    nulls: int = 0,
    device: str = "auto",
    overwrite: bool = False,
    pipe: bool = False,
    progress: Stages | None = None,
) -> Scores | ScoreTable:
    """Score a run's newest checkpoint and write `codes.npz` and `metrics.json` beside it.

    Returns everything that is measured, or with `metrics` the scores by those. Metrics are added to those stored of the same
    images and weights. Stored scores of more images, of a later step, or by metrics that the new ones lack stay, with an
    `UnbraidWarning`, unless `overwrite` is given.

    Args:
        data: the data the run was trained on if they were given in Python, or their current location: "npz:PATH". Other data
            are refused; `Model.evaluate` takes them.
        metrics: "core" (by default), "all" (also those that train many models), names, or a mapping of names to options.
        limit: score on a fixed pseudo-random part of this many images; by default one for 50 that training saw, from 1,000 to
            100,000 (`unbraid.evaluation.cost`).
        intervals: halves of the images that 95 % intervals of metrics are made from, 0 for none.
        nulls: draws of each null encoder that scores are corrected for (`unbraid.metrics.nulls`), 0 for none.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        overwrite: replace stored scores, whatever they are.
        pipe: also train a classifier for PIPE (`unbraid.evaluation.without_labels.pipe`), which takes a minute or so, and store
            it among the scores without labels.
        progress: called with the title of a stage, gives what counts it.

    Raises `UsageError` for metrics that do not exist and data of another content, and `CorruptFile` for a run that is damaged
    or whose stored scores are of another configuration.

    >>> table = unbraid.evaluate("runs/beta1", metrics=["mig"])
    >>> sorted(table["mig"])
    ['ceiling', 'chance', 'per_factor', 'per_factor_ceiling', 'score', 'untrained']
    """
    view = view_of(folder, data=data, device=device)
    return score(
        view, metrics, limit=limit, intervals=intervals, nulls=nulls, overwrite=overwrite, pipe=pipe, progress=progress
    )


def probe(
    folder: str | Path,
    data: Any = None,
    target: str | None = None,
    *,
    label_counts: Sequence[int] = (),
    draws: int = DRAWS,
    penalty: float = PENALTY,
    seed: int = 0,
    device: str = "auto",
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> Probe:
    """Train linear classifiers on a run's frozen encoder.

    Writes their accuracy and loss by the number of labels beside the run, as JSON and as a figure.

    Args:
        folder: the run.
        data: what is probed, as `train` takes it; that of the run's training unless given. Where a registered data set comes in
            several sizes it comes in that of the run.
        target: what is predicted: "labels" (the default), or a factor.
        label_counts, draws, penalty, seed, progress: as `Model.probe` takes them.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        out: the JSON file; by default `probe-DATA-TARGET.json` in the run folder. The figure has the same name, ending in .png.
        overwrite: replace both files.
        options: of the data set.

    Raises `UsageError` before work starts for files that are there already, and what `Model.probe` refuses.

    >>> found = unbraid.probe("runs/first", target="x", label_counts=[10, 100], draws=1)
    >>> found.target, found.latents
    ('x', 3)
    """
    from unbraid.evaluation.probing import target_of
    from unbraid.figures.saving import save
    from unbraid.reporting.probes import probe_figure, probe_path

    model = load(folder, device)
    dataset = model.matching_data(data, **options)
    name, _ = target_of(dataset, target)
    path = probe_path(Path(folder), dataset.name, name) if out is None else Path(out)
    kind_of_new_file(path, ("json",), overwrite)
    picture = path.with_suffix(".png")
    require_absent(picture, overwrite)
    found = model.probe(dataset, target, label_counts=label_counts, draws=draws, penalty=penalty, seed=seed, progress=progress)
    write_json(path, finite_or_none(to_json(found)))
    save(probe_figure(found), picture, overwrite=overwrite)
    return found


def report(
    *folders: str | Path, out: str | Path | None = None, overwrite: bool = False, data: Any = None, device: str = "auto"
) -> Path:
    """Write the report of a run, or of several together, as one HTML file; returns its path.

    The file needs no other file and no network.

    Runs that were not scored yet are scored first.

    Args:
        folders: run folders; of several, those that differ in their seed alone are taken together.
        out: the file; of one run its `report.html` by default, which is replaced.
        overwrite: replace `out` if it is there.
        data: as `evaluate` takes them.

    Raises `UsageError` for no run, for several without `out`, and for an `out` that is there already.

    >>> unbraid.report("runs/beta1", "runs/beta4", out="comparison.html").name
    'comparison.html'
    """
    from unbraid.reporting.comparison import write_comparison
    from unbraid.reporting.page import write_report

    if not folders:
        raise UsageError("Give a run folder, or several.")
    if out is not None:
        kind_of_new_file(Path(out), PAGE, overwrite)
    if len(folders) > 1 and out is None:
        raise UsageError(f"A report of {len(folders)} runs lies in none of their folders; say where: -o comparison.html")
    if len(set(map(str, folders))) < len(folders):
        raise UsageError(f"A run folder is given twice among {', '.join(map(str, folders))}; give each once.")
    views = [view_of(folder, data=data, device=device) for folder in folders]  # refuse before any is scored
    for view in views:
        if not view.is_scored:
            score_briefly(view)
    if len(views) == 1:
        return write_report(views[0], None if out is None else Path(out))
    return write_comparison(views, Path(str(out)))


def view_of(folder: str | Path, *, data: Any = None, device: str = "auto") -> RunView:
    """A run as figures see it: each of its files is read when it is first needed."""
    return RunView(open_run(Path(folder)), as_dataset(data), device)


def figure(name: str, *folders: str | Path, data: Any = None, device: str = "auto", **options: Any) -> Figure:
    """A figure of one run or several: `unbraid.figure("traversals", "runs/x", dims=5)`.

    `unbraid list figures` lists all figures.

    `unbraid.figures.save` writes it to a file. The functions of arrays behind it stand in `unbraid.figures`.

    Args:
        name: a registered name.
        folders: run folders, scored where the figure needs scores.
        data: as `evaluate` takes them.
        options: of the figure, see `unbraid show NAME`.

    Raises `UnknownName` for a figure or option that does not exist and `UsageError` for runs that lack what it shows.

    >>> figure = unbraid.figure("traversals", "runs/beta1", dims=2)
    >>> unbraid.figures.save(figure, "traversals.png").name
    'traversals.png'
    """
    from unbraid.reporting.gallery.registry import draw

    made = draw(name, [view_of(folder, data=data, device=device) for folder in folders], options).content
    assert not isinstance(made, Sequence)
    return made


def export(folder: str | Path, out: str | Path, *, overwrite: bool = False) -> Path:
    """Write a run's newest checkpoint as ONNX files with a description and an example.

    Returns the folder they are in.

    What was measured of the latents goes along where this checkpoint was scored. See `unbraid.explorer.export`.

    Args:
        out: the folder for the files.
        overwrite: replace files of an earlier export.

    >>> folder = unbraid.export("runs/first", "exported")
    >>> sorted(path.name for path in folder.iterdir())
    ['decoder.onnx', 'encoder.onnx', 'example.py', 'model.json']
    """
    from unbraid.explorer.export import export_model

    view = view_of(folder, device="cpu")
    table, follows = (view.table, view.scores.follows or ()) if view.is_scored else (None, ())
    return export_model(view.model, Path(out), table=table, follows=follows, overwrite=overwrite)


def explore(
    runs: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    data: Any = None,
    times: int = 6,
    encoders: bool = True,
    split: bool = False,
    overwrite: bool = False,
) -> Page:
    """Write a page that shows what each latent of trained models does.

    It is one HTML file that opens from disk and needs no network.

    Args:
        runs: a run folder, or several that were trained on the same data.
        out: the file; with `split` a folder for a web server.
        data: as `evaluate` takes them.
        times: times of the training that are shown at most, where checkpoints were kept (`--keep-checkpoints 0`).
        encoders: whether the page carries encoders, which images that are drawn or opened there need; without them it takes
            about half the bytes.
        split: write a folder of files, which browsers fetch and keep, instead of one file.
        overwrite: replace what an earlier call wrote.

    Raises `UsageError` for models of different data and a file that exists, and `DataUnavailable` where packages of the extra
    `export` are not installed.

    >>> page = unbraid.explore("runs/first", "page.html", encoders=False)
    >>> Path("page.html").is_file()
    True
    """
    from unbraid.explorer.explore import explorer_page
    from unbraid.explorer.page import require_free, write

    folders = [Path(run) for run in ([runs] if isinstance(runs, (str, Path)) else runs)]
    if not folders:
        raise UsageError("Give a run folder, or several: unbraid explore runs/NAME -o page.html")
    require_free(Path(out), split=split, overwrite=overwrite)
    views = [view_of(folder, data=data, device="cpu") for folder in folders]
    return write(explorer_page(views, times, encoders=encoders), Path(out), split=split, overwrite=overwrite)


def explore_onnx(
    decoder: str | Path,
    out: str | Path,
    *,
    encoder: str | Path | None = None,
    split: bool = False,
    overwrite: bool = False,
) -> Page:
    """Write the page of `explore` for any decoder in an ONNX file, with an encoder or without.

    See `pair_page`.
    """
    from unbraid.explorer.onnx_pair import pair_page
    from unbraid.explorer.page import require_free, write

    require_free(Path(out), split=split, overwrite=overwrite)
    content = pair_page(Path(decoder), None if encoder is None else Path(encoder))
    return write(content, Path(out), split=split, overwrite=overwrite)


def default_folder(experiment: Experiment) -> Path:
    """Where a run is written by default."""
    return RUNS / experiment.name
