"""Everything that a comparison says, as plain data; tables and pages are made from it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any

from unbraid.errors import UsageError
from unbraid.metrics.score_table import html_table
from unbraid.sweep.code import lettered
from unbraid.sweep.compare import nulls
from unbraid.sweep.compare.gather import Configuration, configurations, gather
from unbraid.sweep.compare.quantities import LOSSES, WITHOUT_LABELS, Quantity, scores
from unbraid.sweep.compare.selection import Chosen, choose, udr_of
from unbraid.sweep.compare.statistics import Difference, Ranked, Summary, difference, holm, rank, summarize
from unbraid.sweep.store import MARK

ALL_PAIRS = 6
"""Up to so many configurations are all compared with each other; of more, each is compared with the first in rank."""
NULLS_FOLDER = "nulls"


@dataclass(frozen=True)
class Comparison:
    """What is compared, and what came of it.

    Args:
        configurations: runs that differ in their seed alone, best first by the leading quantity.
        quantities: scores, then losses.
        leading: that by which configurations are ranked and runs are chosen.
        summaries: by configuration and quantity.
        ranks: by configuration.
        differences: between configurations, in the leading quantity.
        nulls: scores of codes that know nothing of training, by row and quantity.
        chosen: what rules of selection would have chosen.
        marks: of each configuration, the letters of the code that made its runs; empty where all runs have one.
        versions: letters and what they stand for.
        notes: what could not be done, and files that could not be read.
    """

    configurations: Sequence[Configuration]
    quantities: Sequence[Quantity]
    leading: Quantity
    summaries: Mapping[tuple[str, str], Summary]
    ranks: Mapping[str, Ranked]
    differences: Sequence[Difference]
    nulls: Mapping[str, Mapping[str, float]]
    chosen: Sequence[Chosen]
    marks: Mapping[str, str]
    versions: Mapping[str, str]
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def n_runs(self) -> int:
        """How many runs there are."""
        return sum(len(one.results) for one in self.configurations)

    def _repr_html_(self) -> str:
        from unbraid.sweep.compare.writing import notes_of, tables

        shown = "".join(f"<p>{escape(title)}</p>{html_table(rows)}" for title, rows in tables(self))
        return shown + "".join(f"<p>{escape(note)}</p>" for note in notes_of(self))

    def name(self, one: Configuration) -> str:
        """A configuration's label, with the letters of its code where codes differ."""
        return self.marked(one.label)

    def marked(self, label: str) -> str:
        """The same by its label."""
        mark = self.marks.get(label, "")
        return f"{label} [{mark}]" if mark else label


