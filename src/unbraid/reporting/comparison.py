"""The report of several runs together: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from unbraid.config.experiment import Experiment
from unbraid.errors import UsageError
from unbraid.figures.losses import Panel, curve_panels
from unbraid.figures.series import scalar_names
from unbraid.files import whole_file
from unbraid.phrases import few, in_words
from unbraid.reporting import charts, contrasts
from unbraid.reporting.cautions import cautions
from unbraid.reporting.charts import plate
from unbraid.reporting.command import command_line
from unbraid.reporting.gallery.comparison import common_metrics
from unbraid.reporting.gallery.factors import estimated, information_of
from unbraid.reporting.gallery.training import loss_panels
from unbraid.reporting.groups import confounded, differing, grouped, labels, run_labels, settings
from unbraid.reporting.numbers import count, plain
from unbraid.reporting.page import divided, environment_of
from unbraid.reporting.pictures import Picture, traversal_pictures
from unbraid.reporting.tables import Table, environment_table, facts, readings
from unbraid.reporting.templates import render_template
from unbraid.reporting.view import RunView
from unbraid.training.symptoms import symptoms
from unbraid.zoo.registry import remedies

SHOWN = 12
"""At most so many runs have a row of images or of a table each."""
SIDE = 6
"""Latents of each configuration that are shown beside those of others."""
FOLLOWED = ("mig", "aam", "modularity", "sap")
"""Metrics that are shown over training; all of them would fill pages."""


@dataclass(frozen=True)
class Warned:
    """A warning and the runs it is about."""

    title: str
    runs: str
    text: str


def write_comparison(views: Sequence[RunView], path: Path) -> Path:
    """Write the report of several runs; writing it again gives the same bytes."""
    text = render_comparison(views)
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return path


def render_comparison(views: Sequence[RunView]) -> str:
    """The page as text. Runs of one configuration are taken together, in whatever order they come.

    Raises `UsageError` for less than two runs.
    """
    if len(views) < 2:
        raise UsageError(f"A comparison needs two runs or more, and {len(views)} was given.")
    experiments = [view.experiment for view in views]
    groups = grouped(experiments)
    first_of_each = [views[places[0]] for places in groups.values()][:SHOWN]
    compared = contrasts.compare(views, groups)
    names = run_labels(experiments)
    sides = [side_of(view, name, place) for place, (name, view) in enumerate(zip(groups, first_of_each, strict=False))]
    followed = _followed(views)
    kept = views if len(views) <= SHOWN else first_of_each
    data = list(dict.fromkeys(one.data_name for one in experiments))
    return render_template(
        "comparison.html.jinja",
        title=f"{f'{len(groups)} configurations' if len(groups) > 1 else next(iter(groups))} on {in_words(data)}",
        n_runs=len(views),
        n_groups=len(groups),
        headline=contrasts.headline(compared),
        beside=contrasts.beside_headline(compared),
        unlike=not_alone(experiments),
        sides=sides,
        estimated=list(dict.fromkeys(one.estimated for one in sides if one.estimated)),
        trained=trained_table(views, groups),
        warned=warned(views, groups),
        seeds=plate("seeds", "Every run", views),
        scores=contrasts.score_table(compared),
        readings=readings(common_metrics(views)),
        differences=contrasts.difference_tables(compared),
        reference=compared.names[0],
        nats=contrasts.nats_table(compared),
        planes=[
            plate("rate_distortion", "Rate and distortion", views),
            plate("trade_off", "Disentanglement against reconstruction", views),
        ],
        grid=plate("grid", "Score over beta and number of latents", views) if _spans_grid(views) else None,
        losses=[_chart_of(panel, f"loss{i}", list(groups)) for i, panel in enumerate(loss_panels(views, labels(experiments)))],
        followed=plate("scores_over_training", "Scores over training", views, scores=",".join(followed)) if followed else None,
        latents=plate("assignment", "Latents and factors", kept),
        images=[
            plate("reconstructions", "Reconstructions", first_of_each),
            plate("samples", "Draws from the prior", first_of_each, images=11),
            plate("spectrum", "Sharpness", first_of_each),
        ],
        commands=[
            (name, command_line(view.experiment, extend=view.run.extend), _facts(view))
            for name, view in zip(names, views, strict=True)
        ],
        environment=environment_table([environment_of(view.run) for view in views]),
    )


@dataclass(frozen=True)
class Side:
    """What the latents of one configuration do, to be seen beside those of others."""

    name: str
    rows: Sequence[Picture]
    information: charts.Plate | None
    estimated: str


def side_of(view: RunView, name: str, place: int) -> Side:
    """Traversals and information shares of the active latents of a run."""
    live = divided(view.latents)[0][:SIDE]
    rows = traversal_pictures(view, live)
    if view.shares is None:
        return Side(name, rows, None, "")
    alt = f"Share of each factor's entropy that each latent of {name} knows"
    drawn = charts.drawn_plate(information_of(view, live), prefix=f"side{place}", alt=alt)
    return Side(name, rows, replace(drawn, caption=""), estimated(view))


def _facts(view: RunView) -> str:
    return " · ".join(facts(environment_of(view.run), view.run.folder.absolute().name))


def _chart_of(panel: Panel, prefix: str, names: Sequence[str]) -> charts.Plate:
    figure = curve_panels([panel], columns=1, labels=names)
    return charts.as_plate(figure, prefix=prefix, alt=f"{panel.title}, over training")


def _spans_grid(views: Sequence[RunView]) -> bool:
    return {"beta", "latents"} <= set(differing([view.experiment for view in views]))


def _followed(views: Sequence[RunView]) -> list[str]:
    """The metrics of `FOLLOWED` that any run was scored by while it was trained."""
    logged = {name for view in views for name in scalar_names(view.log, "evaluation")}
    return [name for name in FOLLOWED if name in logged]


def trained_table(views: Sequence[RunView], groups: dict[str, list[int]]) -> Table:
    """What was trained: one row per configuration, with its seeds and the settings that differ."""
    names = [name for name in differing([view.experiment for view in views]) if name != "model"]
    rows = []
    for label, places in groups.items():
        own = [views[place] for place in places]
        found = settings(own[0].experiment)
        seeds = ", ".join(str(seed) for seed in sorted(view.experiment.seed for view in own))
        steps = in_words([count(step) for step in sorted({view.scored["step"] for view in own})])
        cells = [plain(found[name]) if found.get(name) not in ("", None) else "–" for name in names]
        rows.append((label, seeds, steps, *cells))
    return Table(("configuration", "seeds", "steps done", *names), tuple(rows)).narrow


def warned(views: Sequence[RunView], groups: Mapping[str, Sequence[int]]) -> list[Warned]:
    """Warnings of all runs, those of one kind together; the text is that of the first run it is about."""
    found: dict[str, dict[int, str]] = {}
    for place, view in enumerate(views):
        told = cautions(
            latents=view.latents,
            loss=charts.training_loss(view.log),
            sick=symptoms(view.log, view.experiment.steps, remedies(view.experiment.model)),
            table=view.table,
            dataset=view.dataset,
            scored=view.scored,
            last_step=view.run.last_step,
        )
        for one in told:
            found.setdefault(one.kind or one.title, {})[place] = one.text
    return [Warned(kind, _which(own, views, groups), _text(own, views)) for kind, own in found.items()]


def not_alone(experiments: Sequence[Experiment]) -> str:
    """That more than the objective differs; empty where it does not."""
    names = confounded(experiments)
    if not names:
        return ""
    return (
        f"The objectives compared here also differ in {in_words(names)}, so a difference between them may come from there. To "
        "compare objectives alone, train all with the same."
    )


def _text(own: Mapping[int, str], views: Sequence[RunView]) -> str:
    first, text = next(iter(own.items()))
    same = len(set(own.values())) == 1
    return text if same else f"Of {run_labels([view.experiment for view in views])[first]}: {text}"


def _which(own: Collection[int], views: Sequence[RunView], groups: Mapping[str, Sequence[int]]) -> str:
    """Which runs these are, in words."""
    if len(own) == len(views):
        return "all runs"
    parts = []
    for label, places in groups.items():
        seeds = [str(views[place].experiment.seed) for place in places if place in own]
        if seeds:
            some = "" if len(seeds) == len(places) else f" seed{'s' if len(seeds) > 1 else ''} {in_words(seeds)}"
            parts.append(label + some)
    return few(parts)
