"""unbraid evaluate RUN [RUN ...]"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unbraid.cli import evaluate_codes
from unbraid.cli.arguments import DATA, DEVICE, METRICS, NULLS, RUNS, intervals_option, overwrite_option
from unbraid.cli.parse import HelpShown, checked, option, read
from unbraid.cli.scored_files import chosen_metrics
from unbraid.errors import UsageError
from unbraid.options import Option

_ARGUMENTS = (
    RUNS,
    METRICS,
    option(
        "evaluate_images",
        int,
        None,
        Option("score a fixed part of this many images; default: one for 50 that training saw, from 1,000 to 100,000", ge=2),
    ),
    intervals_option("images"),
    NULLS,
    option("pipe", bool, False, "also train a classifier for PIPE, a score without labels; takes a minute"),
    DATA,
    DEVICE,
    overwrite_option("replace stored scores even if they are of more images or metrics", "Options"),
)
_ABOUT = (
    "Encode a run's data with its newest checkpoint, compute losses and metrics, and write codes.npz and metrics.json. "
    "Runs that differ in their seed alone are also averaged. Other encoders: unbraid evaluate --codes FILE --help, "
    "unbraid evaluate --encoder FILE --help"
)


def run(tokens: list[str]) -> int:
    """Run the command; returns the exit code."""
    words = evaluate_codes.with_codes(read("evaluate", [*_ARGUMENTS, *evaluate_codes.every_argument()], tokens))
    try:
        if evaluate_codes.is_meant(words):
            return evaluate_codes.run(words)
        given = checked(words, _ABOUT, _ARGUMENTS)
    except HelpShown:
        return 0
    folders = given.pop("run", [])
    if not folders:
        raise UsageError("Give a run folder, or several: unbraid evaluate runs/NAME")
    if len(set(folders)) < len(folders):
        raise UsageError(f"A run folder is given twice among {', '.join(folders)}; give each once.")
    from unbraid.reporting.groups import configuration
    from unbraid.training.run import open_run

    groups: dict[str, list[str]] = {}
    for folder in folders:  # refuse before any is scored
        groups.setdefault(configuration(open_run(Path(folder)).experiment), []).append(folder)
    scored = {folder: _score(folder, given) for folder in folders}
    for same in groups.values():
        if len(same) > 1 and scored[same[0]]:
            _print_mean([scored[folder] for folder in same], same)
    return 0


def _score(folder: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Score a run, print that, and return its scores by metric."""
    from unbraid import api
    from unbraid.cli.console import counting, out, stages
    from unbraid.cli.tables import print_metrics, print_scores, print_without_labels
    from unbraid.evaluation.stored import read_scores
    from unbraid.metrics.score_table import ScoreTable
    from unbraid.progress import listening
    from unbraid.training.run import METRICS

    if given.get("metrics", "core") == "core":
        _announce(folder, given)
    path = Path(folder) / METRICS
    before = _version_of(path)
    with listening(counting):
        found = api.evaluate(
            folder,
            data=given.get("data"),
            metrics=chosen_metrics(given) if given.get("metrics") else None,
            limit=given.get("evaluate_images"),
            intervals=given.get("intervals", 10),
            nulls=given.get("nulls", 0),
            device=given.get("device", "auto"),
            overwrite=given.get("overwrite", False),
            pipe=given.get("pipe", False),
            progress=stages(),
        )
    if isinstance(found, ScoreTable):
        print_metrics(found.scores, f"Metrics of {found.samples:,} images", cautions=found.cautions)
        if given.get("pipe") and path.is_file():
            print_without_labels(read_scores(path))
    else:
        print_scores(found)
    if _version_of(path) != before:  # else better ones stay, which was said
        out.print(f"Scores: {folder}/{METRICS}")
    return found if isinstance(found, ScoreTable) else found.metrics


def _version_of(path: Path) -> tuple[int, int] | None:
    """Which writing of a file is there, if any."""
    return (path.stat().st_ino, path.stat().st_mtime_ns) if path.is_file() else None


def _announce(folder: str, given: Mapping[str, Any]) -> None:
    """Say how many images are scored and about how long that takes, where it takes long."""
    from unbraid.cli.console import err
    from unbraid.evaluation.cost import ALWAYS, estimated_metrics, expected_scoring, images_by_default, measured_training
    from unbraid.training.bar import clock
    from unbraid.training.log import read_log
    from unbraid.training.run import open_run

    run = open_run(Path(folder))
    e = run.experiment
    images = given.get("evaluate_images") or images_by_default(e, run.last_step)
    training = measured_training(read_log(run.log), e, run.last_step)
    metrics = estimated_metrics(images, e.latent_dim, intervals=given.get("intervals", 10))
    expected = expected_scoring(images, training / max(run.last_step * e.batch_size, 1), metrics)
    if expected > ALWAYS:
        err.print(
            f"Scoring up to {images:,} images takes about {clock(expected)} (minutes:seconds; training: {clock(training)}). "
            "--evaluate-images, --metrics and --intervals 0 make it shorter.",
            soft_wrap=True,
        )


def _print_mean(scores: list[Mapping[str, Any]], folders: list[str]) -> None:
    from unbraid.cli.tables import print_metrics
    from unbraid.metrics.across_runs import across_runs

    common = [name for name in scores[0] if all(name in own for own in scores)]
    mean = across_runs([{name: own[name] for name in common} for own in scores])
    print_metrics(
        mean, f"Mean of {len(folders)} runs: {', '.join(folders)}", interval="95 %: of the mean, from the runs' spread"
    )
