"""Tables and figures of a study's page, each made from the numbers of a ledger alone.

A part of your own is anything with `blocks`: a function of the results that yields tables, figures and text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from unbraid.figures.assignment import STRONG, WEAK, assignments
from unbraid.phrases import few
from unbraid.studies.blocks import Block, Chart, Picture, Pictures, Prose, Table
from unbraid.studies.declaration import Arm
from unbraid.studies.measures import Measure, shares_of, values_of
from unbraid.studies.nulls import null_rows
from unbraid.studies.results import Results
from unbraid.sweep.compare.statistics import Summary, summarize
from unbraid.sweep.compare.writing import MISSING, decimal, short_cell

if TYPE_CHECKING:
    from unbraid.figures.series import Series

MOST_NAMED = 8
"""Arms that are named where nothing has run."""


@dataclass(frozen=True, eq=False)
class Note:
    """Text."""

    title: str
    paragraphs: Sequence[str]

    def blocks(self, results: Results) -> Iterator[Block]:
        """The text."""
        yield Prose(self.title, self.paragraphs)


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Means over seeds with their 95 % t intervals, beside what the report has and null codes.

    Args:
        title: with the number of the report's table or figure, if it has one.
        arms: rows.
        measures: columns.
        reported: for an arm, what the report says of a measure, by the measure's key, in its words.
        note: below the title.
    """

    title: str
    arms: Sequence[Arm]
    measures: Sequence[Measure]
    reported: Mapping[Arm, Mapping[str, str]] = field(default_factory=dict)
    note: str = ""

    def blocks(self, results: Results) -> Iterator[Block]:
        """The table; a row without runs says so."""
        told = [one for one in self.measures if any(one.key in own for own in self.reported.values())]
        columns = ["", "runs", *(one.column for one in self.measures), *(f"report: {one.name}" for one in told)]
        rows = []
        for arm in self.arms:
            cells = [summary_cell(results, arm, one) for one in self.measures]
            published = [self.reported.get(arm, {}).get(one.key, MISSING) for one in told]
            rows.append([marked(results, arm), runs_cell(results, arm), *cells, *published])
        shown = [run for arm in self.arms for run in results.of(arm)]
        for name, own in null_rows(results, shown, self.measures).items():
            cells = [decimal(own[one.key], one.digits) for one in self.measures]
            rows.append([name, MISSING, *cells, *(MISSING for _ in told)])
        yield Table(self.title, columns, rows, self.note)


@dataclass(frozen=True, eq=False)
class DifferenceTable:
    """How other arms differ from one: means of theirs less its own, with Welch's 95 % intervals.

    Args:
        title: of the table.
        base: the arm that the others are compared with.
        arms: rows.
        measures: columns.
        note: below the title.
    """

    title: str
    base: Arm
    arms: Sequence[Arm]
    measures: Sequence[Measure]
    note: str = ""

    def blocks(self, results: Results) -> Iterator[Block]:
        """The table."""
        from unbraid.metrics.intervals import difference_interval

        rows = []
        for arm in self.arms:
            cells = []
            for one in self.measures:
                own, other = (list(results.values(each, one).values()) for each in (arm, self.base))
                if not own or not other:
                    cells.append(MISSING)
                    continue
                mean = float(np.mean(own) - np.mean(other))
                ends = difference_interval(own, other)
                digits = one.digits
                interval = f" ({decimal(ends[0], digits)} to {decimal(ends[1], digits)})" if ends else ""
                cells.append(decimal(mean, digits) + interval)
            rows.append([marked(results, arm), runs_cell(results, arm), *cells])
        note = f"Each row less {self.base.name}. {self.note}".strip()
        yield Table(self.title, ["", "runs", *(one.column for one in self.measures)], rows, note)


