"""What happens while a run trains.

Losses of one or two players, scores at its checkpoints, and how much they vary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from unbraid.phrases import counted, few
from unbraid.reporting.view import RunView
from unbraid.studies.blocks import Block, Chart, Table
from unbraid.studies.declaration import Arm
from unbraid.studies.evidence import POINTS, Evidence, stretches
from unbraid.studies.measures import Measure, Run, late_fall, values_of
from unbraid.studies.parts import lines_of, marked, not_run, runs_cell
from unbraid.studies.results import Results
from unbraid.sweep.compare.quantities import number
from unbraid.sweep.compare.writing import MISSING

FOLLOWED = ("beta_vae_score", "mig", "modularity", "explicitness")
"""Metrics that are computed at every checkpoint."""
IMAGES = 2_000
"""They are computed on these many images at most, the same ones at every checkpoint."""
LEAST = 4
"""Values of which a spread or a roughness is taken, at least."""

Values = Float[np.ndarray, "_"]


def late(values: Values) -> Values:
    """The second half; the middle one of an odd number is in it."""
    return values[len(values) // 2 :]


def late_spread(values: Values) -> float:
    """Standard deviation of the second half.

    NaN for fewer than `LEAST` values there, or one that is not finite.
    """
    found = late(values)
    return float(found.std(ddof=1)) if len(found) >= LEAST and np.isfinite(found).all() else math.nan


def roughness(values: Values) -> float:
    """How far values of the second half lie off the straight line through them, as a share of their mean.

    The root of the mean square. 0 for what rises or falls evenly; NaN for fewer than `LEAST` values there, one that is not
    finite, or a mean of 0.
    """
    found = late(values)
    if len(found) < LEAST or not np.isfinite(found).all() or found.mean() == 0:
        return math.nan
    place = np.arange(len(found))
    line = np.polynomial.Polynomial.fit(place, found, 1)(place)
    return float(np.sqrt(np.mean((found - line) ** 2)) / abs(found.mean()))


def _terms(view: RunView) -> dict[str, Any] | None:
    entries = [one for one in view.log if one.kind == "train" and _named(one.values, "nll") and _named(one.values, "kl")]
    return stretches(entries, {name: [one.values[_named(one.values, name)] for one in entries] for name in ("nll", "kl")})


def _named(values: Any, term: str) -> str:
    """The name under which a log has a term: that of the encoder's player where there are two."""
    return next((name for name in (term, f"encoder/{term}") if name in values), "")


TERMS = Evidence("terms", _terms)
"""Unweighted reconstruction and KL of training images over training, each point the mean of a stretch.

As `CURVE`, and of models with two players too, whose losses are no nats.
"""


def _followed(view: RunView) -> dict[str, Any] | None:
    from unbraid.evaluation.encoding import choose_images, encode_posteriors
    from unbraid.evaluation.scores import posterior_samples
    from unbraid.metrics.evaluate import evaluate
    from unbraid.training.checkpoint import WEIGHTS, list_checkpoints, read_state, read_weights

    dataset = view.dataset
    if dataset.space is None or dataset.factors is None or not dataset.has_classes:
        return None
    index = choose_images(dataset, min(IMAGES, view.scores.images))
    vae = view.experiment.build()
    found: dict[str, Any] = {"step": [], "images": len(index)} | {name: [] for name in FOLLOWED}
    for path in list_checkpoints(view.run.checkpoints):
        state = read_state(path)
        vae.load_state_dict(read_weights(path / WEIGHTS, state.sha256.get(WEIGHTS)))
        mean, variance = encode_posteriors(vae, dataset, index=index, device=view.model.device)
        if not np.isfinite(mean).all():
            continue
        names, continuous = dataset.space.names, dataset.space.continuous
        samples = posterior_samples(mean, variance, dataset.factors[index], names, continuous, dataset.space)
        scores = evaluate(samples, metrics=list(FOLLOWED), intervals=0, references=False)
        found["step"].append(state.step)
        for name in FOLLOWED:
            found[name].append(round(float(scores[name]["score"]), 4))
    return found


SCORED = Evidence("scored", _followed)
"""Scores at every checkpoint that the run kept (`keep_checkpoints` 0 keeps all)."""


EVALUATED = ("mig", "dcimig", "test/nll")
"""What is kept of evaluations during training."""


