"""Write docs/soundness.md: what each metric sees, is blind to and is wrong about, and what to report for which case.

python docs/source/soundness.py               # three minutes of one core
python docs/source/soundness.py --only med    # rows of these metrics alone; all others stay as they stand in the page
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from tables import markdown

import unbraid
from unbraid.metrics.registry import metrics as registry
from unbraid.metrics.soundness import ALL, ENCODERS, ONE, OWN, PROCESSES, TOLERANCE, Case, Soundness, soundness

TEXT = Path(__file__).with_suffix(".md")
PAGE = TEXT.parents[1] / "soundness.md"
SAMPLES, SEEDS = (500, 2_000, 10_000), 3
FEW, MANY = SAMPLES[0], SAMPLES[-1]
LONGER, LONGER_SEEDS = 2_000, 1
"""Samples and seeds of metrics that train many models, and of others that are no part of the core."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="metrics of the core whose rows are made anew, joined by commas")
    given = parser.parse_args().only
    only = given.split(",") if given else []
    text = TEXT.read_text()
    found = soundness(only or "core", samples=SAMPLES, seeds=SEEDS)
    words = {
        "processes": markdown(["process", "factors"], [[f"*{name}*", one.about] for name, one in PROCESSES.items()]),
        "encoders": markdown(
            ["code", "what it is", "a metric that sees it answers"],
            [[f"*{name}*", one.about, one.question or "it is as good as the perfect code"] for name, one in ENCODERS.items()],
        ),
        "report": report(found),
        "verdicts": verdicts(found, SAMPLES),
        "tables": "\n\n".join(table(found, process, MANY) for process in PROCESSES),
        "longer": "" if only else longer(),
        "longer_samples": f"{LONGER:,}",
        "refused": refused(found),
        "tolerance": f"{TOLERANCE:g}",
        "few": f"{FEW:,}",
        "sizes": ", ".join(f"{n:,}" for n in SAMPLES[:-1]) + f" and {MANY:,}",
        "many": f"{MANY:,}",
        "made": f"unbraid {unbraid.__version__}, seeds 0 to {SEEDS - 1}",
    }
    if only:
        stood = former(text, PAGE.read_text())
        words |= {name: merged(stood[name], words[name], set(only)) for name in ("report", "verdicts", "tables")}
        words |= {name: stood[name] for name in ("longer", "refused")}
    for name, said in words.items():
        text = text.replace(f"{{{{ {name} }}}}", said)
    PAGE.write_text(text)


def former(text: str, page: str) -> dict[str, str]:
    """What stands in the page in the place of each name."""
    pieces, seen = re.split(r"\{\{ (\w+) \}\}", text), set()
    pattern = ""
    for number, piece in enumerate(pieces):
        pattern += re.escape(piece) if number % 2 == 0 else ".*?" if piece in seen else f"(?P<{piece}>.*?)"
        seen |= {piece} if number % 2 else set()
    found = re.fullmatch(pattern, page, re.DOTALL)
    if found is None:
        raise SystemExit(f"{PAGE.name} has another text than {TEXT.name}: make all of it, without --only.")
    return found.groupdict()


def merged(stood: str, made: str, only: set[str]) -> str:
    """Tables with rows, or in the cells of the report names, of some metrics in place of those that stood there."""
    order = {entry.name: number for number, entry in enumerate(registry)}

    def place(name: str) -> int:
        return order[metric(name)]

    def metric(name: str) -> str:
        return name.strip("`*").partition(" ")[0]

    blocks = []
    for old, new in zip(stood.split("\n\n"), made.split("\n\n"), strict=True):
        head, *rows = _rows(old)
        if head is None or not _rows(new)[0]:
            blocks.append(old)
        elif head[0] == "score":
            kept = [row for row in rows if metric(row[0]) not in only]
            blocks.append(markdown(head, sorted([*kept, *_rows(new)[1:]], key=lambda row: place(row[0]))))
        else:
            both = [
                [row[0], *(_joined(one, other, lambda name: metric(name) not in only, place) for one, other in pair)]
                for row, pair in (
                    (row, zip(row[1:], own[1:], strict=True)) for row, own in zip(rows, _rows(new)[1:], strict=True)
                )
            ]
            blocks.append(markdown(head, both))
    return "\n\n".join(blocks)


