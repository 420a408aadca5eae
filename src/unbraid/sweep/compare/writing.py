"""A comparison as csv, JSON, Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from unbraid.phrases import counted
from unbraid.reporting.markdown import markdown_table
from unbraid.sweep.compare.comparison import Comparison
from unbraid.sweep.compare.gather import data_in_words
from unbraid.sweep.compare.statistics import CORRECTION, Difference, Summary

MISSING = "–"
NARROW, BETWEEN = 22, 3
"""Columns of at most so many characters are not wrapped on a terminal, and what stands between two."""
Rows = list[list[str]]


def decimal(value: float | None, digits: int = 3) -> str:
    """So many decimals; a dash for what is not known."""
    return MISSING if value is None or not math.isfinite(value) else f"{value:z.{digits}f}".replace("-", "−")


def cell(one: Summary, digits: int = 3) -> str:
    """As in "0.371 (0.310 to 0.432)": the mean and its t interval; the mean alone of one seed."""
    mean = decimal(one.mean, digits)
    if one.t_interval is None:
        return mean
    return f"{mean} ({decimal(one.t_interval[0], digits)} to {decimal(one.t_interval[1], digits)})"


def short_cell(one: Summary, digits: int = 3) -> str:
    """As in "0.371 ± 0.061": the mean and half the width of its t interval; the mean alone of one seed."""
    mean = decimal(one.mean, digits)
    return mean if one.t_interval is None else f"{mean} ± {decimal(one.t_interval[1] - one.mean, digits)}"


def digits_of(unit: str) -> int:
    """Decimals that are shown."""
    return 2 if unit else 3


def long_table(found: Comparison) -> Rows:
    """One row per configuration and quantity, with a header: everything about means."""
    rows = [
        ["configuration", "code", "quantity", "unit", "n", "mean", "sd", "t_low", "t_high", "bootstrap_low", "bootstrap_high"]
    ]
    for one in found.configurations:
        for what in found.quantities:
            own = found.summaries[one.label, what.key]
            numbers = [own.mean, own.sd, *(own.t_interval or (None, None)), *(own.bootstrap_interval or (None, None))]
            texts = ["" if value is None or not math.isfinite(value) else repr(value) for value in numbers]
            rows.append([one.label, "; ".join(one.versions), what.key, what.unit, str(own.n), *texts])
    return rows


def main_table(found: Comparison, shown: int | None = None, *, short: bool = False) -> Rows:
    """One row per configuration: seeds, then mean and t interval of each quantity; null rows below.

    Args:
        found: the comparison.
        shown: at most so many quantities, the leading one first.
        short: intervals by half their width.
    """
    form = short_cell if short else cell
    quantities = list(found.quantities)
    if shown is not None:
        quantities = [found.leading, *(one for one in quantities if one.key != found.leading.key)][:shown]
    header = ["configuration", "seeds", *(f"{what.name}{f', {what.unit}' if what.unit else ''}" for what in quantities)]
    rows = [header]
    for one in found.configurations:
        cells = [form(found.summaries[one.label, what.key], digits_of(what.unit)) for what in quantities]
        rows.append([found.name(one), str(len(one.results)), *cells])
    for name, own in found.nulls.items():
        rows.append([name, MISSING, *(decimal(own.get(what.key)) for what in quantities)])
    return rows


def rank_table(found: Comparison) -> Rows:
    """Places by the leading quantity, with how sure they are."""
    lead = found.leading
    rows = [["configuration", "place", "n", "mean", "sd", "t interval", "bootstrap interval", "places", "first in"]]
    for one in found.configurations:
        own, ranked = found.summaries[one.label, lead.key], found.ranks.get(one.label)
        if ranked is None:
            continue
        digits = digits_of(lead.unit)
        rows.append([
            found.name(one), str(ranked.place), str(own.n), decimal(own.mean, digits), decimal(own.sd, digits),
            _ends(own.t_interval, digits), _ends(own.bootstrap_interval, digits),
            f"{ranked.low} to {ranked.high}", f"{100 * ranked.best:.0f} %",
        ])  # fmt: skip
    return rows


def difference_table(found: Comparison) -> Rows:
    """Differences in the leading quantity, with the correction for how many there are."""
    rows = [["less", "seeds", "difference", "interval", "p", f"p, {CORRECTION}"]]
    digits = digits_of(found.leading.unit)
    for one in found.differences:
        pairs = f"{one.n} pairs" if one.n else "not paired"
        less = f"{found.marked(one.first)} − {found.marked(one.second)}"
        rows.append([
            less, pairs, decimal(one.mean, digits), _ends(one.interval, digits),
            _probability(one.p), _probability(one.p_corrected),
        ])  # fmt: skip
    return rows


def selection_table(found: Comparison) -> Rows:
    """What rules of selection would have chosen, and what each gives away.

    It has no rows for a single run.
    """
    lead = found.leading
    digits = digits_of(lead.unit)
    rows = [["choose the run with", "it is", f"its {lead.name}", "regret"]]
    for one in found.chosen if found.n_runs > 1 else ():
        run = f"{found.marked(one.label)}, seed {one.seed}" if one.label else MISSING
        rows.append([one.rule, run, decimal(one.target, digits), decimal(one.regret, digits)])
    return rows


def _ends(interval: tuple[float, float] | None, digits: int) -> str:
    return MISSING if interval is None else f"{decimal(interval[0], digits)} to {decimal(interval[1], digits)}"


def _probability(p: float | None) -> str:
    return MISSING if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


_SAME_IMAGES = ("file", "order", "test_share", "unseen", "correlate", "horizontal_flip")
"""Options of data that choose among the same images, or what is trained on."""


def _data_in_words(contents: Sequence[Mapping[str, Any]]) -> list[str]:
    """Each kind of images once, as in "ellipses size 32"."""
    kinds: list[tuple[str, Mapping[str, Any]]] = []
    for content in contents:
        options = {n: v for n, v in (content.get("data_options") or {}).items() if n not in _SAME_IMAGES}
        if (kind := (content["data"], options)) not in kinds:
            kinds.append(kind)
    return data_in_words(kinds)


def notes_of(found: Comparison) -> list[str]:
    """What readers must know about the tables."""
    data = _data_in_words([one.results[0].configuration for one in found.configurations])
    told = [
        *([f"Scores on different data ({', '.join(data)}) say nothing about which model is better."] if len(data) > 1 else []),
        "Means over seeds, with the 95 % t interval of the mean. Seeds are the unit of replication.",
        f"Ranked by {found.leading.name}. Places: where 95 % of 2,000 resamples of the seeds put it.",
    ]
    if found.differences:
        told.append(
            "Differences are paired by seed where seeds match; "
            f"p is corrected for {counted(len(found.differences), 'comparison')} by {CORRECTION}."
        )
    if found.marks:
        made = "; ".join(f"[{letter}] {name}" for letter, name in found.versions.items())
        told.append(f"Mixed versions made these runs: {made}.")
    else:
        told += [f"Made by unbraid {name}." for name in found.versions.values()]
    return [*told, *found.notes]


def as_csv(found: Comparison) -> str:
    """The long table."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(long_table(found))
    return text.getvalue()