def _evaluations(view: RunView) -> dict[str, Any] | None:
    entries = [one for one in view.log if one.kind == "evaluation" and "mig" in one.values]
    if not entries:
        return None
    shown = [entries[int(i)] for i in np.unique(np.linspace(0, len(entries) - 1, min(POINTS, len(entries))).round())]
    found: dict[str, Any] = {"step": [one.step for one in shown]}
    names = [name for name in EVALUATED if all(name in one.values for one in shown)]
    return found | {name: [round(number(one.values[name]), 4) for one in shown] for name in names}


EVALUATIONS = Evidence("evaluations", _evaluations)
"""Scores of `--evaluate-every` over training: 60 of them at most, evenly spread, the first and the last among them."""


def variability(metric: str, name: str) -> Measure:
    """Standard deviation of a score over the checkpoints of the second half of training."""
    return Measure(
        f"variability.{metric}",
        f"{name}, spread",
        lambda run: late_spread(values_of(run, "scored", metric)),
        higher_is_better=None,
        limits=(0.0, 1.0),
    )


KL_ROUGHNESS = Measure(
    "kl_roughness", "roughness of the KL", lambda run: roughness(values_of(run, "terms", "kl")), None, (0.0, math.inf)
)
"""Of training images, in the second half of training (`roughness`)."""


BOUND_CHANGE = Measure(
    "bound_change",
    "fall of reconstruction + KL in the last quarter",
    lambda run: late_fall(values_of(run, "terms", "nll") + values_of(run, "terms", "kl")),
    None,
)
"""Unweighted, of training images (`late_fall`)."""


@dataclass(frozen=True, eq=False)
class OverTraining:
    """Quantities over training, one plot each, one line per run: of the evidence `TERMS` or `SCORED`.

    Args:
        title: with the number of the report's figure.
        arms: whose runs; those of an arm share a color.
        evidence: "terms", "scored" or "evaluations".
        values: the quantities with the titles of their plots.
        caption: what they are.
    """

    title: str
    arms: Sequence[Arm]
    evidence: str
    values: Sequence[tuple[str, str]]
    caption: str

    def blocks(self, results: Results) -> Iterator[Block]:
        """The plots, or that nothing has run."""
        from unbraid.figures.losses import Panel, curve_panels

        plots = [Panel(title, lines_of(results, self.arms, self.evidence, name)) for name, title in self.values]
        plots = [plot for plot in plots if plot.lines]
        if plots:
            names = [arm.name for arm in self.arms if results.of(arm)]
            yield Chart(self.title, curve_panels(plots, labels=names), self.caption)
        else:
            yield not_run(self.title, self.arms)


def hours_to(run: Run, name: str, target: float) -> float:
    """Hours of training until an evaluation reaches a target; NaN where none does.

    Taken as the same share of the run's hours as of its steps.
    """
    steps, values = (values_of(run, "evaluations", which) for which in ("step", name))
    reached = steps[values >= target]
    return float(reached[0]) / run.result.steps * run.result.train_seconds / 3600 if len(reached) else math.nan


@dataclass(frozen=True, eq=False)
class HoursTo:
    """Hours until a score is reached for the first time, means of the runs that reach it.

    From the evidence `EVALUATIONS`.

    Args:
        title: of the table.
        arms: rows.
        name: of the score among the evaluations.
        targets: columns.
    """

    title: str
    arms: Sequence[Arm]
    name: str
    targets: Sequence[float]

    def blocks(self, results: Results) -> Iterator[Block]:
        """The table; in brackets how many runs reach a target, where some do not."""
        rows = []
        for arm in self.arms:
            runs = results.of(arm)
            whole = [run.result.train_seconds / 3600 for run in runs]
            cells = [f"{np.mean(whole):.2f}" if whole else MISSING]
            for target in self.targets:
                hours = [hours_to(run, self.name, target) for run in runs]
                reached = [value for value in hours if not math.isnan(value)]
                some = f" ({len(reached)} of {len(runs)})" if len(reached) < len(runs) else ""
                cells.append(f"{np.mean(reached):.2f}{some}" if reached else MISSING)
            rows.append([marked(results, arm), runs_cell(results, arm), *cells])
        found = [run.result for arm in self.arms for run in results.of(arm)]
        made = sorted({f"{one.device}, {counted(one.threads, 'thread')}" for one in found})
        note = (
            f"Training alone{f' ({few(made)})' if made else ''}; other runs on the machine make it longer. A target is reached "
            "at the first evaluation during training that is not below it; these score 2,000 images."
        )
        columns = ["", "runs", "hours, whole run", *(f"hours to {target:g}" for target in self.targets)]
        yield Table(self.title, columns, rows, note)
