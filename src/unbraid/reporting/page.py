"""The report of a run: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from unbraid.codes import CodeTable
from unbraid.errors import UnbraidError
from unbraid.evaluation.scores import ACTIVE, FOLLOWS
from unbraid.figures.positions import LIMIT
from unbraid.figures.series import number
from unbraid.files import read_json, whole_file
from unbraid.reporting import charts, tables
from unbraid.reporting.cautions import cautions
from unbraid.reporting.command import command_line
from unbraid.reporting.headline import RULE, findings, headline, headline_without_factors
from unbraid.reporting.latents import SHOWN, has_kl
from unbraid.reporting.numbers import MISSING, count, decimal
from unbraid.reporting.pictures import COLUMNS, color_bar, make_pictures, position_pictures
from unbraid.reporting.plates import plate
from unbraid.reporting.templates import render_template
from unbraid.reporting.view import RunView
from unbraid.training.run import ENVIRONMENT, REPORT, Run
from unbraid.training.symptoms import symptoms
from unbraid.zoo.registry import models, remedies

SPECTRUM_IMAGES = 300


def write_report(view: RunView, path: Path | None = None) -> Path:
    """Write `report.html` of a run; writing it again gives the same bytes.

    Args:
        view: a run whose newest checkpoint was scored.
        path: the file; by default in the run's folder.
    """
    text = render(view)
    path = path or view.run.folder / REPORT
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return path


def render(view: RunView) -> str:
    """The page as text."""
    view.require_codes_of_data()
    run, model, table, scored, dataset = view.run, view.model, view.table, view.scored, view.dataset
    experiment = run.experiment.portable()
    log, shares, latents = view.log, view.shares, view.latents
    shown = latents[:SHOWN]
    heard = view.active_shares if shares is not None else None
    found = findings(heard, table.factor_names, table.factor_sizes) if heard is not None else None
    kl = total_kl(table, scored)
    n_active = sum(latent.active for latent in latents)
    step = int(scored["step"])
    return render_template(
        "run.html.jinja",
        experiment=experiment,
        data_name=experiment.data_name,
        headline=headline(found) if found is not None else headline_without_factors(n_active, len(latents), kl),
        rule=RULE if found is not None else "",
        tiles=_tiles(step, experiment.batch_size, experiment.n_train, scored, kl, n_active, len(latents)),
        losses=tables.loss_table(scored),
        cautions=cautions(
            latents=latents,
            loss=charts.training_loss(log),
            sick=symptoms(log, experiment.steps, remedies(experiment.model)),
            table=table,
            dataset=dataset,
            scored=scored,
            last_step=run.last_step,
        ),
        loss_charts=charts.loss_charts(log),
        pictures=make_pictures(view, shown),
        redistributable=dataset.redistributable,
        latents=latents,
        shown=shown,
        has_kl=has_kl(table),
        quantized=model.codebooks is not None,
        columns=COLUMNS,
        kl_parts=tables.kl_part_table(scored),
        kl_chart=charts.kl_chart(log, latents, SHOWN),
        information=charts.information_chart(shares, heard, table.factor_names, shown)
        if shares is not None and heard is not None
        else None,
        sharpness=plate("spectrum", "Sharpness", [view], images=SPECTRUM_IMAGES),
        of_factors=[
            plate("assignment", "Which latents stand for which factor", [view]),
            plate("importance", "What a forest predicts factors from", [view]),
        ]
        if shares is not None
        else [],
        position_maps=position_pictures(view, shown),
        color_bar=color_bar(),
        position_limit=f"{LIMIT:g}",
        factors=[name.replace("_", " ") for name in table.factor_names],
        has_factors=table.has_factors,
        scores=tables.score_rows(scored, table.factor_names),
        n_scored=count(len(table)),
        compared=tables.COMPARED,
        command=command_line(experiment, extend=run.extend),
        objective=models[experiment.model],
        parts=tables.part_table(experiment, len(dataset)),
        settings=tables.setting_table(experiment),
        environment=tables.environment_table(environment_of(run)),
        active_share=f"{100 * ACTIVE:g} %",
        follow_share=f"{100 * FOLLOWS:g} %",
    )


def total_kl(table: CodeTable, scored: Mapping[str, Any]) -> float:
    """KL in nats per image: of all latents together; of a posterior without one per latent what the objective shows of it."""
    if len(table.kl):
        return float(table.kl.astype(np.float64).sum())
    splits = scored.get("splits", {})
    return number(splits.get("test" if "test" in splits else "train", {}).get("terms", {}).get("kl"))


def _tiles(
    step: int, batch_size: int, n_train: int, scored: Mapping[str, Any], kl: float, n_active: int, n_latents: int
) -> list[tuple[str, str, str]]:
    seen = step * batch_size
    splits = scored.get("splits", {})
    split = "test" if "test" in splits else "train"
    found = splits.get(split, {})
    name = tables.SPLIT_NAMES[split]
    return [
        ("Steps", count(step), f"of {batch_size} images"),
        ("Images seen", count(seen), f"{decimal(seen / max(1, n_train), 1)} passes over {count(n_train)}"),
        ("Reconstruction", decimal(found.get("nll_at_mean"), 1), f"nats per {name} image, at the mean"),
        ("Total KL", decimal(kl, 1), "nats per image" if not np.isnan(kl) else "not known of this posterior"),
        ("Active latents", f"{n_active} of {n_latents}", "change with the image"),
    ]


def environment_of(run: Run) -> dict[str, Any]:
    """Versions and machine of a run, as recorded when it began."""
    try:
        return read_json(run.folder / ENVIRONMENT, "environment")
    except UnbraidError:  # a page without versions is better than none
        return {"versions": MISSING}
