"""Scores as `metrics.json` holds them.

What they are, how they are read back, and when they replace others.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from hashlib import sha256
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from unbraid.config.experiment import Experiment
from unbraid.errors import CorruptFile
from unbraid.evaluation.loss_rows import KLParts, Number, Row, SplitLosses, loss_rows
from unbraid.files import read_json, write_json
from unbraid.former_names import METRICS as FORMER_METRICS
from unbraid.former_names import TERMS as FORMER_TERMS
from unbraid.former_names import renamed
from unbraid.metrics.score_table import ScoreTable, html_table, nodes
from unbraid.records import Count, as_record, content_digest, finite_or_none, to_json

REMEDY = "The scores were altered, or written by another version; make them anew: unbraid evaluate RUN."
Split = Literal["train", "test"]


class Origin(Struct):
    """What scores and codes were made from.

    Args:
        unbraid: version of the library.
        configuration: digest of the run's configuration.
        data: digest of its data; empty where their name says what they hold.
        weights: SHA-256 of the weights.
        step: of the checkpoint.
        images: how many were encoded.
    """

    unbraid: str
    configuration: str
    data: str
    weights: str
    step: Count
    images: Count

    @property
    def digest(self) -> str:
        """One value for all of these, which the code table carries."""
        return sha256(msgspec.json.encode(self)).hexdigest()[:16]


class Scores(Struct, omit_defaults=True, kw_only=True):
    """Everything that is measured of a trained model.

    Args:
        step: of the model.
        images: how many were encoded, of `of_images` in the data set.
        splits: losses of each split.
        kl_per_dim: KL of each latent; empty for a posterior that has none per latent.
        active: whether each latent tells anything about the image.
        metrics: results by name: `score`, where known `interval`, `chance`, `untrained`, `ceiling`, `per_factor`, and parts.
        units: of terms that are not in nats per image; None in files of version 0.1.
        labels: what to call terms, where they say so.
        doubts: what to know of the images when reading the metrics, a sentence each.
        kl_parts: where the KL goes.
        factors: names of the factors that are scored; empty in files of version 0.1.
        information_shares: share of the entropy of each of these (columns) that each latent (rows) knows.
        follows: for each latent the factor it knows most of, or "".
        without_labels: scores that need no factors, by name: `LABEL_FREE` of `unbraid.evaluation.loss_rows`.
        origin: what these were made from; None in files of version 0.1.
        own_sha256: digest of all else in the file; empty in files of version 0.1.
    """

    step: Count
    images: Count
    of_images: Count
    splits: dict[Split, SplitLosses]
    kl_per_dim: list[Number]
    active: list[bool]
    metrics: dict[str, dict[str, Any]]
    units: dict[str, str] | None = None
    labels: dict[str, str] = {}
    doubts: list[str] = []
    kl_parts: KLParts | None = None
    factors: list[str] = []
    information_shares: list[list[Number]] | None = None
    follows: list[str] | None = None
    without_labels: dict[str, Number] = {}
    origin: Origin | None = None
    own_sha256: str = ""

    def __post_init__(self) -> None:
        if len({len(row) for row in self.information_shares or ()}) > 1:
            raise ValueError("information_shares has rows of several lengths; allowed: rows of one length")

    def __str__(self) -> str:
        rows = self._losses()
        width = max(len(row[0]) for row in rows)
        lines = ["  ".join([row[0].ljust(width), *(cell.rjust(10) for cell in row[1:])]) for row in rows]
        return "\n".join([self._about(), *lines, *([str(self.table)] if self.metrics else [])])

    def _repr_html_(self) -> str:
        table = self.table._repr_html_() if self.metrics else ""
        return f"<p>{escape(self._about())}</p>{html_table(self._losses())}{table}"

    def _about(self) -> str:
        active = f"{sum(self.active)} of {len(self.active)} latents active"
        return f"Step {self.step:,}, {self.images:,} of {self.of_images:,} images, {active}"

    def loss_rows(self) -> list[Row]:
        """Losses with one value per split."""
        return loss_rows(self.splits, self.units, self.labels)

    def _losses(self) -> list[list[str]]:
        return [["nats per image", *self.splits], *([row.label, *row.cells(_number)] for row in self.loss_rows())]

    @property
    def table(self) -> ScoreTable:
        """The metrics as a table."""
        factors = dict.fromkeys(factor for result in self.metrics.values() for factor in result.get("per_factor", ()))
        return ScoreTable(self.metrics, self.images, tuple(factors), tuple(self.doubts))


def numbers_of(scores: Scores) -> Iterator[tuple[str, float]]:
    """Scores as a tracker is told of them: metrics and their parts, and the NLL of each split."""
    for metric, result in scores.metrics.items():
        for part, node in nodes(result):
            if node["score"] is not None:
                yield f"score/{metric}{part and f'.{part}'}", node["score"]
    for split, losses in scores.splits.items():
        if losses.nll is not None:
            yield f"score/{split}_nll", losses.nll


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


class Score(Struct):
    """What is read of a metric's result or of a part of it; other fields are the metric's own."""

    score: Number
    interval: list[Number] | UnsetType = UNSET
    chance: Number | UnsetType = UNSET
    untrained: Number | UnsetType = UNSET
    ceiling: Number | UnsetType = UNSET
    per_factor: dict[str, Number] | UnsetType = UNSET
    per_factor_ceiling: dict[str, Number] | UnsetType = UNSET


class _Checked(Scores, kw_only=True):
    """The same with results of metrics as records, which keep what is known of them alone."""

    metrics: dict[str, Score]  # type: ignore[assignment]


def read_scores(path: Path) -> Scores:
    """The scores of a run.

    Raises `CorruptFile` for a file that holds anything else, or that was changed since `write_scores` wrote it.
    """
    content = read_json(path, "scores")
    digest = content_digest(content)
    if isinstance(content.get("metrics"), Mapping):
        content["metrics"] = renamed(content["metrics"], FORMER_METRICS)
    for found in content["splits"].values() if isinstance(content.get("splits"), Mapping) else ():
        if isinstance(found, dict) and isinstance(found.get("terms"), Mapping):
            found["terms"] = renamed(found["terms"], FORMER_TERMS)
    as_record(content, _Checked, str(path), REMEDY)
    for name, result in content["metrics"].items():
        for part, node in nodes(result):
            as_record(node, Score, f"{path}: metrics.{name}.{part}", REMEDY)
    scores = as_record(content, Scores, str(path), REMEDY)
    if (scores.origin or scores.own_sha256) and scores.own_sha256 != digest:
        raise CorruptFile(f"{path} does not match its checksum. {REMEDY}")
    return scores


def write_scores(path: Path, scores: Scores) -> None:
    """Write scores with a checksum of their content, which `read_scores` checks."""
    content = finite_or_none(to_json(scores))
    write_json(path, {**content, "own_sha256": content_digest(content)})


def origin_of(experiment: Experiment, weights: bytes, step: int, images: int) -> Origin:
    """What scores of a run's data are made from."""
    return Origin(
        unbraid=version("unbraid"),
        configuration=_digest(experiment),
        data=experiment.data_digest,
        weights=sha256(weights).hexdigest(),
        step=step,
        images=images,
    )