def as_json(found: Comparison) -> str:
    """Everything, with the values of every seed."""
    content = {
        "leading": found.leading.key,
        "correction": CORRECTION,
        "configurations": [
            {
                "label": one.label,
                "settings": dict(one.settings),
                "versions": list(one.versions),
                "seeds": list(one.seeds),
                "rank": asdict(found.ranks[one.label]) if one.label in found.ranks else None,
                "quantities": {
                    what.key: {
                        **asdict(found.summaries[one.label, what.key]),
                        "values": {str(result.seed): what.of(result) for result in one.results},
                    }
                    for what in found.quantities
                },
            }
            for one in found.configurations
        ],
        "differences": [asdict(one) for one in found.differences],
        "nulls": {name: dict(own) for name, own in found.nulls.items()},
        "selection": [asdict(one) for one in found.chosen],
        "notes": notes_of(found),
    }
    return json.dumps(_finite(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _finite(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def tables(found: Comparison) -> list[tuple[str, Rows]]:
    """All tables with their titles; those without rows are left out."""
    made = [
        ("Means over seeds", main_table(found)),
        (f"Ranking by {found.leading.name}", rank_table(found)),
        (f"Differences in {found.leading.name}", difference_table(found)),
        (f"Choosing a run, judged by {found.leading.name}", selection_table(found)),
    ]
    return [(title, rows) for title, rows in made if len(rows) > 1]


def brief_tables(found: Comparison, width: int) -> list[tuple[str, Rows]]:
    """The same for a terminal of so many columns, with as many quantities as fit.

    Intervals are given by half their width.
    """
    means = main_table(found, len(found.quantities), short=True)
    longest, *others = (max(map(len, column)) for column in zip(*means, strict=True))
    left = width - min(longest, max(NARROW, width // 3)) - BETWEEN
    shown = 0
    for column in others:
        left -= column + BETWEEN
        shown += left >= 0
    means = [row[: 1 + max(2, shown)] for row in means]  # seeds, and the leading quantity whatever the width
    full = dict(tables(found))
    kept = {
        f"Ranking by {found.leading.name}": (0, 1, 3, 4, 7, 8),
        f"Differences in {found.leading.name}": (0, 2, 3, 5),
        f"Choosing a run, judged by {found.leading.name}": (0, 1, 2, 3),
    }
    made = [("Means over seeds, ± half of the 95 % t interval", means)]
    return made + [
        (title, [[row[i] for i in columns] for row in full[title]]) for title, columns in kept.items() if title in full
    ]


def as_markdown(found: Comparison) -> str:
    """All tables."""
    parts = []
    for title, rows in tables(found):
        lines = markdown_table(rows[0], rows[1:], numbers=True)
        parts.append(f"## {title}\n\n" + "\n".join(lines) + "\n")
    return "\n".join([*parts, *(f"- {note}" for note in notes_of(found))]) + "\n"


def as_latex(found: Comparison) -> str:
    """All tables, for the package booktabs."""
    parts = []
    for title, rows in tables(found):
        body = [" & ".join(map(_escaped, row)) + r" \\" for row in rows]
        lines = [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_escaped(title)}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(rows[0]) - 1)}}}",
            r"\toprule",
            body[0],
            r"\midrule",
            *body[1:],
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, *(f"% {note}" for note in notes_of(found))]) + "\n"


