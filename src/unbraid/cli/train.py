"""unbraid train MODEL DATA"""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unbraid.cli.parse import Argument, HelpShown, parse, peek, peek_positional
from unbraid.errors import Interrupted, UsageError
from unbraid.options import Option, OptionSpec, options_of

if TYPE_CHECKING:
    from unbraid.config.experiment import Experiment

_POSITIONAL = (
    Argument(OptionSpec("model", str, None, Option("which model, see `unbraid list models`")), "model"),
    Argument(OptionSpec("data", str, None, Option("which data set, see `unbraid list datasets`")), "data"),
)
_RUN = (
    Argument(OptionSpec("out", str, None, Option("run folder; default: runs/MODEL-DATA-seedN-HASH")), "out", "Run"),
    Argument(OptionSpec("device", str, "auto", Option("auto, cpu, cuda or cuda:N")), "device", "Run"),
    Argument(
        OptionSpec("extend", int, None, Option("train the run further, up to this step; schedules stay as they were", ge=1)),
        "extend",
        "Run",
    ),
    Argument(OptionSpec("overwrite", bool, False, Option("replace the run in the folder")), "overwrite", "Run"),
    Argument(OptionSpec("config", str, None, Option("take everything not given here from this config.json")), "config", "Run"),
    Argument(
        OptionSpec(
            "evaluate_images",
            int,
            None,
            Option("images to score at the end; default: one for 50 that training saw, from 1,000 to 100,000", ge=2),
        ),
        "evaluate_images",
        "Run",
    ),
    Argument(OptionSpec("report", bool, True, Option("score the run and write its report at the end")), "report", "Run"),
)
_FLAGS = ("--overwrite", "--no-overwrite", "--report", "--no-report", "--help", "-h")
_ABOUT = (
    "Train MODEL on DATA and score it; writes a run folder with checkpoints, logs, scores and a report. "
    "The same command resumes a run that was stopped."
)


def _boolean_flags() -> set[str]:
    from unbraid.config.parts import PARTS

    flags = set(_FLAGS)
    for part, registry in PARTS.items():
        for entry in registry:
            for name, spec in entry.options.items():
                if spec.type is bool:
                    for flag in (name, f"{part}_{name}"):
                        flags |= {f"--{flag.replace('_', '-')}", f"--no-{flag.replace('_', '-')}"}
    return flags


def _settings_arguments() -> list[Argument]:
    from unbraid.config.settings import Settings

    return [Argument(spec, name, "Training") for name, spec in options_of(Settings).items()]


def read_config(path: str) -> dict[str, Any]:
    """The flat options that a config.json stands for, with `model` and `data`."""
    from unbraid.config.experiment import Experiment
    from unbraid.config.parts import PARTS, part_options
    from unbraid.config.settings import Settings
    from unbraid.files import read_json

    if not Path(path).is_file():
        raise UsageError(f"--config {path}: there is no such file.")
    experiment = Experiment.from_dict(read_json(Path(path), "configuration"), path)
    flat: dict[str, Any] = {part: getattr(experiment, part) for part in PARTS}
    for flag, (part, spec) in part_options(flat).items():
        flat[flag] = getattr(experiment, f"{part}_options")[spec.name]
    return flat | {name: getattr(experiment, name) for name in options_of(Settings) if hasattr(experiment, name)}


def run(tokens: list[str]) -> int:
    """Run the command; returns the exit code."""
    try:
        request = _request(tokens)
    except HelpShown:
        return 0
    return _train(request, tokens)


