"""The model card of a run: what a model is, how it was trained and how it scores, as a Hub shows it."""

from __future__ import annotations

import math
import re
from importlib.metadata import version

import yaml

from unbraid.config.experiment import Experiment
from unbraid.evaluation.loss_rows import TERMS
from unbraid.figures.series import number
from unbraid.model import Model
from unbraid.reporting import tables
from unbraid.reporting.command import command_line
from unbraid.reporting.headline import findings, headline
from unbraid.reporting.markdown import markdown_table
from unbraid.reporting.numbers import count, plain, score_name
from unbraid.reporting.view import RunView
from unbraid.zoo.registry import models

TRAVERSALS = "traversals.png"
"""The figure that a card shows, beside it."""


def model_card(model: Model, repo: str, scored: RunView | None = None, *, picture: bool = False) -> str:
    """A card in Markdown, whose metadata name the model, its data and its scores.

    Args:
        model: that it is about.
        repo: where the model will be, as in `user/name`.
        scored: its run, where that was scored.
        picture: whether `TRAVERSALS` stands beside the card.
    """
    experiment = model.experiment.portable()
    entry = models[experiment.model]
    lines = [
        "---",
        yaml.safe_dump(_metadata(experiment, repo, scored), sort_keys=False, allow_unicode=True).rstrip(),
        "---",
        "",
        f"# {experiment.model} of {_text(experiment.data_name)}",
        "",
        f"{entry.summary} {entry.source}.",
        "",
        *_found(scored),
        *([f"![What each latent changes]({TRAVERSALS})", ""] if picture else []),
        "## Use",
        "",
        "```python",
        "from unbraid.hub import from_pretrained  # pip install 'unbraid[hub]'",
        "",
        f'model = from_pretrained("{repo}")',
        f"codes = model.encode(images)  # (n, {model.latent_dim}) posterior means of images {_images(model)}",
        "again = model.decode(codes)",
        "```",
        "",
        *_scores(scored),
        "## How it was trained",
        "",
        f"{count(model.step)} steps of {experiment.batch_size} images with unbraid {version('unbraid')}:",
        "",
        "```console",
        f"$ {command_line(experiment)}",
        "```",
        "",
        *_table(tables.part_table(experiment)),
    ]
    return "\n".join(lines) + "\n"


def _metadata(experiment: Experiment, repo: str, scored: RunView | None) -> dict[str, object]:
    found: dict[str, object] = {
        "library_name": "unbraid",
        "tags": ["disentanglement", "representation-learning", "variational-autoencoder", experiment.model, experiment.data],
    }
    if scored is not None and scored.scores.metrics:
        values = [
            {"type": key, "name": score_name(key), "value": round(number(result.get("score")), 4)}
            for metric, whole in scored.scored["metrics"].items()
            for key, result in tables.parts_of(metric, whole).items()
            if math.isfinite(number(result.get("score")))
        ]
        where = {
            "task": {"type": "feature-extraction"},
            "dataset": {"name": experiment.data_name, "type": experiment.data},
            "metrics": values,
        }
        found["model-index"] = [{"name": repo.rpartition("/")[2], "results": [where]}]
    return found


def _found(scored: RunView | None) -> list[str]:
    if scored is None or scored.shares is None:
        return []
    return [headline(findings(scored.active_shares, scored.table.scored_names)), ""]


def _scores(scored: RunView | None) -> list[str]:
    if scored is None:
        return []
    found = tables.score_rows(scored.scored, scored.shown_names)
    lines = ["## Scores", "", f"Of {count(scored.scores.images)} images; *chance* is what shuffled codes score.", ""]
    if found.rows:
        lines += _table(tables.Table(("metric", *found.columns), tuple((row.name, *row.cells) for row in found.rows)))
    return [*lines, f"{TERMS['nll_at_mean']} and other losses, unweighted:", "", *_table(tables.loss_table(scored.scores))]


def _table(table: tables.Table) -> list[str]:
    return [*markdown_table(table.columns, [list(map(_text, row)) for row in table.rows]), ""]


def _text(cell: str) -> str:
    """A cell that Markdown shows as it is, on one line."""
    return re.sub(r"([<>\[\]`*_])", r"\\\1", " ".join(cell.split()))


def _images(model: Model) -> str:
    channels, height, width = model.image_shape
    shape = f"(n, {channels}, {height}, {width})"
    return f"{shape}, {plain(model.value_range)}" if model.value_range is not None else shape
