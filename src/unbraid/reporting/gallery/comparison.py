"""Figures over runs: planes, seeds, grids of two options, few labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np

from unbraid.errors import UsageError
from unbraid.figures.heatmaps import score_grid
from unbraid.figures.over_runs import label_efficiency, seeds
from unbraid.figures.planes import rate_distortion, trade_off
from unbraid.figures.series import number
from unbraid.metrics.registry import metrics
from unbraid.options import Option
from unbraid.phrases import in_words
from unbraid.reporting.gallery.images import need_option
from unbraid.reporting.gallery.registry import OWN, Drawn, figures
from unbraid.reporting.groups import labels, option_value
from unbraid.reporting.numbers import score_name
from unbraid.reporting.view import RunView, need_same_data

LABELS = (10, 100, 1_000, 10_000)
CORE = ("mig", "dci", "factor_vae_score", "sap")
"""Shown by default of the metrics that all runs were scored by."""

ScoreName = Annotated[str, Option("metric that both runs and figure are about, see `unbraid list metrics`")]


def need_score(view: RunView, name: str) -> Mapping[str, Any]:
    """The scores of a metric, or of a part like "dci.completeness". Raises `UsageError` if there are none."""
    metric, _, part = name.partition(".")
    found = view.scored["metrics"].get(metric)
    if found is None:
        known = ", ".join(view.scored["metrics"]) or "none"
        raise UsageError(
            f"{view.name} was not scored by {metric!r}; it has {known}. Score it: unbraid evaluate {view.name} --metrics "
            f"{metric}."
        )
    if not part:
        return dict(found)
    inner = found.get(part)
    if not isinstance(inner, Mapping) or "score" not in inner:
        parts = [key for key, value in found.items() if isinstance(value, Mapping) and "score" in value]
        raise UsageError(f"{metric!r} has no part {part!r}; it has {', '.join(parts) or 'none'}.")
    return inner


def limits_of(name: str) -> tuple[float, float]:
    """The least and the largest score there can be."""
    metric = name.partition(".")[0]
    return tuple(metrics[metric].details["range"]) if metric in metrics else (-np.inf, np.inf)


def split_of(view: RunView) -> Mapping[str, Any]:
    """Losses of the held-out images, or of all where none is held out."""
    splits = view.scored["splits"]
    found: Mapping[str, Any] = splits.get("test", splits.get("train", {}))
    return found


def rate_of(view: RunView) -> float:
    """KL in nats per image; NaN of a posterior that has none."""
    per_dim = view.scored["kl_per_dim"]
    return sum(number(value) for value in per_dim) if per_dim else number(split_of(view).get("terms", {}).get("kl"))


@figures.register(
    "rate_distortion",
    source="Alemi et al. (2018), Fixing a Broken ELBO",
    runs=(1, None),
    needs="scored runs on the same data, with one likelihood",
)
def draw_rate_distortion(
    views: Sequence[RunView], *, along: Annotated[str, Option("option by whose value runs are joined")] = "beta"
) -> Drawn:
    """Runs in the plane of rate (KL) and distortion (reconstruction), joined along beta.

    >>> figure = unbraid.figure("rate_distortion", "runs/beta1", "runs/beta4")
    >>> [axes.get_title("left") for axes in figure.axes]
    ['Rate and distortion, nats per image']
    """
    need_same_data(views)
    need_same_likelihood(views)
    rate = np.array([rate_of(view) for view in views])
    if not np.isfinite(rate).all():
        bad = views[int(np.flatnonzero(~np.isfinite(rate))[0])]
        raise UsageError(f"{bad.name} has no KL in nats, so it has no place in the rate-distortion plane; leave it out.")
    values = np.array([np.nan if (value := option_value(view.experiment, along)) is None else value for view in views])
    distortion = np.array([number(split_of(view).get("nll")) for view in views])
    figure = rate_distortion(rate, distortion, _curves(views, along), along=values, option=along.replace("_", " "))
    caption = (
        "Rate and distortion in nats per image, of held-out images with z drawn from the posterior. Small dots are runs, "
        "large ones means over seeds. On a dashed line the evidence lower bound is the same; towards the lower left it is "
        "better."
    )
    return Drawn(figure, caption)


def _curves(views: Sequence[RunView], along: str) -> list[str]:
    """What each run is called but for the option along which runs are joined."""
    words = f"{along.replace('_', ' ')} "
    return [
        ", ".join(part for part in label.split(", ") if not part.startswith(words))
        for label in labels([view.experiment for view in views])
    ]


def need_same_likelihood(views: Sequence[RunView]) -> None:
    """Raise `UsageError` where reconstructions of two runs are in different units."""
    first = views[0].experiment
    for view in views[1:]:
        if view.experiment.likelihood != first.likelihood:
            raise UsageError(
                f"{views[0].name} has the likelihood {first.likelihood!r} and {view.name} {view.experiment.likelihood!r}, "
                "whose reconstructions in nats do not compare; take runs of one likelihood."
            )


@figures.register("trade_off", source=OWN, runs=(1, None), needs="scored runs on the same data, with one likelihood")
def draw_trade_off(views: Sequence[RunView], *, score: ScoreName = "mig") -> Drawn:
    """Disentanglement against reconstruction over runs.

    >>> figure = unbraid.figure("trade_off", "runs/beta1", "runs/beta4", score="mig")
    >>> [axes.get_title("left") for axes in figure.axes]
    ['MIG against reconstruction']
    """
    need_same_data(views)
    need_same_likelihood(views)
    scores = np.array([number(need_score(view, score)["score"]) for view in views])
    reconstruction = np.array([number(split_of(view).get("nll_at_mean")) for view in views])
    figure = trade_off(
        reconstruction, scores, labels([view.experiment for view in views]), name=score_name(score), limits=limits_of(score)
    )
    caption = (
        f"{score_name(score)} against the reconstruction of held-out images at the posterior mean. Small dots are runs, large "
        "ones means over seeds with 95 % intervals; up and to the left is better."
    )
    return Drawn(figure, caption)


def common_metrics(views: Sequence[RunView]) -> list[str]:
    """Metrics that all runs were scored by."""
    return [name for name in views[0].scored["metrics"] if all(name in view.scored["metrics"] for view in views)]


@figures.register("seeds", source=OWN, runs=(1, None), needs="scored runs")
def draw_seeds(
    views: Sequence[RunView],
    *,
    scores: Annotated[str, Option("metrics, joined by commas; four that all runs have by default")] = "",
) -> Drawn:
    """Scores of every run, with means over seeds and their intervals, beside chance and ceiling.

    >>> figure = unbraid.figure("seeds", "runs/beta1", "runs/beta4", scores="mig")
    >>> [axes.get_title("left") for axes in figure.axes]
    ['MIG']
    """
    named = labels([view.experiment for view in views])
    common = common_metrics(views)
    chosen = scores.split(",") if scores else ([name for name in CORE if name in common] or common[:4])
    if not chosen:
        raise UsageError("These runs have no metric in common; score them alike: unbraid evaluate RUN RUN ...")
    found: dict[str, dict[str, list[float]]] = {}
    references: dict[str, dict[str, float]] = {}
    for name in chosen:
        results = [need_score(view, name) for view in views]
        own = found.setdefault(score_name(name), {})
        for label, result in zip(named, results, strict=True):
            own.setdefault(label, []).append(number(result["score"]))
        beside = {what: [number(result.get(what)) for result in results] for what in ("chance", "ceiling")}
        references[score_name(name)] = {
            what: float(np.mean(values)) for what, values in beside.items() if np.isfinite(values).all()
        }
    n = max(named.count(label) for label in named)
    spread = "with one run each there are no intervals"
    if n > 1:
        spread = f"lines are the 95 % intervals of the means (Student's t, up to {n} runs each)"
    caption = (
        f"Dots are runs, bars their means; {spread}. Chance is what shuffled codes score, ceiling what the best codes of these "
        "images would."
    )
    return Drawn(seeds(found, references=references, limits={score_name(name): limits_of(name) for name in chosen}), caption)


@figures.register("grid", source=OWN, runs=(2, None), needs="scored runs that differ in two options")
def draw_grid(
    views: Sequence[RunView],
    *,
    score: ScoreName = "mig",
    x: Annotated[str, Option("option along x")] = "beta",
    y: Annotated[str, Option("option along y")] = "latent_dim",
) -> Drawn:
    """Heat map of a score over two options, such as beta and the number of latents.

    >>> figure = unbraid.figure("grid", "runs/beta1", "runs/beta4", score="mig")
    >>> [axes.get_title("left") for axes in figure.axes]
    ['MIG']
    """
    columns = np.array([need_option(view, x) for view in views])
    rows = np.array([need_option(view, y) for view in views])
    scores = np.array([number(need_score(view, score)["score"]) for view in views])
    across, up = np.unique(columns), np.unique(rows)
    if len(across) * len(up) == 1:
        raise UsageError(f"All runs have {x} {across[0]:g} and {y} {up[0]:g}; give runs that differ in one of them.")
    means, counts = np.full((len(up), len(across)), np.nan), np.zeros((len(up), len(across)), dtype=np.int64)
    for i, row in enumerate(up):
        for j, column in enumerate(across):
            own = scores[(rows == row) & (columns == column)]
            counts[i, j] = len(own)
            means[i, j] = own.mean() if len(own) else np.nan
    names = tuple("latents" if name == "latent_dim" else name.replace("_", " ") for name in (x, y))
    figure = score_grid(means, across.tolist(), up.tolist(), names=(names[0], names[1]), title=score_name(score), runs=counts)
    kinds = in_words(list(dict.fromkeys(view.experiment.model for view in views)))
    return Drawn(figure, f"{score_name(score)} of {kinds}, mean over {len(views)} runs by {names[0]} and {names[1]}.")


@figures.register("label_efficiency", source=OWN, runs=(1, None), needs="runs scored by linear_probe")
def draw_label_efficiency(
    views: Sequence[RunView], *, factor: Annotated[str | None, Option("one factor; the mean over all by default")] = None
) -> Drawn:
    """How well a linear classifier names the factors, by the number of labeled images it learns from.

    >>> figure = unbraid.figure("label_efficiency", "runs/beta1", "runs/beta4")
    >>> [axes.get_title("left") for axes in figure.axes]
    ['Accuracy of a linear probe over all factors']
    """
    runs = [_accuracies(view, factor) for view in views]
    counts = sorted(set.intersection(*(set(run) for run in runs)))
    found: dict[str, list[list[float]]] = {}
    for label, run in zip(labels([view.experiment for view in views]), runs, strict=True):
        found.setdefault(label, []).append([run[count] for count in counts])
    what = f"of {factor}" if factor else "over all factors"
    figure = label_efficiency(counts, found, title=f"Accuracy of a linear probe {what}")
    caption = (
        f"Share of unseen images whose value softmax regression on the latents names, {what}, by the number of labeled images "
        "it learns from. Lines are means over seeds, bands their 95 % intervals."
    )
    return Drawn(figure, caption)


def _accuracies(view: RunView, factor: str | None) -> dict[int, float]:
    """Accuracy of the linear probe by the number of labels, of which small data sets allow fewer."""
    parts = [need_score(view, f"linear_probe.labels_{count}") for count in LABELS]
    if factor is not None and factor not in parts[0]["per_factor"]:
        raise UsageError(f"--factor {factor!r}; allowed: {', '.join(parts[0]['per_factor'])}.")
    return {int(part["labels"]): number(part["per_factor"][factor] if factor else part["score"]) for part in reversed(parts)}
