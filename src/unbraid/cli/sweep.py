"""unbraid sweep MODELS DATA ..., unbraid sweep FILE.yaml, unbraid sweep status FOLDER"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from unbraid.cli.parse import Argument, HelpShown, Words, asks_for_help, checked, option, parse, positional, read
from unbraid.cli.scored_files import chosen_metrics
from unbraid.cli.train import every_option_of_training, options_of_own_networks
from unbraid.errors import UsageError
from unbraid.files import require_writable
from unbraid.options import Option

if TYPE_CHECKING:
    from unbraid.sweep.conduct import Ended, Engine
    from unbraid.sweep.points import Plan, Request, Scoring
    from unbraid.sweep.store import Store

FOLDER = "sweeps"
MOST_ROWS = 40
"""Configurations that a plan shows, of all that are counted."""
_ENGINES = Literal["local", "dask", "slurm"]

_WHICH = (
    positional("models", "models, joined by commas, or a .yaml file that says which runs are asked for"),
    positional("data", "data sets, joined by commas"),
)
ENGINE_OPTIONS = (
    option("retry_failed", bool, False, "train runs again that failed before", "Sweep"),
    option(
        "allow_version_change",
        bool,
        False,
        "continue even if the installed code differs from that the sweep was planned with",
        "Sweep",
    ),
    option("engine", _ENGINES, "local", "what runs the workers", "Engine"),
    option("workers", int, None, Option("processes of this machine, one thread each; default: one per core", ge=1), "Engine"),
    option("device", str, "auto", "auto, cpu, cuda or cuda:N, on the machine of the worker", "Engine"),
    option(
        "track",
        str,
        None,
        "workers tell an experiment tracker every number: NAME or NAME:PROJECT, see `unbraid list trackers`",
        "Engine",
    ),
    option("scheduler", str, None, "address of a dask scheduler, like tcp://host:8786; default: one is started", "Engine"),
    option("jobs", int, 16, Option("Slurm: jobs of the array, each of which takes run after run", ge=1), "Slurm"),
    option("partition", str, None, "Slurm: partition", "Slurm"),
    option("time", int, 240, Option("Slurm: time limit of a job in minutes, after which it is requeued", ge=1), "Slurm"),
    option("memory", float, None, Option("Slurm: memory of a job in GB", gt=0), "Slurm"),
    option(
        "slurm", str, None, "Slurm: further options of sbatch, NAME=VALUE joined by commas: account=abc,gres=gpu:1", "Slurm"
    ),
    option("detach", bool, False, "Slurm: return once the jobs are submitted", "Slurm"),
)
"""Options of every command that trains many runs."""
_OWN = (
    option("out", str, FOLDER, "folder of the sweep; runs that are there already are not trained again", "Sweep", short="-o"),
    option("plan", bool, False, "show what would run, and run nothing", "Sweep"),
    option("metrics", str, "core", "metrics to score runs by: core, all, or names joined by commas", "Sweep"),
    option("evaluate_images", int, 100_000, Option("images to score each run on, at most", ge=2), "Sweep"),
    option("ledger", str, None, "a folder of results; runs it holds are not trained again", "Sweep"),
    *ENGINE_OPTIONS,
)
_STATUS = (
    positional("folder", f"folder of a sweep; default: {FOLDER}"),
    option("all", bool, False, "name every run that runs or failed, instead of the first of many"),
)
_ABOUT = (
    "Train and score every combination: unbraid sweep beta_vae,beta_tcvae ellipses --seed 0..4 --beta 1,4,16. Any option of "
    "unbraid train may have several values, joined by commas, or a range 0..4. A file says the same: unbraid sweep sweep.yaml."
    "\n\n"
    "The same command resumes where it stopped and trains only missing runs; several processes may share one folder. "
    "Progress: unbraid sweep status FOLDER. Results: unbraid compare FOLDER."
)


def run(tokens: list[str]) -> int:
    """Run the command; returns the exit code."""
    try:
        if tokens[:1] == ["status"]:
            about = "Show which runs of a sweep are finished, running, waiting and failed."
            told = parse("sweep status", about, _STATUS, tokens[1:])
            return _status(told.get("folder", FOLDER), every=told.get("all", False))
        given, asked = _given(tokens)
    except HelpShown:
        return 0
    options = {argument.flag: given.get(argument.flag, argument.spec.default) for argument in _OWN}
    return _sweep(asked, options)


def arguments(words: Words | None = None) -> list[Argument]:
    """All arguments of the command.

    Args:
        words: what was read so far, which may name networks that are not registered.
    """
    training = [*every_option_of_training(), *(options_of_own_networks(words) if words else [])]
    return [*_WHICH, *_OWN, *(replace(argument, listed=True) for argument in training)]


def _given(tokens: list[str]) -> tuple[dict[str, Any], list[Request]]:
    """The command's own options, and the runs that the others ask for."""
    from unbraid.sweep.grids import from_file, from_options

    # help does not wait for the options of all parts, which takes a second
    wants_help = not tokens or asks_for_help(tokens)
    words = Words("sweep", {}, help=True) if wants_help else read("sweep", arguments(), tokens)
    if not words.given:
        checked(replace(words, help=True), _ABOUT, [*_WHICH, *_OWN])
    if words.unknown:
        words = read("sweep", arguments(words), tokens)
    given = checked(words, _ABOUT, arguments(words))
    models, data = given.pop("models", ""), given.pop("data", "")
    own = {argument.flag for argument in _OWN}
    axes = {name: value for name, value in given.items() if name not in own}
    if Path(models).suffix not in (".yaml", ".yml"):
        return given, from_options(models, data, axes)
    if data or axes:
        stray = data or f"--{next(iter(axes)).replace('_', '-')}"
        raise UsageError(f"{models} says which runs are asked for; write {stray} there.")
    found = from_file(Path(models))
    _require_trust(models, found)
    return given, found


