"""Write docs/soundness.md: what each metric sees, is blind to and is wrong about, and what to report for which case.

python docs/source/soundness.py    # minutes
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

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
    found = soundness("core", samples=SAMPLES, seeds=SEEDS)
    words = {
        "processes": markdown(["process", "factors"], [[f"*{name}*", one.about] for name, one in PROCESSES.items()]),
        "encoders": markdown(
            ["code", "what it is", "a metric that sees it answers"],
            [[f"*{name}*", one.about, one.question or "it is as good as the perfect code"] for name, one in ENCODERS.items()],
        ),
        "report": report(found),
        "verdicts": verdicts(found, SAMPLES),
        "tables": "\n\n".join(table(found, process, MANY) for process in PROCESSES),
        "longer": longer(),
        "longer_samples": f"{LONGER:,}",
        "refused": refused(found),
        "tolerance": f"{TOLERANCE:g}",
        "few": f"{FEW:,}",
        "sizes": ", ".join(f"{n:,}" for n in SAMPLES[:-1]) + f" and {MANY:,}",
        "many": f"{MANY:,}",
        "made": f"unbraid {unbraid.__version__}, seeds 0 to {SEEDS - 1}",
    }
    page = TEXT.read_text()
    for name, said in words.items():
        page = page.replace(f"{{{{ {name} }}}}", said)
    PAGE.write_text(page)


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
