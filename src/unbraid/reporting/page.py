"""The report of a run: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unbraid.data.factor_space import Factor
from unbraid.errors import UnbraidError
from unbraid.evaluation.scores import ACTIVE, FOLLOWS
from unbraid.figures.positions import LIMIT
from unbraid.files import read_json, whole_file
from unbraid.reporting import charts, tables
from unbraid.reporting.cautions import cautions
from unbraid.reporting.command import command_line
from unbraid.reporting.gallery.comparison import rate_of, split_of
from unbraid.reporting.gallery.factors import information_of
from unbraid.reporting.headline import RULE, Finding, findings, headline, headline_without_factors
from unbraid.reporting.latents import SHOWN, Latent, has_kl
from unbraid.reporting.numbers import MISSING, count, decimal
from unbraid.reporting.pictures import COLUMNS, color_bar, make_pictures, position_pictures
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
    """The page as text. Raises `CorruptFile` where codes do not fit scores or data."""
    view.require_codes_of_data()
    table, scored, dataset, log = view.table, view.scored, view.dataset, view.log
    experiment = view.experiment.portable()
    latents = view.latents
    live, dead = divided(latents)
    coded = view.shares is not None
    found = findings(view.active_shares, table.scored_names) if coded else []
    environment = environment_of(view.run)
    return render_template(
        "run.html.jinja",
        experiment=experiment,
        data_name=experiment.data_name,
        facts=tables.facts(environment, view.run.folder.absolute().name),
        headline=headline(found) if coded else headline_without_factors(_n_active(view), len(latents), rate_of(view)),
        rule=RULE if coded else "",
        pictures=make_pictures(view, live, dead),
        n_dead=len(dead),
        redistributable=dataset.redistributable,
        latents=latents,
        n_hidden=len(latents) - len(live) - len(dead),
        by="KL" if has_kl(table) else "the variance of their means",
        quantized=view.model.codebooks is not None,
        columns=COLUMNS,
        information=_information(view, live, "information"),
        dead_information=_information(view, dead, "dead") if dead else None,
        circles=circles(dataset.space.factors if dataset.space else (), found),
        cautions=cautions(
            latents=latents,
            loss=charts.training_loss(log),
            sick=symptoms(log, experiment.steps, remedies(experiment.model)),
            table=table,
            dataset=dataset,
            scored=scored,
            last_step=view.run.last_step,
            imported=view.run.imported,
        ),
        tiles=_tiles(view),
        scores=tables.score_rows(scored, view.shown_names, [one.factor for one in found if not one.known_by]),
        readings=tables.readings(scored["metrics"]),
        n_scored=count(len(table)),
        importance=charts.plate("importance", "What a forest predicts factors from", [view], dims=max(1, len(live)))
        if coded
        else None,
        position_maps=position_pictures(view, live),
        color_bar=color_bar(),
        position_limit=f"{LIMIT:g}",
        has_factors=table.has_factors,
        sharpness=charts.plate("spectrum", "Sharpness", [view], images=SPECTRUM_IMAGES),
        losses=tables.loss_table(view.scores),
        loss_charts=charts.loss_charts(log),
        kl_chart=charts.plate("kl_over_training", "KL of each latent", [view], dims=len(live)),
        kl_parts=tables.kl_part_table(view.scores.kl_parts),
        command=command_line(experiment, extend=view.run.extend),
        objective=models[experiment.model],
        parts=tables.part_table(experiment, len(dataset)),
        settings=tables.setting_table(experiment),
        environment=tables.environment_table([environment]),
        active_share=f"{100 * ACTIVE:g} %",
        follow_share=f"{100 * FOLLOWS:g} %",
    )


def divided(latents: Sequence[Latent]) -> tuple[list[Latent], list[Latent]]:
    """Latents that are shown, and dead ones that are folded away; if all are dead they are shown."""
    live = [one for one in latents if one.active][:SHOWN]
    dead = [one for one in latents if not one.active][: SHOWN - len(live)]
    return (live, dead) if live else (dead, [])


def _information(view: RunView, latents: Sequence[Latent], prefix: str) -> charts.Plate | None:
    if view.shares is None:
        return None
    alt = "Share of each factor's entropy that each latent knows"
    return charts.drawn_plate(information_of(view, latents), prefix=prefix, alt=alt)


def circles(factors: Sequence[Factor], found: Sequence[Finding]) -> list[str]:
    """Why a factor that is a circle is coded by one latent or not, one paragraph each."""
    told = []
    for one in factors:
        own = next((finding for finding in found if finding.factor == one.name), None)
        if one.kind != "circular" or own is None:
            continue
        name = one.name.replace("_", " ")
        half = one.unit == "rad" and max(one.values) - min(one.values) < 3.2
        repeats = "after half a turn the same image comes again, so its values span half a turn, and " if half else ""
        verdict = (
            f"Here z{own.own} follows it alone, with such a jump somewhere."
            if own.own is not None
            else f"Here no latent follows {name} alone."
        )
        told.append(
            f"{name[0].upper()}{name[1:]} is a circle: {repeats}the last value lies next to the first. One latent can follow a "
            "circle only with a jump, where images that look alike get codes far apart; two latents can follow it together, "
            f"like a cosine and a sine, and then neither has it for its own. {verdict}"
        )
    return told


def _n_active(view: RunView) -> int:
    return sum(latent.active for latent in view.latents)


def _tiles(view: RunView) -> list[tuple[str, str, str]]:
    """The numbers that stand out: name, value, unit."""
    experiment, step, kl = view.experiment, int(view.scored["step"]), rate_of(view)
    seen, passes = step * experiment.batch_size, step * experiment.batch_size / max(1, experiment.n_train)
    name = tables.SPLIT_NAMES["test" if "test" in view.scored["splits"] else "train"]
    return [
        ("Steps", count(step), f"of {experiment.batch_size} images"),
        ("Images seen", count(seen), f"{decimal(passes, 1)} passes over {count(experiment.n_train)}"),
        ("Reconstruction", decimal(split_of(view).get("nll_at_mean"), 1), f"nats per {name} image, at the mean"),
        ("Total KL", decimal(kl, 1), "nats per image" if decimal(kl) != MISSING else "not known of this posterior"),
        ("Active latents", f"{_n_active(view)} of {len(view.latents)}", "change with the image"),
    ]


def environment_of(run: Run) -> dict[str, Any]:
    """Versions, machine and times of a run, as recorded beside it."""
    try:
        return read_json(run.folder / ENVIRONMENT, "environment")
    except UnbraidError:  # a page without versions is better than none
        return {}