_SPECIAL = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": "$-$",
    "–": "--",
    "<": "$<$",
}


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(character, character) for character in text)


WRITERS: Mapping[str, Callable[[Comparison], str]] = {"csv": as_csv, "json": as_json, "md": as_markdown, "tex": as_latex}


def significant(one: Difference, level: float = 0.05) -> bool:
    """Whether a difference stands after the correction."""
    return one.p_corrected is not None and one.p_corrected < level


def headline(found: Comparison) -> str:
    """Which configuration leads, by how much, and whether that may be chance."""
    lead = found.leading
    order = [one for one in found.configurations if one.label in found.ranks]
    if not order:
        return f"No run has a finite {lead.name}."
    digits = digits_of(lead.unit)
    first = found.summaries[order[0].label, lead.key]
    over = f" over {counted(first.n, 'seed')}"
    if len(found.configurations) == 1:
        seeds = over if first.n > 1 else ""
        return f"{order[0].label} alone: {lead.name} {cell(first, digits)}{seeds}; there is nothing to compare it with."
    told = f"{order[0].label} comes first by {lead.name}: {cell(first, digits)}{over}"
    if len(order) == 1:
        return f"{told}."
    if found.ranks[order[1].label].place == 1:
        equal = " and ".join(one.label for one in order if found.ranks[one.label].place == 1)
        return f"{equal} have the same mean {lead.name}: {decimal(first.mean, digits)}."
    names = (order[0].label, order[1].label)
    gap: Sequence[Difference] = [one for one in found.differences if (one.first, one.second) == names]
    second = f"{order[1].label} with {decimal(found.summaries[order[1].label, lead.key].mean, digits)}"
    if not gap or gap[0].p_corrected is None:
        return f"{told}, before {second}; with so few seeds nobody knows what others would say."
    verdict = "more than seeds explain" if significant(gap[0]) else "no more than seeds may explain"
    return f"{told}, before {second}. The difference is {verdict} (p {_probability(gap[0].p_corrected)}, {CORRECTION})."
