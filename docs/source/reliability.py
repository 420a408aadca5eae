"""Write docs/reliability.md: how often intervals hold, from benchmarks/results/intervals.json, and what faults were tried.

python docs/source/reliability.py    # at once; new simulations: python benchmarks/intervals.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tables import markdown

TEXT = Path(__file__).with_suffix(".md")
PAGE = TEXT.parents[1] / "reliability.md"
INTERVALS = TEXT.parents[2] / "benchmarks" / "results" / "intervals.json"
FEW, MANY = 1_000, 5_000


def main() -> None:
    page = TEXT.read_text()
    for name, table in {
        "summary": summary(),
        "coverage": coverage(),
        "few": of_few_values(),
        "finite": finite_coverage(),
    }.items():
        page = page.replace(f"{{{{ {name} }}}}", table)
    PAGE.write_text(page)


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def simulated(*, finite: bool = False, few: bool = False) -> list[dict[str, Any]]:
    """What benchmarks/intervals.py found.

    Args:
        finite: of populations of so many samples, or else of as many as one likes.
        few: of factors with few values.
    """
    rows = [row for row in json.loads(INTERVALS.read_text())["rows"] if bool(row["of"]) == finite]
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
    rows = []
    for row in simulated(few=True):
        scores = number(row["truth"]), number(row["mean"]), number(row["sd"])
        name = row["population"].removeprefix("few, ")
        rows.append([name, f"`{row['score']}`", f"{row['samples']:,}", *scores, *held(row), number(row["width"])])
    head = ["population", "score", "samples", "of the population", "mean of the samples", "sd", "given", "hold", "width"]
    return markdown(head, rows)


if __name__ == "__main__":
    main()