def _require_trust(path: str, found: list[Request]) -> None:
    """Raise `UsageError` for a file, maybe by others, whose networks or functions would be imported."""
    from unbraid.sweep.resolving import OWN
    from unbraid.trust import is_own, is_trusting

    parts = (str(one.options[part]) for one in found for part in OWN if is_own(one.options.get(part)))
    own = next(parts, None)
    if own is not None and not is_trusting():
        raise UsageError(
            f"{path} names {own!r}. Importing its module runs its code, so this is done only when you ask for it: add --trust."
        )


def _status(folder: str, *, every: bool) -> int:
    from unbraid.cli.console import out
    from unbraid.sweep.progress import SHOWN, render, varying
    from unbraid.sweep.status import Watcher, seconds_left
    from unbraid.sweep.store import Store

    store = Store.open(Path(folder))
    damaged: list[str] = []
    watcher = Watcher(store, store.plans(damaged=damaged), once=True)
    status = watcher.look()
    status.problems += damaged
    out.print(
        render(
            status,
            seconds_left(status, watcher.rates, max(1, len(status.running))),
            varying(list(status.points.values())),
            shown=None if every else SHOWN,
        )
    )
    return 0


def _sweep(requests: list[Request], options: dict[str, Any]) -> int:
    from unbraid.cli.console import counting, err, out
    from unbraid.metrics.evaluate import choose
    from unbraid.progress import listening
    from unbraid.sweep.planning import make_plan
    from unbraid.sweep.points import Scoring
    from unbraid.sweep.store import MARK, Store

    require_valid_engine(options)
    metrics = chosen_metrics(options)
    choose(metrics)  # an unknown name is refused before anything is trained
    scoring = Scoring(options["evaluate_images"], metrics)
    folder = Path(options["out"])
    if not options["plan"]:
        require_writable(folder / MARK)
    store = Store.foreseen(folder)
    damaged: list[str] = []
    with listening(counting), counting("Planning") as told:
        plan = make_plan(requests, scoring, store.plans(damaged=damaged), device=options["device"], progress=told)
    for note in damaged:
        err.print(f"Warning: {note} It is left out.", style="yellow", soft_wrap=True)
    if not options["plan"]:  # not before: what is refused leaves no folder
        store = Store.make(folder)
    plan, elsewhere = _without_known(plan, options["ledger"])
    for note in _unusable(store, plan, mend=not options["plan"]):
        err.print(f"Warning: {note}", style="yellow", soft_wrap=True)
    if options["plan"]:
        return _show_plan(store, plan, options, elsewhere)
    if elsewhere:
        err.print(f"{elsewhere} runs are in the ledger {options['ledger']} already.")
    if not plan.groups:
        out.print("Nothing is left to run.")
        return 0
    ended = conduct_plan(store, plan, options)
    if ended is None:
        return 0
    count = sum(len(group.seeds) for group in plan.groups)
    out.print(f"{ended.finished} of {count} {'run is' if count == 1 else 'runs are'} finished: {store.folder}")
    if ended.failed:
        out.print(f"{len(ended.failed)} failed; see unbraid sweep status {store.folder}")
        return 1
    out.print(f"Compare them: unbraid compare {store.folder}")
    return 0


