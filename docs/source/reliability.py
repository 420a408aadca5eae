"""Write docs/reliability.md: how often intervals hold, from benchmarks/results/intervals.json, and what faults were tried.

python docs/source/reliability.py    # at once; new simulations: python benchmarks/intervals.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tables import markdown

from unbraid.metrics.doubts import withheld
from unbraid.metrics.registry import metrics

TEXT = Path(__file__).with_suffix(".md")
PAGE = TEXT.parents[1] / "reliability.md"
INTERVALS = TEXT.parents[2] / "benchmarks" / "results" / "intervals.json"
FEW, MANY = 1_000, 5_000
WITHHELD = {
    (entry.name, "" if variant.name == "default" else variant.name): reason
    for entry in metrics
    if entry.factory.__module__.startswith("unbraid.")
    for variant in entry.details["variants"]
    if (reason := withheld(entry.name, variant.options))
}
"""Definitions that print no interval, and why."""
OF_CLASSES = {
    entry.name: reason
    for entry in metrics
    if not withheld(entry.name, {}) and (reason := withheld(entry.name, {}, continuous=True))
}
"""Metrics that print none of continuous factors, and why."""


def main() -> None:
    page = TEXT.read_text()
    for name, table in tables().items():
        page = page.replace(f"{{{{ {name} }}}}", table)
    PAGE.write_text(page)


def tables() -> dict[str, str]:
    """All tables of the page."""
    return {
        "summary": summary(),
        "coverage": coverage(),
        "few": of_few_values(),
        "errors": of_standard_errors(),
        "withheld": without_intervals(),
        "missed": withheld_rows(),
        "finite": finite_coverage(),
    }


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def simulated(*, finite: bool = False, few: bool = False) -> list[dict[str, Any]]:
    """What benchmarks/intervals.py found.

    Args:
        finite: of populations of so many samples, or else of as many as one likes.
        few: of factors with few values.
    """
    rows = [row for row in json.loads(INTERVALS.read_text())["rows"] if bool(row["of"]) == finite and not is_withheld(row)]
    return [row for row in rows if row["population"].startswith("few") == few]


def coverage() -> str:
    rows = []
    found = {(row["population"], row["score"], row["samples"]): row for row in simulated()}
    for (population, score, samples), many in found.items():
        few = found.get((population, score, FEW))
        if samples == MANY:
            values = [number(many["truth"]), number(few and few["mean"]), number(many["mean"]), number(many["sd"])]
            shares = [] if few is None else held(few)
            rows.append([population, f"`{score}`", *values, *(shares or ["", ""]), *held(many), number(many["width"])])
    head = ["population", "score", "of the population", f"mean of {FEW:,}", f"mean of {MANY:,}", f"sd of {MANY:,}"]
    head += [f"given, {FEW:,}", "hold", f"given, {MANY:,}", "hold", "width"]
    return markdown(head, rows)


def finite_coverage() -> str:
    rows = []
    for row in simulated(finite=True):
        drawn = f"{row['samples']:,} of {row['of']:,}"
        scores = number(row["truth"]), number(row["mean"])
        rows.append([row["population"], drawn, f"`{row['score']}`", *scores, *held(row), number(row["width"])])
    return markdown(["population", "samples", "score", "of all", "mean of the samples", "given", "hold", "width"], rows)


def without_intervals() -> str:
    """Definitions that have no interval whatever the samples, by reason."""
    by_reason: dict[str, list[str]] = {}
    for (metric, definition), reason in WITHHELD.items():
        by_reason.setdefault(reason, []).append(f"`{metric}, {definition}`" if definition else f"`{metric}`")
    for metric, reason in OF_CLASSES.items():
        by_reason.setdefault(reason, []).append(f"`{metric}`")
    return markdown(["definitions", "why they have no interval"], [[", ".join(own), why] for why, own in by_reason.items()])


def withheld_rows() -> str:
    """Simulated intervals of definitions that print none, where fewer than nine tenths held."""
    rows = []
    for row in json.loads(INTERVALS.read_text())["rows"]:
        if is_withheld(row) and row["given"] and row["held"] / row["given"] < 0.9:
            rows.append([f"`{row['score']}`", row["population"], f"{row['samples']:,}", *held(row)])
    return markdown(["score", "population", "samples", "given", "hold"], rows)


def is_withheld(row: dict[str, Any]) -> bool:
    name, _, definition = row["score"].partition(", ")
    metric = name.partition(".")[0]
    return (metric, definition) in WITHHELD or ("continuous" in row["population"] and metric in OF_CLASSES)


def held(row: dict[str, Any]) -> list[str]:
    """How many sets have an interval, and how many of these hold the population's score."""
    return [f"{row['given']} of {row['repetitions']}", f"{row['held'] / row['given']:.0%}" if row["given"] else ""]


def summary() -> str:
    """Each score over all populations and numbers of samples."""
    by_score: dict[str, list[dict[str, Any]]] = {}
    for row in [*simulated(), *simulated(few=True), *simulated(finite=True)]:
        by_score.setdefault(row["score"], []).append(row)
    rows = []
    for score, own in by_score.items():
        given, holds = sum(row["given"] for row in own), sum(row["held"] for row in own)
        shares = [row["held"] / row["given"] for row in own if row["given"]]
        told = [f"{holds / given:.0%}", f"{min(shares):.0%}"] if given else ["", ""]
        rows.append([f"`{score}`", f"{given} of {sum(row['repetitions'] for row in own)}", *told])
    return markdown(["score", "given", "hold", "least"], rows)


def of_few_values() -> str:
    """A row per score and number of samples, a column per population: the share that holds, of how many sets."""
    found = {(row["score"], row["samples"], row["population"].removeprefix("few, ")): row for row in simulated(few=True)}
    populations = [name for name in dict.fromkeys(name for *_, name in found) if name != "posteriors"]
    rows = []
    for score, samples in dict.fromkeys((score, samples) for score, samples, name in found if name != "posteriors"):
        cells = [share(found.get((score, samples, name))) for name in populations]
        rows.append([f"`{score}`", f"{samples:,}", *cells])
    return markdown(["score", "samples", *populations], rows)


def share(row: dict[str, Any] | None) -> str:
    """How many of the intervals hold, and of how many sets there is one; "none" where no set has one."""
    if row is None:
        return ""
    return f"{row['held'] / row['given']:.0%} of {row['given']}" if row["given"] else "none"


def of_standard_errors() -> str:
    """What is printed with a standard error: within 1.96 of it to both sides."""
    rows = []
    for row in simulated(few=True):
        if row["population"] == "few, posteriors":
            scores = number(row["truth"]), number(row["mean"]), number(row["sd"])
            rows.append([f"`{row['score']}`", f"{row['samples']:,}", *scores, *held(row), number(row["width"])])
    head = ["quantity", "images", "true value", "mean of the estimates", "sd", "given", "hold", "width"]
    return markdown(head, rows)


if __name__ == "__main__":
    main()
