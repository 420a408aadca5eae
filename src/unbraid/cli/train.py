"""unbraid train MODEL DATA

From here to the step: `unbraid.config.plan.plan` makes a configuration of the request, `unbraid.api.train_planned` makes or
finds the run folder, `unbraid.training.fit.fit` is the loop over steps, and `unbraid.training.step.train_step` is one of them.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unbraid.cli.arguments import DEVICE, out_option, overwrite_option
from unbraid.cli.parse import Argument, HelpShown, Words, checked, option, positional, read
from unbraid.errors import Interrupted, UnbraidError, UsageError
from unbraid.options import Option, OptionSpec, options_of

if TYPE_CHECKING:
    from unbraid.config.experiment import Experiment
    from unbraid.data.dataset import Dataset
    from unbraid.model import Model
    from unbraid.trackers.tracking import Tracking

_PLACES = (
    positional("model", "which model, see `unbraid list models`"),
    positional("data", "which data set, see `unbraid list datasets`"),
)
_RUN = (
    out_option("run folder; default: runs/MODEL-DATA-seedN-HASH", "Run"),
    replace(DEVICE, group="Run"),
    option("budget", str, None, "settings measured for this length on two cores, where there are some: 5m, 1h or night", "Run"),
    option("extend", int, None, Option("train a finished run further, up to this step; schedules do not change", ge=1), "Run"),
    overwrite_option("replace the run in the folder", "Run"),
    option("config", str, None, "read all options that are not given from this config.json", "Run"),
    option(
        "evaluate_images",
        int,
        None,
        Option("images to score at the end; default: one for 50 that training saw, from 1,000 to 100,000", ge=2),
        "Run",
    ),
    option(
        "track", str, None, "tell an experiment tracker every number: NAME or NAME:PROJECT, see `unbraid list trackers`", "Run"
    ),
    option("report", bool, True, "score the run and write its report at the end", "Run"),
)
_ABOUT = (
    "Train MODEL on DATA and score it; writes a run folder with checkpoints, logs, scores and a report. "
    "The same command resumes a run that was stopped."
)


@dataclass(frozen=True)
class Request:
    """What a command line asks for.

    Args:
        options: flat options for `plan`.
        run: options of the command itself.
        config: the configuration given with --config.
        budgeted: those of the options that --budget stands for.
    """

    model: str
    data: str
    options: Mapping[str, Any]
    run: Mapping[str, Any] = field(default_factory=dict)
    config: Experiment | None = None
    budgeted: Mapping[str, Any] = field(default_factory=dict)


def run(tokens: list[str]) -> int:
    """Run the command; returns the exit code."""
    try:
        words = read("train", _every_argument(), tokens)
        if own := options_of_own_networks(words):
            words = read("train", [*_every_argument(), *own], tokens)
        request = _request(words)
    except HelpShown:
        return 0
    return _train(request, tokens)


def _every_argument() -> list[Argument]:
    """All arguments that the command has for any model and data set, for `read`."""
    return [*_PLACES, *_RUN, *every_option_of_training()]


def every_option_of_training() -> list[Argument]:
    """The settings, and the options of any registered part."""
    from unbraid.config.parts import every_option

    return [*_settings({}), *(Argument(spec, flag, "Any") for flag, spec in every_option().items())]


def options_of_own_networks(words: Words) -> list[Argument]:
    """The options of networks that are not registered.

    A module that the command line names is imported to read them, and so is that of a joint distribution.
    """
    from unbraid.config.parts import PARTS, PREFIXED
    from unbraid.data.dataset import JOINT
    from unbraid.data.joint import is_function, joint_function
    from unbraid.trust import is_own, trusting

    found: list[Argument] = []
    config = _config(words.given["config"]) if words.given.get("config") else None
    for part in PREFIXED:
        with trusting(part in words.given):  # not what a file names
            for name in str(words.given.get(part) or getattr(config, part, "")).split(","):  # several in a sweep
                options = PARTS[part][name].options if is_own(name) else {}
                found += [Argument(spec, f"{part}_{option}", "Any") for option, spec in options.items()]
    joint = words.given.get(JOINT) or (config.data_options.get(JOINT) if config else None)
    if is_function(joint):
        with trusting(JOINT in words.given):
            joint_function(str(joint))
    return found


def _settings(defaults: Mapping[str, Any]) -> list[Argument]:
    from unbraid.config.settings import Settings

    return [
        Argument(replace(spec, default=defaults.get(name, spec.default)), name, "Training")
        for name, spec in options_of(Settings).items()
    ]


def _request(words: Words) -> Request:
    """A command line understood: the parts are chosen, and every word is checked against their options."""
    from unbraid.config.parts import whose
    from unbraid.data.dataset import addressed
    from unbraid.zoo.registry import budgeted

    config = _config(words.given["config"]) if "config" in words.given else None
    base = config.flat_options() if config else {}
    model, data = (words.given.get(part) or base.get(part) for part in ("model", "data"))
    if not (model and data):
        return _without_parts(words)
    try:
        data, place = addressed(data, {})
        if words.given.get("budget"):
            if config:
                raise UsageError("--config has the settings of a run, and --budget others; give one of them.")
            base = budgeted(model, data, words.given["budget"], _read_early(_early(model, data), words))
        if {"steps", "epochs"} & words.given.keys():  # another length
            base = {name: value for name, value in base.items() if name not in ("steps", "checkpoint_every", "log_every")}
        arguments, about = _arguments(model, data, words, base | place)
    except UnbraidError:
        _refuse_unknown(words)  # the value of an unknown option was taken for a name
        raise
    if config and (model, data) != (config.model, config.data):
        raise UsageError(f"--config is a run of {config.model} on {config.data}; leave MODEL and DATA out, or give those.")
    given = checked(words.at(model, data), about, arguments, whose)
    known = {argument.flag for argument in arguments}  # options of other parts than those of the base no longer hold
    chosen = {**{name: value for name, value in base.items() if name in known}, **given, **place}
    own = {argument.flag for argument in (*_PLACES, *_RUN)}
    options = {name: value for name, value in chosen.items() if name not in own}
    run = {name: value for name, value in given.items() if name in own}
    if config and not {"steps", "epochs", "extend"} & given.keys():  # a run that was trained on ends where it ended
        run |= _extension(given["config"])
    return Request(model, data, options, run, config, {} if config else base)


def _refuse_unknown(words: Words) -> None:
    words.refuse_unknown(_every_argument(), "unbraid train MODEL DATA --help")


def _without_parts(words: Words) -> Request:
    _refuse_unknown(words)
    if words.help:
        checked(words, f"{_ABOUT}\n\nOptions of a model and a data set: unbraid train MODEL DATA --help", _general())
    raise UsageError(
        "unbraid train needs a model and a data set: unbraid train beta_vae ellipses. "
        "See: unbraid list models, unbraid list datasets"
    )


def _general() -> list[Argument]:
    return [*_PLACES, *_settings({}), *_RUN]


def _arguments(model: str, data: str, words: Words, base: Mapping[str, Any]) -> tuple[list[Argument], str]:
    """The arguments of the command for the chosen parts, each with the default that holds for them."""
    from unbraid.config.parts import PARTS
    from unbraid.config.plan import shown_defaults

    early = _early(model, data)
    given = {name: value for name, value in base.items() if name in early} | _read_early(early, words)
    choice, defaults = shown_defaults(model, data, given)
    defaults |= {flag: base[flag] for flag in base.keys() & defaults.keys()}
    titles = {part: f"{PARTS[part].kind.capitalize()} {name}" for part, name in choice.names.items()}
    options = [
        Argument(replace(spec, default=defaults[flag]), flag, titles[part], owner=_owner(part, choice.names))
        for flag, (part, spec) in choice.flat.items()
    ]
    about = f"{PARTS['model'][model].summary}\n\n{PARTS['data'][data].summary}\n\n{_ABOUT}"
    return [*_PLACES, *options, *_settings(defaults), *_RUN], about


def _early(model: str, data: str) -> dict[str, tuple[OptionSpec, str]]:
    """The options of model and data set, and the settings, each with whose it is: they depend on no other."""
    from unbraid.config.parts import part_options
    from unbraid.config.settings import Settings

    names = {"model": model, "data": data}
    return {name: (spec, _owner(part, names)) for name, (part, spec) in part_options(names).items()} | {
        name: (spec, _owner("", names)) for name, spec in options_of(Settings).items()
    }


def _read_early(early: Mapping[str, tuple[OptionSpec, str]], words: Words) -> dict[str, Any]:
    return {
        name: early[name][0].read(word, early[name][1])
        for name, word in words.given.items()
        if name in early and not (words.help and word == "")
    }


def _owner(part: str, names: Mapping[str, str]) -> str:
    from unbraid.config.parts import PARTS

    return f"{PARTS[part].kind} {names[part]!r}" if part else "unbraid train"


def _config(path: str) -> Experiment:
    from unbraid.config.experiment import Experiment
    from unbraid.files import read_json

    if not Path(path).is_file():
        raise UsageError(f"--config {path}: there is no such file.")
    return Experiment.from_dict(read_json(Path(path), "configuration"), path)


def _extension(path: str) -> dict[str, int]:
    """How far the run of a config.json was trained on; empty where it was not."""
    from unbraid.files import read_json
    from unbraid.training.run import extension_of

    extend = extension_of(read_json(Path(path), "configuration"), path)
    return {"extend": extend} if extend else {}


def _train(request: Request, tokens: list[str]) -> int:
    from unbraid import api
    from unbraid.cli.console import counting, err, out
    from unbraid.config.plan import plan
    from unbraid.progress import listening
    from unbraid.trackers.tracking import Tracking

    overwrite = request.run.get("overwrite", False)
    tracking = Tracking(request.run["track"]) if request.run.get("track") else None
    with listening(counting):
        experiment, dataset = plan(request.model, request.data, request.options)
    for note in experiment.notes(dataset):
        err.print(note, markup=False, highlight=False)
    if request.config:
        _require_same_data(request.config, experiment, request.run["config"])
    folder = Path(request.run["out"]) if request.run.get("out") else api.default_folder(experiment)
    finished = not overwrite and api.is_finished(folder)
    if not finished:
        for measured in _measured(request):
            err.print(measured)
    with tracking or nullcontext():
        trained = _trained(request, experiment, dataset, folder, tracking, tokens)
        if not request.run.get("report", True):
            out.print(f"Run folder: {folder}")
            return 0
        return _score_and_report(request, folder, trained, tracking, finished=finished)


def _measured(request: Request) -> Iterator[str]:
    """What holds that was measured for this pair, and was not asked for by its name."""
    from unbraid.zoo.registry import tuned

    for words, values in (
        (f"Defaults measured for {request.data}", tuned(request.model, request.data, request.options)),
        (f"Settings measured for {request.run.get('budget')}", request.budgeted),
    ):
        if values:
            yield f"{words}: {', '.join(f'{name} {value:g}' for name, value in values.items())}"


def _trained(
    request: Request, experiment: Experiment, dataset: Dataset, folder: Path, tracking: Tracking | None, tokens: list[str]
) -> Model:
    """Train, with a bar."""
    from unbraid import api
    from unbraid.cli.console import counting, err
    from unbraid.progress import listening
    from unbraid.training.bar import Bar

    try:
        with listening(counting):
            return api.train_planned(
                experiment,
                dataset,
                out=folder,
                device=request.run.get("device", "auto"),
                extend=request.run.get("extend") or 0,
                overwrite=request.run.get("overwrite", False),
                tracking=tracking,
                monitor=Bar(f"{request.model} on {experiment.data_name}", err, _scoring_time(experiment, dataset, request.run)),
            )
    except Interrupted as stopped:
        raise Interrupted(f"{stopped}\nResume with: {shlex.join(['unbraid', 'train', *_resume_tokens(tokens)])}") from None


def _score_and_report(request: Request, folder: Path, trained: Model, tracking: Tracking | None, *, finished: bool) -> int:
    """Score the run unless it is scored, and write its report."""
    from unbraid import api
    from unbraid.cli.console import counting, out, stages
    from unbraid.cli.tables import print_scores  # here, so that the first step comes soon
    from unbraid.evaluation.stored import numbers_of
    from unbraid.progress import listening
    from unbraid.reporting.page import write_report
    from unbraid.scoring import score_briefly
    from unbraid.training.run import REPORT

    view = api.view_of(folder, device=request.run.get("device", "auto"))
    scored_before = view.is_scored
    if not scored_before:
        with listening(counting):
            score_briefly(view, limit=request.run.get("evaluate_images"), progress=stages())
        (folder / REPORT).unlink(missing_ok=True)
    print_scores(view.scores)
    if tracking:
        tracking.send("score", view.scores.step, numbers_of(view.scores))
    page = folder / REPORT if (folder / REPORT).is_file() else write_report(view)
    if finished and scored_before:
        out.print(f"This run had already finished at step {trained.step:,}. --extend N trains it further, --overwrite anew.")
    out.print(f"Run folder: {folder}")
    out.print(f"Report:     {page}")
    return 0


def _scoring_time(experiment: Experiment, dataset: Dataset, given: Mapping[str, Any]) -> Callable[[float], float]:
    """About how many seconds scoring takes after training, by the seconds per step of training."""

    def expected(seconds_per_step: float) -> float:
        from unbraid.evaluation.cost import METRICS_SECONDS, estimated_metrics, expected_scoring, images_by_default
        from unbraid.evaluation.cost import metrics_by_default as chosen

        if not given.get("report", True):
            return 0.0
        step, factors = max(experiment.steps, given.get("extend") or 0), len(dataset.space.factors) if dataset.space else 0
        asked = given.get("evaluate_images")
        images = min(len(dataset), asked or images_by_default(experiment, step))
        whole = asked or chosen(experiment, step, images, factors) is None
        metrics = estimated_metrics(images, experiment.latent_dim, factors) if whole else METRICS_SECONDS
        return expected_scoring(images, seconds_per_step / experiment.batch_size, metrics if factors else 0.0)

    return expected


def _require_same_data(old: Experiment, new: Experiment, config: str) -> None:
    """A configuration given back, whose data are the same files as then, means the same content."""
    if old.data_options == new.data_options and old.data_digest not in ("", new.data_digest):
        raise UsageError(
            f"--config {config} is of a run on other data: the content of {new.address!r} has changed since (digest "
            f"{old.data_digest} then, {new.data_digest} now). Put the former data back, or leave --config out."
        )


def _resume_tokens(tokens: list[str]) -> list[str]:
    return [token for token in tokens if token.partition("=")[0] != "--overwrite"]
