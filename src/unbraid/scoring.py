"""A run is scored, without losing stored scores.

Stored scores that are better stay, and those of the same images and weights are added to.
"""

from __future__ import annotations

from dataclasses import replace

from unbraid.codes import CodeTable
from unbraid.errors import warn
from unbraid.evaluation.cost import images_by_default, metrics_by_default
from unbraid.evaluation.encoding import choose_images
from unbraid.evaluation.scores import Metrics, choose_metrics
from unbraid.evaluation.stored import Origin, Scores, can_be_merged, origin_of, why_better, write_scores
from unbraid.metrics.score_table import ScoreTable
from unbraid.progress import Stages
from unbraid.reporting.view import RunView
from unbraid.training.checkpoint import pack
from unbraid.training.run import CODES, METRICS


def score(
    view: RunView,
    metrics: Metrics | None = None,
    *,
    limit: int | None = None,
    intervals: int = 0,
    nulls: int = 0,
    overwrite: bool = False,
    pipe: bool = False,
    progress: Stages | None = None,
) -> Scores | ScoreTable:
    """Score a run's newest checkpoint; arguments and errors as of `unbraid.evaluate`."""
    model, dataset, path = view.model, view.dataset, view.run.folder / METRICS
    chosen = choose_metrics(metrics, dataset.space is not None)
    limit = images_by_default(view.experiment, model.step) if limit is None else limit
    images = len(choose_images(dataset, limit))
    origin = origin_of(view.experiment, pack(model.vae.state_dict()), model.step, images)

    # what is there already
    stored = None if overwrite else view.stored_scores(sound_only=True)
    better = why_better(stored, origin, chosen) if stored is not None else ""
    if better:
        warn(
            f"{path} keeps its scores, which are {better}. The new ones, of {images:,} images at step "
            f"{model.step:,}, are not stored; --overwrite stores them instead."
        )
    known = stored if stored is not None and can_be_merged(stored, origin) else None
    table = view.stored_codes(origin) if known is not None else None

    # what is asked for
    if metrics is not None and better:
        return model.evaluate(dataset, metrics, limit=limit, intervals=intervals, nulls=nulls, progress=progress)
    if metrics is not None and known is not None and table is not None:
        asked = model.evaluate_codes(table, dataset, metrics, intervals=intervals, nulls=nulls, progress=progress)
        scores = known
    else:
        table, scores = model.evaluate_with_codes(
            dataset, metrics, limit=limit, intervals=intervals, nulls=nulls, progress=progress
        )
        asked = scores.table
    if pipe:
        scores.without_labels = {**scores.without_labels, "pipe": model.pipe(table, progress=progress)}
    if not better:
        _store(view, scores, asked, replace(table, origin=origin.digest), origin, overwrite=overwrite)
    return scores if metrics is None else asked


def _store(view: RunView, scores: Scores, asked: ScoreTable, codes: CodeTable, origin: Origin, *, overwrite: bool) -> None:
    """Write new scores beside those of the same images and weights.

    What is there is read again: another process may have stored scores meanwhile.
    """
    there = None if overwrite else view.stored_scores(sound_only=True)
    known = there if there is not None and can_be_merged(there, origin) else None
    scores.origin, scores.metrics = origin, {**(known.metrics if known else {}), **asked.scores}
    scores.without_labels = {**(known.without_labels if known else {}), **scores.without_labels}
    scores.doubts = [*dict.fromkeys((*(known.doubts if known else ()), *asked.doubts))]
    codes.save(view.run.folder / CODES)
    write_scores(view.run.folder / METRICS, scores)


def score_briefly(view: RunView, *, limit: int | None = None, progress: Stages | None = None) -> None:
    """Score a run at a cost in proportion to its training.

    Which images and metrics that are follows from configuration and step (`unbraid.evaluation.cost`).
    """
    few, space = None, view.dataset.space
    if limit is None and space is not None:
        images = min(len(view.dataset), images_by_default(view.experiment, view.model.step))
        few = metrics_by_default(view.experiment, view.model.step, images, len(space.factors))
    score(view, few, limit=limit, progress=progress)
