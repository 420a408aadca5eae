"""Label-efficiency curves of frozen encoders in studies: evidence, measures, tables, figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from unbraid.reporting.view import RunView
from unbraid.studies.blocks import Block, Chart, Table
from unbraid.studies.declaration import Arm
from unbraid.studies.evidence import Evidence
from unbraid.studies.measures import Measure, Run
from unbraid.studies.parts import not_run, runs_cell, summary_cell
from unbraid.studies.results import Results
from unbraid.sweep.compare.quantities import number
from unbraid.sweep.compare.writing import MISSING, decimal

HARDLY = 0.02
"""An accuracy so little above chance is none."""
Penalty = Literal["none", "l2"]


def probed(wanted: Callable[[RunView], bool], with_nulls: Callable[[RunView], bool]) -> Evidence:
    """Curves of the labels of a run's data, each the mean over draws of the labels.

    Args:
        wanted: whether a run has them.
        with_nulls: whether it also keeps those of the untrained encoder, of PCA and of pixels.
    """

    def make(view: RunView) -> dict[str, Any] | None:
        from unbraid.evaluation.probing import ENCODER, KINDS, probe_encoder

        if not wanted(view) or view.dataset.labels is None:
            return None
        model = view.model
        _, found = probe_encoder(
            model.vae,
            model.experiment.build().placed(model.device),
            view.dataset,
            latents=model.latent_dim,
            device=model.device,
            kinds=KINDS if with_nulls(view) else (ENCODER,),
        )
        curves: dict[str, Any] = {}
        for one in found.curves:
            means = {name: [round(float(v), 4) for v in np.mean(getattr(one, name), 0)] for name in ("accuracy", "loss")}
            curves.setdefault(one.codes, {})["l2" if one.penalty else "none"] = means
        return {"label_counts": found.label_counts, "draws": found.draws, "chance": found.chance, "curves": curves}

    return Evidence("probe", make)


def curve_of(run: Run, codes: str, penalty: Penalty, value: str = "accuracy") -> tuple[list[int], list[float]]:
    """Numbers of labels, and what the ledger keeps of a run by them; both empty where it keeps nothing."""
    kept = run.evidence.get("probe") or {}
    values = kept.get("curves", {}).get(codes, {}).get(penalty, {}).get(value, [])
    return [int(count) for count in kept.get("label_counts", [])] if values else [], [number(one) for one in values]


def accuracy(labels: int, penalty: Penalty = "none") -> Measure:
    """Held-out accuracy of a linear classifier with so many labels."""

    def of(run: Run) -> float:
        return dict(zip(*curve_of(run, "encoder", penalty), strict=True)).get(labels, math.nan)

    how = "" if penalty == "none" else ", L2"
    return Measure(f"accuracy_{labels}_{penalty}", f"accuracy, {labels:,} labels{how}", of, True, (0.0, 1.0))


def gain(few: int, many: int) -> Measure:
    """How much more accurate the classifier is with many labels than with few."""
    one, other = accuracy(few), accuracy(many)
    return Measure(f"gain_{few}_{many}", f"accuracy, {many:,} labels less {few:,}", lambda run: other.of(run) - one.of(run))


def efficiency(few: int, many: int) -> Measure:
    """The share of what many labels give above chance that few give; 0 where many give hardly anything."""
    one, other = accuracy(few), accuracy(many)

    def of(run: Run) -> float:
        chance = number((run.evidence.get("probe") or {}).get("chance"))
        gained = other.of(run) - chance
        return 0.0 if gained < HARDLY else (one.of(run) - chance) / gained

    return Measure(f"efficiency_{few}_{many}", f"accuracy above chance, {few:,} labels / {many:,} labels", of)


def softened(labels: int) -> Measure:
    """How much more accurate the classifier with so many labels is with an L2 penalty than without."""
    one, other = accuracy(labels, "l2"), accuracy(labels)
    return Measure(f"softened_{labels}", f"accuracy, {labels:,} labels, L2 less none", lambda run: one.of(run) - other.of(run))


NULLS = {"untrained": "untrained encoder", "PCA": "PCA", "pixels": "pixels"}


@dataclass(frozen=True, eq=False)
class TransferTable:
    """Accuracy by the number of labels: means over seeds with 95 % t intervals, beside null rows.

    Args:
        title: of the table.
        arms: rows, all with as many latents, as PCA then has.
        label_counts: columns.
        penalty: of the classifier.
        note: below the title.
    """

    title: str
    arms: Sequence[Arm]
    label_counts: Sequence[int]
    penalty: Penalty
    note: str = ""

    def blocks(self, results: Results) -> Iterator[Block]:
        """The table."""
        measures = [accuracy(count, self.penalty) for count in self.label_counts]
        rows = [
            [arm.name, runs_cell(results, arm), *(summary_cell(results, arm, one) for one in measures)] for arm in self.arms
        ]
        for codes, name in NULLS.items():
            curves = [curve_of(run, codes, self.penalty) for arm in self.arms for run in results.of(arm)]
            found = [dict(zip(counts, values, strict=True)) for counts, values in curves if counts]
            if found:
                means = [np.mean([one.get(count, math.nan) for one in found]) for count in self.label_counts]
                rows.append([name, MISSING, *(decimal(float(mean), 3) for mean in means)])
        chances = [run.evidence["probe"]["chance"] for arm in self.arms for run in results.of(arm) if run.evidence.get("probe")]
        if chances:
            rows.append(["chance", MISSING, *(decimal(float(np.mean(chances)), 3) for _ in measures)])
        yield Table(self.title, ["", "runs", *(f"{count:,} labels" for count in self.label_counts)], rows, self.note)


@dataclass(frozen=True, eq=False)
class TransferCurves:
    """Accuracy or loss by the number of labels, one plot per group of arms, beside PCA and pixels.

    Args:
        title: with the number of the report's figure.
        groups: title of each plot, and its arms.
        value: "accuracy" or "loss".
        penalty: of the classifier.
        caption: what else there is to know.
    """

    title: str
    groups: Sequence[tuple[str, Sequence[tuple[str, Arm]]]]
    value: Literal["accuracy", "loss"] = "accuracy"
    penalty: Penalty = "none"
    caption: str = ""

    def blocks(self, results: Results) -> Iterator[Block]:
        """One figure."""
        from unbraid.figures.over_runs import label_curves

        plots: dict[str, dict[str, list[list[float]]]] = {}
        counts: list[int] = []
        for title, arms in self.groups:
            for label, arm in arms:
                for run in results.of(arm):
                    for codes, name in (("encoder", label), ("PCA", "PCA"), ("pixels", "pixels")):
                        found, values = curve_of(run, codes, self.penalty, self.value)
                        if found:
                            counts = found
                            plots.setdefault(title, {}).setdefault(name, []).append(values)
        if not plots:
            yield not_run(self.title, [arm for _, arms in self.groups for _, arm in arms])
            return
        for title, own in plots.items():  # null rows last
            plots[title] = {name: own[name] for name in sorted(own, key=lambda name: name in ("PCA", "pixels"))}
        limits = (0.0, 1.02) if self.value == "accuracy" else (0.0, None)
        figure = label_curves(counts, plots, limits=limits, references=("PCA", "pixels"))
        yield Chart(
            self.title, figure, f"Lines are means over seeds, dots seeds, each a mean over draws of labels. {self.caption}"
        )