def _without_known(plan: Plan, ledger_folder: str | None) -> tuple[Plan, int]:
    """The plan without what a ledger holds, and how many runs that are."""
    import msgspec

    from unbraid.sweep.former import configuration_today
    from unbraid.sweep.points import key_of
    from unbraid.sweep.store import ledger, require_ledger

    if ledger_folder is None:
        return plan, 0
    known = {key_of(result.configuration, result.seed) for result in ledger(require_ledger(Path(ledger_folder)))}
    groups = []
    for group in plan.groups:
        today = configuration_today(group.configuration)
        seeds = [seed for seed in group.seeds if key_of(today, seed) not in known]
        if seeds:
            groups.append(msgspec.structs.replace(group, seeds=seeds))
    left = sum(len(group.seeds) for group in groups)
    return msgspec.structs.replace(plan, groups=groups), sum(len(group.seeds) for group in plan.groups) - left


def _unusable(store: Store, plan: Plan, *, mend: bool) -> list[str]:
    """Set results aside that are damaged or that lack metrics or images that are asked for.

    Returns a sentence about each.
    """
    from unbraid.errors import UnbraidError
    from unbraid.sweep.store import DAMAGED, FORMER

    notes = []
    points = {point.key: point for point in plan.points()}
    for key in sorted(store.finished(points)):
        try:
            result = store.result(key)
        except UnbraidError as error:
            moved = f" It was renamed to {store.set_aside(key, DAMAGED).name}." if mend else ""
            notes.append(f"{error}{moved} The run is scored again.")
            continue
        if result is None or _is_enough(plan.scoring, result.metrics, result.scored_images, result.of_images):
            continue
        if mend:
            store.set_aside(key, FORMER)
        notes.append(f"{points[key].label} was not scored by what is asked for now; it is scored again.")
    return notes


def _is_enough(scoring: Scoring, metrics: dict[str, Any], images: int, of_images: int) -> bool:
    wanted = [] if isinstance(scoring.metrics, str) else scoring.metrics
    if scoring.metrics == "all":
        from unbraid.metrics.registry import metrics as registry

        wanted = registry.names() if metrics else []  # data without factors have no metrics
    return images >= min(scoring.images, of_images) and all(name in metrics for name in wanted)