def compare(
    places: Sequence[str | Path],
    *,
    by: str | None = None,
    metrics: Sequence[str] | None = None,
    with_nulls: bool = True,
    with_udr: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Compare runs: means and intervals over seeds, differences, ranks, selection, and null codes.

    Args:
        places: folders of sweeps, ledgers, scored run folders, result files.
        by: the score that leads, as in "mig" or "dci.completeness"; by default the first that all runs have.
        metrics: scores to show; all by default.
        with_nulls: whether to score PCA, ICA and null encoders, which takes a minute where it was not done before.
        with_udr: whether to compute UDR from the runs' codes, where they are there.
        progress: told how many kinds of null codes of how many are done.

    Raises `UsageError` for places without results and for a score that no run has.

    >>> found = compare(["runs/beta1", "runs/beta4"], with_nulls=False, with_udr=False)
    >>> [one.label for one in found.configurations]
    ['beta_vae, beta 1', 'beta_vae, beta 4']
    """
    notes: list[str] = []
    groups = configurations(gather(places, damaged=notes))
    results = [result for one in groups for result in one.results]
    shown = scores(results)
    if metrics:
        known = {one.key for one in shown}
        chosen = [one for one in shown if one.key in metrics or one.key.partition(".")[0] in metrics]
        for name in metrics:
            if not any(one.key == name or one.key.partition(".")[0] == name for one in chosen):
                raise UsageError(f"No run was scored by {name!r}; there are {', '.join(sorted(known)) or 'no scores'}.")
        shown = chosen
    leading = _leading([*shown, *WITHOUT_LABELS, *LOSSES], by, results)
    beside = (*WITHOUT_LABELS, *LOSSES)
    quantities = [*shown, *(one for one in beside if any(math.isfinite(one.of(result)) for result in results))]
    summaries = {
        (one.label, what.key): summarize([what.of(result) for result in one.results]) for one in groups for what in quantities
    }
    values = {one.label: {result.seed: leading.of(result) for result in one.results} for one in groups}
    higher = leading.higher_is_better is not False
    ranks = rank(values, higher_is_better=higher)
    last = len(groups) + 1
    groups = sorted(groups, key=lambda one: ranks[one.label].place if one.label in ranks else last)
    marks, versions = _versions(groups)
    return Comparison(
        groups,
        quantities,
        leading,
        summaries,
        ranks,
        _differences([one.label for one in groups], values),
        _nulls(groups, shown, places, notes, progress, made=with_nulls),
        choose(groups, leading, _rules(shown, leading), udr_of(groups) if with_udr else {}),
        marks,
        versions,
        tuple(notes),
    )


def _leading(quantities: Sequence[Quantity], by: str | None, results: Sequence[Any]) -> Quantity:
    if by is not None:
        found = next((one for one in quantities if one.key == by), None)
        if found is None:
            raise UsageError(f"--by {by}: no run has such a score; there are {', '.join(one.key for one in quantities)}.")
        return found
    everywhere = (one for one in quantities if all(math.isfinite(one.of(result)) for result in results))
    return next(everywhere, quantities[0])


def _rules(shown: Sequence[Quantity], leading: Quantity) -> list[Quantity]:
    losses = [one for one in LOSSES if one.higher_is_better is not None]
    return [one for one in (*shown, *WITHOUT_LABELS, *losses) if one.key != leading.key]


def _differences(labels: Sequence[str], values: Mapping[str, Mapping[int, float]]) -> list[Difference]:
    if len(labels) <= ALL_PAIRS:
        pairs = [(a, b) for i, a in enumerate(labels) for b in labels[i + 1 :]]
    else:
        pairs = [(labels[0], b) for b in labels[1:]]
    found = [difference(a, b, values[a], values[b]) for a, b in pairs]
    return [replace(one, p_corrected=p) for one, p in zip(found, holm([one.p for one in found]), strict=True)]


def _versions(groups: Sequence[Configuration]) -> tuple[dict[str, str], dict[str, str]]:
    codes = {code.identity: code for one in groups for code in one.codes}
    letters = lettered(codes.values())
    if len(codes) < 2:
        return {}, {"": str(next(iter(codes.values())))}
    marks = {one.label: ", ".join(letters[code.identity] for code in one.codes) for one in groups}
    return marks, {letter: str(codes[name]) for name, letter in letters.items()}


def _nulls(
    groups: Sequence[Configuration],
    shown: Sequence[Quantity],
    places: Sequence[str | Path],
    notes: list[str],
    progress: Callable[[int, int], None] | None,
    *,
    made: bool,
) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    if not shown:
        return found
    before = [own for several in nulls.untrained(groups).values() for own in several]
    means = {}
    for what in shown:
        known = [value for own in before if math.isfinite(value := nulls.value_of(own, what.key))]
        means[what.key] = sum(known) / len(known) if known else math.nan
    if any(math.isfinite(value) for value in means.values()):
        found["untrained, mean of all"] = means
    if made:
        sweep = next((Path(place) for place in places if (Path(place) / MARK).is_file()), None)
        names = list(dict.fromkeys(one.key.partition(".")[0] for one in shown))
        cache = None if sweep is None else sweep / NULLS_FOLDER
        for name, own in nulls.nulls_of(groups, names, cache=cache, notes=notes, progress=progress).items():
            found[name] = {what.key: nulls.value_of(own, what.key) for what in shown}
    return found
