"""Configurations side by side: means over seeds, differences between them with intervals, and both in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unbraid.figures.series import number
from unbraid.metrics.intervals import difference_interval, mean_interval
from unbraid.reporting.gallery.comparison import common_metrics, limits_of, rate_of, split_of, title_of
from unbraid.reporting.numbers import MISSING, count, decimal
from unbraid.reporting.tables import Table
from unbraid.reporting.view import RunView

MOST_DIFFERENCES = 6
"""Further configurations than this are compared with the first in the figures alone."""


@dataclass(frozen=True)
class Quantity:
    """One number of every run of every configuration.

    Args:
        name: as readers see it; `key` as `metrics.json` has it.
        values: one list a configuration, one number a run.
        beside: chance and ceiling, means over all runs.
        limits: the least and the largest value there can be.
        digits: decimals shown.
    """

    key: str
    name: str
    values: tuple[tuple[float, ...], ...]
    beside: tuple[float, float] = (np.nan, np.nan)
    limits: tuple[float, float] = (-np.inf, np.inf)
    digits: int = 3

    def mean(self, place: int) -> float:
        """Over the runs of a configuration."""
        return float(np.mean(self.values[place]))

    def cell(self, place: int) -> str:
        """As in "0.371 (0.040 to 0.702)"; without an interval for one run."""
        values = self.values[place]
        told = decimal(self.mean(place), self.digits)
        if len(values) < 2 or not np.isfinite(values).all():
            return told
        low, high = np.clip(mean_interval(values), *self.limits)
        return f"{told} ({decimal(low, self.digits)} to {decimal(high, self.digits)})"


@dataclass(frozen=True)
class Compared:
    """All quantities of all configurations, whose names are in the order of their values."""

    names: tuple[str, ...]
    runs: tuple[int, ...]
    scores: tuple[Quantity, ...]
    nats: tuple[Quantity, ...]


def compare(views: Sequence[RunView], groups: Mapping[str, Sequence[int]]) -> Compared:
    """Everything that the tables of a comparison are made from."""
    scores = []
    for metric in common_metrics(views):
        for key in _parts(metric, views[0].scored["metrics"][metric]):
            found = [_at(view.scored["metrics"], key) for view in views]
            beside = [float(np.mean([number(one.get(what)) for one in found])) for what in ("chance", "ceiling")]
            values = _by_group([number(one.get("score")) for one in found], groups)
            scores.append(Quantity(key, title_of(key), values, (beside[0], beside[1]), limits_of(key)))
    return Compared(tuple(groups), tuple(map(len, groups.values())), tuple(scores), tuple(_nats(views, groups)))


def _parts(metric: str, result: Mapping[str, Any]) -> list[str]:
    """The keys of a metric's scores: its own, or those of its parts where the first of them is its own."""
    names = [name for name, value in result.items() if isinstance(value, Mapping) and "score" in value]
    own = [] if names and result[names[0]]["score"] == result.get("score") else [metric]
    return own + [f"{metric}.{name}" for name in names]


def _at(results: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    metric, _, part = key.partition(".")
    found = results[metric].get(part, {}) if part else results[metric]
    return found if isinstance(found, Mapping) else {}


def _nats(views: Sequence[RunView], groups: Mapping[str, Sequence[int]]) -> Iterator[Quantity]:
    wanted = {
        "Reconstruction, z drawn": [number(split_of(view).get("nll")) for view in views],
        "Reconstruction, at the mean": [number(split_of(view).get("nll_at_mean")) for view in views],
        "KL to the prior": [rate_of(view) for view in views],
        "−log p(x), at most": [-number((split_of(view).get("log_p_bound") or {}).get("value")) for view in views],
        "Active latents (count)": [float(sum(view.scored["active"])) for view in views],
    }
    for name, values in wanted.items():
        if np.isfinite(values).any():
            yield Quantity(name, name, _by_group(values, groups), digits=2)


def _by_group(values: Sequence[float], groups: Mapping[str, Sequence[int]]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(values[place] for place in places) for places in groups.values())


def score_table(compared: Compared) -> Table:
    """Scores by configurations: means, with intervals of the means; chance and ceiling beside."""
    rows = [
        (one.name, *(one.cell(place) for place in range(len(compared.names))), *(decimal(value, 3) for value in one.beside))
        for one in compared.scores
    ]
    return Table(("metric", *_heads(compared), "chance", "ceiling"), tuple(rows)).narrow


def nats_table(compared: Compared) -> Table:
    """Losses of held-out images by configurations."""
    rows = [(one.name, *(one.cell(place) for place in range(len(compared.names)))) for one in compared.nats]
    return Table(("nats per image", *_heads(compared)), tuple(rows)).narrow


def _heads(compared: Compared) -> list[str]:
    return [f"{name} ({count(n)})" for name, n in zip(compared.names, compared.runs, strict=True)]


def difference_tables(compared: Compared) -> Table | None:
    """Every configuration less the first one, with the interval of the difference; a star where it leaves 0 out."""
    others = range(1, min(len(compared.names), 1 + MOST_DIFFERENCES))
    if not others:
        return None
    rows = [
        (one.name, *(_difference(one, place) for place in others)) for one in (*compared.scores, *compared.nats) if _varies(one)
    ]
    return Table(("", *(compared.names[place] for place in others)), tuple(rows))


def _varies(one: Quantity) -> bool:
    return bool(np.isfinite([value for values in one.values for value in values]).any())


def _difference(one: Quantity, place: int) -> str:
    signed = _signed(one.mean(place) - one.mean(0), one.digits)
    ends = difference_interval(one.values[place], one.values[0])
    if ends is None or not np.isfinite(ends).all():
        return signed
    star = " *" if ends[0] > 0 or ends[1] < 0 else ""
    return f"{signed} ({_signed(ends[0], one.digits)} to {_signed(ends[1], one.digits)}){star}"


def _signed(value: float, digits: int) -> str:
    text = decimal(value, digits)
    return text if text == MISSING or text.startswith("−") or float(value) == 0 else f"+{text}"


def headline(compared: Compared) -> str:
    """Which configuration scores highest by the first metric, by how much, and whether that may be chance."""
    known = [one for one in compared.scores if all(np.isfinite(values).all() for values in one.values)]
    if not known:
        return "These runs have no disentanglement score in common, so they are compared by their losses."
    one = known[0]
    order = sorted(range(len(compared.names)), key=lambda place: -one.mean(place))
    best = order[0]
    if len(order) == 1:
        return f"{one.name} is {one.cell(best)} over {compared.runs[best]} runs of {compared.names[best]}."
    second = order[1]
    told = (
        f"By {one.name}, {compared.names[best]} comes first with {decimal(one.mean(best))}"
        f", before {compared.names[second]} with {decimal(one.mean(second))}"
    )
    ends = difference_interval(one.values[best], one.values[second])
    if ends is None:
        return f"{told}; with one run of a configuration nobody knows what other seeds would say."
    gap = f"{decimal(one.mean(best) - one.mean(second))} (95 % interval {decimal(ends[0])} to {decimal(ends[1])})"
    verdict = "more than seeds explain" if ends[0] > 0 else "no more than seeds may explain"
    return f"{told}. The difference is {gap}, {verdict}."