def _digest(experiment: Experiment) -> str:
    return sha256(json.dumps(experiment.identity(), sort_keys=True).encode()).hexdigest()[:16]


def require_of_experiment(scores: Scores, experiment: Experiment, path: Path) -> None:
    """Raise `CorruptFile` for scores of the same version but another configuration or other data."""
    made = scores.origin
    if made is None or made.unbraid != version("unbraid"):  # versions may differ in what they write into a configuration
        return
    for what, then, now in (
        ("configuration", made.configuration, _digest(experiment)),
        ("data", made.data, experiment.data_digest),
    ):
        if then != now:
            raise CorruptFile(
                f"{path} holds scores of another {what} (digest {then} there, {now} now): they or config.json were altered. "
                f"Put back what was there, or remove the scores and make them anew: unbraid evaluate {path.parent}."
            )


def can_be_merged(scores: Scores, origin: Origin) -> bool:
    """Whether scores were made from the same images and weights.

    Metrics computed now then belong beside them.
    """
    if scores.origin is None:
        return (scores.step, scores.images) == (origin.step, origin.images)
    return scores.origin == origin


def why_better(scores: Scores, origin: Origin, metrics: Collection[str]) -> str:
    """Why stored scores are not replaced by new ones of these metrics: in words, or empty where they are."""
    if scores.step != origin.step:
        return f"of step {scores.step:,}, whose checkpoint is damaged" if scores.step > origin.step else ""
    lost = [] if can_be_merged(scores, origin) else [name for name in scores.metrics if name not in metrics]
    if scores.images > origin.images:
        return f"of more images ({scores.images:,})"
    return f"by metrics that the new ones lack ({', '.join(lost)})" if lost else ""