def _request(tokens: list[str]) -> dict[str, Any]:
    from unbraid.config.parts import PARTS, choose_parts, part_options, recipe_of
    from unbraid.data.dataset import addressed
    from unbraid.zoo.registry import tuned

    config = peek(tokens, "--config")
    base = read_config(config) if config else {}
    positional = peek_positional(tokens, _boolean_flags())
    model, data = [*positional, None, None][:2]
    model, data = model or base.get("model"), data or base.get("data")
    arguments = [*_POSITIONAL]
    about = _ABOUT
    place: dict[str, Any] = {}
    if model and data:
        data, place = addressed(data, {})
        overrides = {part: peek(tokens, f"--{part}") or base.get(part) for part in ("encoder", "decoder", "likelihood", "rate")}
        if base and (model, data) != (base["model"], base["data"]):
            raise UsageError(
                f"--config is a run of {base['model']} on {base['data']}; leave MODEL and DATA out, or give those."
            )
        size = peek(tokens, "--size") or ""
        overrides["size"] = int(size) if size.isdecimal() else base.get("size")
        names = choose_parts(model, data, {k: v for k, v in overrides.items() if v})
        titles = {part: f"{PARTS[part].kind.capitalize()} {name}" for part, name in names.items()}
        defaults = {**recipe_of(model, {}).part_options, **tuned(model, data)}
        for flag, (part, spec) in part_options(names).items():
            arguments.append(Argument(replace(spec, default=defaults.get(flag, spec.default)), flag, titles[part]))
        about = f"{PARTS['model'][model].summary}\n\n{PARTS['data'][data].summary}\n\n{_ABOUT}"
    elif "--help" in tokens or "-h" in tokens:
        about += "\n\nOptions of a model and a data set: unbraid train MODEL DATA --help"
    else:
        raise UsageError(
            "unbraid train needs a model and a data set: unbraid train beta_vae ellipses. "
            "See: unbraid list models, unbraid list datasets"
        )
    arguments += [*_settings_arguments(), *_RUN]
    given = parse("train", about, arguments, tokens)
    for argument in _RUN:
        if argument.flag in given:
            argument.spec.check(given[argument.flag], "unbraid train")
    if "steps" in given or "epochs" in given:
        base = {k: v for k, v in base.items() if k not in ("steps", "checkpoint_every", "log_every")}
    kept = {name: value for name, value in base.items() if name in {argument.flag for argument in arguments}}
    return {**kept, **given, **place, "model": model, "data": data}


def _train(request: dict[str, Any], tokens: list[str]) -> int:
    from unbraid import api
    from unbraid.cli.console import Bar, counting, err, out, stages
    from unbraid.cli.tables import print_scores
    from unbraid.config.plan import plan
    from unbraid.data.progress import listening
    from unbraid.evaluation.stored import read_scores
    from unbraid.training.run import METRICS, REPORT
    from unbraid.zoo.registry import tuned

    run_options = {name: request.pop(name) for name in [a.flag for a in _RUN] if name in request}
    model, data = request.pop("model"), request.pop("data")
    limit = run_options.get("evaluate_images")
    with listening(counting):
        experiment, dataset = plan(model, data, request)
    for note in experiment.notes(dataset):
        err.print(note, markup=False, highlight=False)
    if run_options.get("config"):
        _require_same_data(run_options["config"], experiment)
    folder = Path(run_options["out"]) if run_options.get("out") else api.default_folder(experiment)
    finished = not run_options.get("overwrite") and api.is_finished(folder)
    measured = tuned(model, data, request)
    if measured and not finished:
        values = ", ".join(f"{name} {value:g}" for name, value in measured.items())
        err.print(f"Defaults measured for {data}: {values}")
    try:
        with listening(counting):
            trained = api.train(
                model,
                data,
                out=folder,
                device=run_options.get("device", "auto"),
                extend=run_options.get("extend") or 0,
                overwrite=run_options.get("overwrite", False),
                monitor=Bar(f"{model} on {experiment.data_name}"),
                **request,
            )
    except Interrupted as stopped:
        raise Interrupted(f"{stopped}\nResume with: {shlex.join(['unbraid', 'train', *_resume_tokens(tokens)])}") from None
    if not run_options.get("report", True):
        out.print(f"Run folder: {folder}")
        return 0
    scored = read_scores(folder / METRICS) if (folder / METRICS).is_file() else None
    if scored is None or scored.step != trained.step:
        with listening(counting):
            scored = api.score_briefly(folder, limit=limit, device=run_options.get("device", "auto"), progress=stages())
        (folder / REPORT).unlink(missing_ok=True)
    print_scores(scored)
    page = folder / REPORT if (folder / REPORT).is_file() else api.report(folder)
    if finished and trained.step == scored.step:
        out.print(f"This run had already finished at step {trained.step:,}. --extend N trains it further, --overwrite anew.")
    out.print(f"Run folder: {folder}")
    out.print(f"Report:     {page}")
    return 0


def _require_same_data(config: str, new: Experiment) -> None:
    """A configuration given back, whose data are the same files as then, means the same content."""
    from unbraid.config.experiment import Experiment
    from unbraid.files import read_json

    old = Experiment.from_dict(read_json(Path(config), "configuration"), config)
    if old.data_options == new.data_options and old.data_digest not in ("", new.data_digest):
        raise UsageError(
            f"--config {config} is of a run on other data: the content of {new.address!r} has changed since (digest "
            f"{old.data_digest} then, {new.data_digest} now). Put the former data back, or leave --config out."
        )


def _resume_tokens(tokens: list[str]) -> list[str]:
    return [token for token in tokens if token.partition("=")[0] != "--overwrite"]