@dataclass(frozen=True, eq=False)
class AssignmentTable:
    """Which latents stand for which factor, by two thresholds, beside what the report has.

    A latent is assigned to a factor of whose entropy it knows at least `strong`; in brackets, at least `weak`. Latents are
    numbered from 1, as reports do.

    Args:
        title: with the number of the report's figure.
        arm: whose runs; one column per seed.
        reported: by factor, the report's words.
        strong, weak: shares of a factor's entropy.
    """

    title: str
    arm: Arm
    reported: Mapping[str, str]
    strong: float = STRONG
    weak: float = WEAK

    def blocks(self, results: Results) -> Iterator[Block]:
        """The table; a column per run."""
        columns = ["factor", "report"]
        rows = {factor: [text or MISSING] for factor, text in self.reported.items()}
        for run in results.of(self.arm):
            found = shares_of(run)
            if found is None:
                continue
            columns.append(f"seed {run.result.seed}")
            for one in assignments(found[1], found[0], strong=self.strong, weak=self.weak):
                rows.setdefault(one.factor, [MISSING]).append(_from_one(one.strong, one.weak))
        if len(columns) == 2:
            columns.append("ours")
            rows = {factor: [*cells, "not run"] for factor, cells in rows.items()}
        note = (
            f"{self.arm.name}. A latent is assigned where it knows at least {self.strong:.0%} of a factor's entropy, in "
            f"brackets where at least {self.weak:.0%}. Latents are numbered from 1; numbers mean nothing across runs."
        )
        yield Table(
            self.title, columns, [[factor.replace("_", " "), *cells] for factor, cells in rows.items()], note, words=True
        )


def _from_one(strong: Sequence[int], weak: Sequence[int]) -> str:
    first = ", ".join(f"z{j + 1}" for j in strong)
    second = ", ".join(f"z{j + 1}" for j in weak)
    return " ".join(part for part in (first, f"({second})" if second else "") if part) or MISSING


@dataclass(frozen=True, eq=False)
class Strips:
    """Every run as a dot, means as bars, 95 % t intervals as lines, beside null codes."""

    title: str
    arms: Sequence[Arm]
    measures: Sequence[Measure]

    def blocks(self, results: Results) -> Iterator[Block]:
        """One plot per measure that any run has."""
        from unbraid.figures.over_runs import seeds

        arms = [arm for arm in self.arms if results.of(arm)]
        shown = [one for one in self.measures if any(results.values(arm, one) for arm in arms)]
        if not shown:
            yield not_run(self.title, self.arms)
            return
        nulls = null_rows(results, [run for arm in arms for run in results.of(arm)], shown)
        known = {name: own for name, own in nulls.items() if name.startswith(("PCA", "untrained"))}
        figure = seeds(
            {one.column: {arm.name: list(results.values(arm, one).values()) for arm in arms} for one in shown},
            references={
                one.column: {
                    name.replace(" encoder", ""): own[one.key] for name, own in known.items() if math.isfinite(own[one.key])
                }
                for one in shown
            },
            limits={one.column: one.limits for one in shown},
        )
        yield Chart(self.title, figure, "Dots are runs, bars means, lines 95 % t intervals of the means.")


@dataclass(frozen=True, eq=False)
class Against:
    """Two measures of every run against each other."""

    title: str
    arms: Sequence[Arm]
    across: Measure
    up: Measure

    def blocks(self, results: Results) -> Iterator[Block]:
        """One plot."""
        from unbraid.figures.over_options import agreement

        points = [(arm.name, self.across.of(run), self.up.of(run)) for arm in self.arms for run in results.of(arm)]
        points = [one for one in points if math.isfinite(one[1]) and math.isfinite(one[2])]
        if len(points) < 3:
            yield not_run(self.title, self.arms)
            return
        names, x, y = zip(*points, strict=True)
        figure = agreement(np.array(x), np.array(y), list(names), names=(self.across.column, self.up.column))
        yield Chart(self.title, figure, "Dots are runs.")


@dataclass(frozen=True, eq=False)
class Curves:
    """Something over training, one line per run: "loss", "nll", "kl", as the evidence `CURVE` keeps them."""

    title: str
    arms: Sequence[Arm]
    value: str = "loss"

    def blocks(self, results: Results) -> Iterator[Block]:
        """One plot."""
        from unbraid.figures.losses import curves

        lines = lines_of(results, self.arms, "curve", self.value)
        if not lines:
            yield not_run(self.title, self.arms)
            return
        caption = "One line per run; points are means over a sixtieth of the training."
        yield Chart(self.title, curves(f"{self.value}, nats per image", lines), caption)