def _show_plan(store: Store, plan: Plan, options: dict[str, Any], elsewhere: int) -> int:
    from unbraid.cli.console import out
    from unbraid.cli.tables import make_table
    from unbraid.cores import cores
    from unbraid.sweep.points import key_of
    from unbraid.sweep.progress import duration, headline, labels_of
    from unbraid.sweep.status import Watcher, free_bytes

    watcher = Watcher(store, [plan])
    status = watcher.look()
    out.print(headline(status, None), style="bold")
    if elsewhere:
        out.print(f"{elsewhere} more are in the ledger {options['ledger']}.")
    table = make_table("configuration", "seeds", "there", "to run", "each", "disk each")
    seconds: list[float | None] = []
    disk: list[int | None] = []
    for number, (group, label) in enumerate(zip(plan.groups, labels_of(plan.groups), strict=True)):
        keys = [key_of(group.configuration, seed) for seed in group.seeds]
        there = sum(1 for key in keys if key in status.finished)
        each, size = watcher.rates.seconds(group), watcher.rates.disk(group)
        left = len(keys) - there
        seconds += [each] * left
        disk += [size] * left
        if number == MOST_ROWS:
            table.add_row(f"and {len(plan.groups) - MOST_ROWS} more", "", "", "", "", "")
        if number >= MOST_ROWS:
            continue
        table.add_row(
            label,
            str(len(keys)),
            str(there),
            str(left),
            "unknown" if each is None else duration(each),
            "unknown" if size is None else _size(size),
        )
    out.print(table)
    workers = options["workers"] or (cores() if options["engine"] == "local" else options["jobs"])
    known = [one for one in seconds if one is not None]
    if not seconds:
        out.print("Nothing is left to run.")
    elif not known:
        out.print("Time and disk are not known: no run like these was timed here. The first finished run will show it.")
    else:
        out.print(f"About {duration(sum(known))} of one core, {duration(sum(known) / workers)} with {workers} workers.")
        need, free = sum(one or 0 for one in disk), free_bytes(store)
        have = f"; {_size(free)} are free" if free is not None else ""
        out.print(f"About {_size(need)} of disk{have}.")
        if len(known) < len(seconds):
            out.print(
                f"{len(seconds) - len(known)} of {len(seconds)} runs are not counted in this: none like them was timed here."
            )
    return 0


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def require_valid_engine(options: dict[str, Any]) -> None:
    """Refuse a tracker that does not exist, and --detach without Slurm, before work starts.

    Args:
        options: by the names of `ENGINE_OPTIONS`.
    """
    from unbraid.trackers.tracking import Tracking

    if options["track"]:
        Tracking(options["track"])
    if options["detach"] and options["engine"] != "slurm":
        raise UsageError("--detach: only Slurm jobs outlive this command; give --engine slurm, or leave --detach out.")


def conduct_plan(store: Store, plan: Plan, options: dict[str, Any]) -> Ended | None:
    """Run a plan to its end, or submit it; None where it was submitted.

    Args:
        options: by the names of `ENGINE_OPTIONS`.
    """
    from unbraid.cli.console import err
    from unbraid.cli.main import INTERRUPTED
    from unbraid.sweep.conduct import Left, conduct, submit
    from unbraid.sweep.progress import Progress
    from unbraid.sweep.status import Watcher

    watcher = Watcher(store, [plan])
    engine = _engine(store, plan, options)
    try:
        if options["detach"]:
            jobs = submit(store, plan, engine, allow_version_change=options["allow_version_change"], track=options["track"])
            err.print(f"Submitted {len(jobs)} jobs: {', '.join(jobs)}. They run without this process.")
            err.print(f"Progress: unbraid sweep status {store.folder}")
            return None
        with Progress(err, watcher, engine.capacity) as progress:
            return conduct(
                store,
                plan,
                engine,
                told=progress,
                retry_failed=options["retry_failed"],
                allow_version_change=options["allow_version_change"],
                track=options["track"],
            )
    except Left as left:
        err.print(str(left), soft_wrap=True)
        os._exit(INTERRUPTED)  # an orderly end would wait for the workers
    finally:
        engine.shutdown(wait=True, cancel_futures=True)


def _engine(store: Store, plan: Plan, options: dict[str, Any]) -> Engine:
    left = max(1, sum(len(group.seeds) for group in plan.groups))
    if options["engine"] == "dask":
        from unbraid.sweep.engines.dask import DaskExecutor

        return DaskExecutor(options["scheduler"], options["workers"])
    if options["engine"] == "slurm":
        from unbraid.sweep.engines.slurm import SlurmExecutor

        return SlurmExecutor(
            store.folder.absolute() / "slurm",
            min(options["jobs"], left),
            partition=options["partition"],
            minutes=options["time"],
            memory=options["memory"],
            options=_pairs(options["slurm"] or ""),
        )
    from unbraid.cores import cores
    from unbraid.sweep.engines.local import LocalExecutor

    return LocalExecutor(min(options["workers"] or cores(), left))


def _pairs(text: str) -> dict[str, Any]:
    """The options that "account=abc,gres=gpu:1,exclusive" stands for."""
    parts = [part.partition("=") for part in text.split(",") if part]
    return {name.strip().removeprefix("--"): value if equals else True for name, equals, value in parts}
