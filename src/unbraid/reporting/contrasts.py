"""Configurations compared: means over seeds, differences with intervals, and both in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unbraid.figures.series import number
from unbraid.metrics.intervals import difference_interval, mean_interval
from unbraid.phrases import in_words
from unbraid.reporting.gallery.comparison import common_metrics, limits_of, rate_of, split_of
from unbraid.reporting.numbers import MISSING, count, decimal, score_name
from unbraid.reporting.tables import Table, parts_of
from unbraid.reporting.view import RunView

MOST_DIFFERENCES = 6
"""Further configurations than this are compared with the first in the figures alone."""


LEADING = {
    "mig": "it asks of every factor how far one latent is ahead of all others, and trains no classifier",
    "dci.disentanglement": "it asks of every latent whether it serves one factor alone",
    "factor_vae_score": "it asks which latent stands still when a factor does",
    "sap": "it asks of every factor how far one latent is ahead of all others",
}
"""Scores that a headline may be about, the first that all runs have, and why."""
TIE = 0.005
"""Means of scores nearer than this are the same to two decimals, and called a tie."""
BETTER = {1: "more", -1: "less", 0: MISSING}


@dataclass(frozen=True)
class Quantity:
    """One number of every run of every configuration.

    Args:
        name: as readers see it; `key` as `metrics.json` has it.
        values: one list per configuration, one number per run.
        beside: chance and ceiling, means over all runs.
        limits: the least and the largest value there can be.
        digits: decimals shown.
        better: 1 where more is better, -1 where less is, 0 where neither is.
        counts: whether it is counted, so that an interval of the mean would say little.
    """

    key: str
    name: str
    values: tuple[tuple[float, ...], ...]
    beside: tuple[float, float] = (np.nan, np.nan)
    limits: tuple[float, float] = (-np.inf, np.inf)
    digits: int = 3
    better: int = 1
    counts: bool = False

    def mean(self, place: int) -> float:
        """Over the runs of a configuration."""
        return float(np.mean(self.values[place]))

    def cell(self, place: int) -> str:
        """As in "0.371 (0.040 to 0.702)": mean and interval, or minimum and maximum of counts."""
        values = self.values[place]
        told = decimal(self.mean(place), self.digits)
        if len(values) < 2 or not np.isfinite(values).all():
            return told
        if self.counts:
            return f"{told} ({min(values):,.0f} to {max(values):,.0f})"
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
        for key in parts_of(metric, views[0].scored["metrics"][metric]):
            found = [_at(view.scored["metrics"], key) for view in views]
            beside = [float(np.mean([number(one.get(what)) for one in found])) for what in ("chance", "ceiling")]
            values = _by_group([number(one.get("score")) for one in found], groups)
            scores.append(Quantity(key, score_name(key), values, (beside[0], beside[1]), limits_of(key)))
    return Compared(tuple(groups), tuple(map(len, groups.values())), tuple(scores), tuple(_nats(views, groups)))


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
    }
    for name, values in wanted.items():
        if np.isfinite(values).any():
            rate = name.startswith("KL")
            limits = (0.0, np.inf) if rate else (-np.inf, np.inf)
            yield Quantity(name, name, _by_group(values, groups), limits=limits, digits=2, better=0 if rate else -1)
    active = [float(sum(view.scored["active"])) for view in views]
    yield Quantity("active", "Active latents (count)", _by_group(active, groups), digits=1, better=0, counts=True)


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
    """Differences of each configuration from the first, with intervals; a star where these exclude 0.

    A column says whether more or less is better; a starred difference says whether it is better or worse.
    """
    others = range(1, min(len(compared.names), 1 + MOST_DIFFERENCES))
    if not others:
        return None
    rows = [
        (one.name, BETTER[one.better], *(_difference(one, place) for place in others))
        for one in (*compared.scores, *compared.nats)
        if _varies(one)
    ]
    return Table(("", "better is", *(compared.names[place] for place in others)), tuple(rows))


def _varies(one: Quantity) -> bool:
    return bool(np.isfinite([value for values in one.values for value in values]).any())


def _difference(one: Quantity, place: int) -> str:
    difference = one.mean(place) - one.mean(0)
    signed = _signed(difference, one.digits)
    ends = None if one.counts else difference_interval(one.values[place], one.values[0])
    if ends is None or not np.isfinite(ends).all():
        return signed
    told = f"{signed} ({_signed(ends[0], one.digits)} to {_signed(ends[1], one.digits)})"
    if ends[0] <= 0 <= ends[1]:
        return told
    verdict = {1: " better", -1: " worse"}.get(int(np.sign(difference)) * one.better, "")
    return f"{told} *{verdict}"


def _signed(value: float, digits: int) -> str:
    text = decimal(value, digits)
    return text if text == MISSING or text.startswith("−") or float(value) == 0 else f"+{text}"


def leading(compared: Compared) -> tuple[Quantity, str] | None:
    """The score of the headline and the reason for choosing it; None if the runs share no score."""
    known = {one.key: one for one in compared.scores if all(np.isfinite(values).all() for values in one.values)}
    for key, reason in LEADING.items():
        if key in known:
            return known[key], reason
    first = next(iter(known.values()), None)
    return (first, "it is the first that all runs were scored by") if first else None


def headline(compared: Compared) -> str:
    """Which configuration leads, by how much, and whether that is a tie or may be chance."""
    found = leading(compared)
    if found is None:
        return "These runs have no disentanglement score in common, so they are compared by their losses."
    one, _ = found
    order = sorted(range(len(compared.names)), key=lambda place: -one.mean(place))
    best = order[0]
    if len(order) == 1:
        return f"{one.name} is {one.cell(best)} over {compared.runs[best]} runs of {compared.names[best]}."
    second = order[1]
    gap = one.mean(best) - one.mean(second)
    names, means = [compared.names[place] for place in order], [decimal(one.mean(place)) for place in order]
    if gap < TIE:
        return f"By {one.name}, {names[0]} ({means[0]}) and {names[1]} ({means[1]}) tie."
    ends = difference_interval(one.values[best], one.values[second])
    if ends is None:
        return (
            f"By {one.name}, {names[0]} has {means[0]} and {names[1]} {means[1]}; with a single run of a configuration, "
            "what other seeds would give is unknown."
        )
    told = f"{decimal(gap)} (95 % interval {decimal(ends[0])} to {decimal(ends[1])})"
    if ends[0] <= 0:
        return (
            f"By {one.name}, {names[0]} has {means[0]} and {names[1]} {means[1]}. The difference is {told}, no more than seeds "
            "may explain."
        )
    return (
        f"By {one.name}, {names[0]} comes first with {means[0]}, before {names[1]} with {means[1]}. The difference is {told}, "
        "more than seeds explain."
    )


def beside_headline(compared: Compared) -> str:
    """Why the headline takes that score, and how many other scores agree on the two best."""
    found = leading(compared)
    if found is None:
        return ""
    one, reason = found
    why = f"The headline takes {one.name} since {reason}."
    others = [other for other in compared.scores if other is not one and all(np.isfinite(v).all() for v in other.values)]
    if len(compared.names) < 2 or not others:
        return why
    best, second = sorted(range(len(compared.names)), key=lambda place: -one.mean(place))[:2]
    gaps = np.array([other.mean(best) - other.mean(second) for other in others])
    before, after = int((gaps >= TIE).sum()), int((gaps <= -TIE).sum())
    ties = len(others) - before - after
    told = [
        f"{before} {'agrees' if before == 1 else 'agree'}" if before else "",
        f"{after} {'puts' if after == 1 else 'put'} it behind" if after else "",
        f"{ties} {'calls' if ties == 1 else 'call'} it a tie" if ties else "",
    ]
    return (
        f"{why} It puts {compared.names[best]} ahead of {compared.names[second]}: of {len(others)} other scores "
        f"{in_words([one for one in told if one])}, seeds left aside."
    )