@dataclass(frozen=True, eq=False)
class WeightHistograms:
    """How large weights are, in the first seed of each arm, as the evidence `WEIGHTS` keeps them."""

    title: str
    arms: Sequence[Arm]

    def blocks(self, results: Results) -> Iterator[Block]:
        """One plot for the encoder, one for the decoder, and the shares near zero."""
        from matplotlib.ticker import FuncFormatter

        from unbraid.figures.style import drawing, kind_of, panels

        firsts = [(arm.name, run) for arm in self.arms for run in results.of(arm)[:1]]
        found = {name: run.evidence["weights"] for name, run in firsts if "weights" in run.evidence}
        if not found:
            yield not_run(self.title, self.arms)
            return
        with drawing():
            figure, axes = panels(2, 2, 400, 300)
            for ax, network in zip(axes, ("encoder", "decoder"), strict=True):
                ax.set_title(f"Weights of the {network}")
                for place, (name, own) in enumerate(found.items()):
                    ax.stairs(own[network]["shares"], own["edges"], color=kind_of(place)[0], label=name, linewidth=1.6)
                ax.set_yscale("log")
                ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:g} %"))
                ax.set_xlabel("value of a weight")
            axes[0].legend(loc="upper left", fontsize=9)
        told = "; ".join(
            f"{name}: {100 * own['encoder']['near_zero']:.0f} % of the encoder's weights and "
            f"{100 * own['decoder']['near_zero']:.0f} % of the decoder's are within ±0.01"
            for name, own in found.items()
        )
        yield Chart(self.title, figure, f"Seed 0 of each. Weights beyond ±0.5 count with the outermost bars. {told}.")


@dataclass(frozen=True, eq=False)
class Shown:
    """Pictures that the ledger keeps of the first seed of each arm.

    Args:
        title: with the number of the report's figure.
        arms: whose.
        evidence: the name under which they are kept: "reconstructions", "traversals".
        caption: what they show.
    """

    title: str
    arms: Sequence[Arm]
    evidence: str
    caption: str

    def blocks(self, results: Results) -> Iterator[Block]:
        """A picture per arm."""
        made = []
        for arm in self.arms:
            for run in results.of(arm)[:1]:
                kept = run.evidence.get(self.evidence)
                if kept:
                    label = f"{arm.name}, seed {run.result.seed}"
                    if kept.get("labels"):
                        label += ": " + ", ".join(kept["labels"])
                    made.append(Picture(label, kept["png"], kept["width"], kept["height"]))
        yield Pictures(self.title, made, self.caption) if made else not_run(self.title, self.arms)


def not_run(title: str, arms: Sequence[Arm]) -> Prose:
    """What stands in the place of a figure of which there is nothing to draw."""
    return Prose(title, [f"Not run yet: {few([arm.name for arm in arms], MOST_NAMED)}."])


def lines_of(results: Results, arms: Sequence[Arm], evidence: str, name: str) -> list[Series]:
    """A quantity over the training of each run, by the name of the evidence that keeps it and its own."""
    from unbraid.figures.series import Series

    lines = []
    for arm in arms:
        for run in results.of(arm):
            steps, values = (values_of(run, evidence, which) for which in ("step", name))
            if len(values) > 1:
                lines.append(Series(arm.name, steps.astype(np.int64), values))
    return lines


def summary_of(results: Results, arm: Arm, measure: Measure) -> Summary:
    """Mean and intervals of a measure over the runs of an arm."""
    return summarize(list(results.values(arm, measure).values()))


def summary_cell(results: Results, arm: Arm, measure: Measure) -> str:
    """As in "0.371 ± 0.061"; a dash where there is no run, or none with such a number."""
    return short_cell(summary_of(results, arm, measure), measure.digits)


def runs_cell(results: Results, arm: Arm) -> str:
    """As in "3"; "1 of 3" while some are missing, "not run" while all are."""
    there, wanted = len(results.of(arm)), results.wanted(arm)
    if not there:
        return "not run"
    return str(there) if there >= wanted else f"{there} of {wanted}"


def marked(results: Results, arm: Arm) -> str:
    """The arm's name, with letters of the code that made its runs where there are several versions."""
    letters = results.letters
    if len(letters) < 2:
        return arm.name
    own = dict.fromkeys(letters[run.result.code.identity] for run in results.of(arm))
    return f"{arm.name} [{', '.join(own)}]" if own else arm.name