def _rows(table: str) -> list[Any]:
    """Cells of a table without its rule, the head first; a single None for other text."""
    lines = table.splitlines()
    if not lines or not lines[0].startswith("|"):
        return [None]
    return [[cell.strip() for cell in line[1:-1].split(" | ")] for line in (lines[0], *lines[2:])]


def _joined(old: str, new: str, stays: Callable[[str], bool], place: Callable[[str], int]) -> str:
    names = [name for name in old.split(", ") if name != "none" and stays(name)]
    return listed(sorted([*names, *(name for name in new.split(", ") if name != "none")], key=place))


def scores_of(found: Soundness) -> list[str]:
    """Names of all scores, in the order in which they were made."""
    return list(dict.fromkeys(case.score for case in found.scores))


def report(found: Soundness) -> str:
    """For each question and process, the scores that answer it, with so many samples and with few."""
    rows = []
    for question in (OWN, ONE, ALL):
        cells = []
        for process in PROCESSES:
            able = [score for score in scores_of(found) if answers(found, score, process, MANY, question)]
            shaky = {score for score in able if not answers(found, score, process, FEW, question)}
            cells.append(listed(f"`{score}`" + ("*" if score in shaky else "") for score in able))
        rows.append([question, *cells])
    everything = [
        listed(
            f"`{score}`"
            for score in scores_of(found)
            if all(answers(found, score, process, MANY, question) for question in (OWN, ONE, ALL))
        )
        for process in PROCESSES
    ]
    return markdown(["question", *PROCESSES], [*rows, ["All three", *everything]])


def answers(found: Soundness, score: str, process: str, samples: int, question: str) -> bool:
    case = Case(score, process, samples)
    return case in found.scores and found.answers(case, question)


def listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def longer() -> str:
    """Verdicts and scores of all metrics that are no part of the core."""
    names = [entry.name for entry in registry if entry.details.get("downstream")]
    found = soundness(names, samples=[LONGER], seeds=LONGER_SEEDS)
    return "\n\n".join([verdicts(found, [LONGER]), *(table(found, process, LONGER) for process in PROCESSES)])


def verdicts(found: Soundness, samples: Sequence[int]) -> str:
    rows = []
    for score in scores_of(found):
        cells = []
        for process in PROCESSES:
            told = [
                found.verdict(Case(score, process, n)) if Case(score, process, n) in found.scores else "not defined"
                for n in samples
            ]
            cells.append(told[0] if len(set(told)) == 1 else ", ".join(told))
        rows.append([f"`{score}`", *cells])
    return markdown(["score", *PROCESSES], rows)


def table(found: Soundness, process: str, samples: int) -> str:
    """Scores of all codes on one process, marked."""
    rows = []
    for score in scores_of(found):
        case = Case(score, process, samples)
        if case in found.scores:
            rows.append([f"`{score}`", *cells(found, case)])
    title = f"*{process}*: {PROCESSES[process].about}"
    return f"{title}\n\n" + (markdown(["score", *ENCODERS], rows) if rows else "No metric is defined.")


def cells(found: Soundness, case: Case) -> Iterable[str]:
    marks = found.marks(case)
    for name, value in found.scores[case].items():
        text = f"{value + 0.0:.2f}"
        yield {"blind": f"({text})", "wrong": f"**{text}**"}.get(marks[name], text)


def refused(found: Soundness) -> str:
    by_reason: dict[tuple[str, str], list[str]] = {}
    for (metric, process), reason in found.refused.items():
        by_reason.setdefault((process, reason.split(". ")[0].rstrip(".")), []).append(f"`{metric}`")
    rows = [[process, ", ".join(names), reason] for (process, reason), names in by_reason.items()]
    return (
        markdown(["process", "not defined", "what the metric says"], rows)
        if rows
        else "All metrics are defined on all processes."
    )


if __name__ == "__main__":
    main()
