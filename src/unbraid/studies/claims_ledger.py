"""Every claim of every study with its verdict on one page, from the results there are."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from unbraid.phrases import in_words
from unbraid.studies.declaration import Budget, Outcome
from unbraid.studies.registry import studies
from unbraid.studies.results import Results, find
from unbraid.studies.rules import deciding, merged
from unbraid.studies.verdicts import Decided, count, decide
from unbraid.studies.writing import commands_of, verdict_words

WIDTH = 80
"""Of the page's lines."""
MEANINGS: dict[Outcome, str] = {
    "confirmed": "the 95 % interval lies on the claim's side",
    "reversed": "it lies on the other side",
    "not confirmed": "an effect as large as the stated margin is ruled out",
    "undecided": "none of these at this number of runs",
    "undertrained": "runs too short, stuck or diverged, by a yardstick",
    "cannot be tested here": "for the reason given",
    "not run": "there are no runs yet",
}


@dataclass(frozen=True)
class StudyClaims:
    """The claims of one study, decided.

    Args:
        source: the report that they are from.
        results: what they are decided by.
        decided: claims with their verdicts, in the study's order.
    """

    source: str
    results: Results
    decided: Sequence[Decided]

    def runs(self, one: Decided) -> tuple[int, int]:
        """How many of the runs that a claim rests on there are, and how many there should be."""
        arms = one.claim.rule.arms
        return sum(len(self.results.of(arm)) for arm in arms), sum(self.results.wanted(arm) for arm in arms)


def decide_all(places: Sequence[Path], budget: Budget = "cpu") -> list[StudyClaims]:
    """The claims of all studies that have any, by the name of the study.

    Args:
        places: ledgers and folders of sweeps.
        budget: whose runs.
    """
    found = []
    for entry in studies:
        results = find(entry.name, entry.factory(), budget, places)
        if results.study.claims:
            found.append(StudyClaims(entry.source, results, decide(results)))
    return found


def totals(found: Sequence[StudyClaims]) -> Counter[str]:
    """How many claims of all studies have each outcome."""
    return sum((Counter(count(one.decided)) for one in found), Counter())


def to_markdown(found: Sequence[StudyClaims], linked: Sequence[str] = ()) -> str:
    """The page: counts, then the claims of each study, in lines of `WIDTH` characters.

    Args:
        found: all studies.
        linked: names of the studies that have a page in `studies/`.
    """
    everything = totals(found)
    where = "one study" if len(found) == 1 else f"{len(found)} studies"
    lines = [
        "# Claims",
        "",
        *_filled(
            f"{everything.total()} claims in {where}, each with what our runs say of it. Words in quotation marks are "
            "the source's own. A rule decides each claim; every number on this page is computed from the results in "
            "`docs/ledger`, and nothing is trained for it."
        ),
        "",
        "| verdict | claims | what it means |",
        "|---|---:|---|",
        *(f"| {outcome} | {everything[outcome]} | {MEANINGS[outcome]} |" for outcome in get_args(Outcome)),
        "",
        *(line for one in found for line in _summary(one)),
        "",
        *_filled(
            "Intervals are 95 %: of means over seeds, of trends over rankings, of correlations over runs. Each is wrong in one "
            "case of twenty, and they are not corrected for the number of claims. A claim that makes several comparisons is as "
            "good as the worst of them, which is shown."
        ),
        "",
        "```console",
        "$ unbraid list claims              # this list in a terminal",
        "$ python docs/source/studies.py    # writes this page anew",
        "```",
    ]
    for one in found:
        lines += _section(one, linked)
    return "\n".join([*lines, ""])


def _summary(one: StudyClaims) -> Iterator[str]:
    counts = count(one.decided)
    told = in_words([f"{counts[outcome]} {outcome}" for outcome in get_args(Outcome) if outcome in counts])
    name = one.results.name
    yield from _filled(f"[{name}](#{name}), {_authors(one.source)}: {len(one.decided)} claims, {told}", bullet="- ")


def _authors(source: str) -> str:
    """Authors and year of a citation, or the authors alone."""
    found = re.match(r"[^;]*?\(\d{4}\)", source)
    return found.group() if found else source.partition(",")[0]


def _section(one: StudyClaims, linked: Sequence[str]) -> Iterator[str]:
    name = one.results.name
    yield from ("", f"## {name}", "", *_filled(f"{one.source}."), "", *_filled(one.results.study.question), "")
    if name in linked:
        yield from (f"[Tables, arms and settings](studies/{name}.md)", "")
    yield from ("```console", *(f"$ {line}" for line in commands_of(one.results) if not line.startswith("#")), "```")
    for place, decided in enumerate(one.decided, 1):
        bullet = f"{place}. "
        there, wanted = one.runs(decided)
        runs = f", {there} of {wanted} runs" if wanted else ""
        yield ""
        yield from _filled(f"{_escaped(decided.claim.text)} ({_place(decided.claim.section)})", bullet)
        yield ""
        said = [f"**{verdict_words(decided)}**{runs}.", *map(_sentence, _evidence(decided))]
        yield from _filled(" ".join(said), " " * len(bullet))


def _place(section: str) -> str:
    """As in "section 4, Fig. 2"."""
    return f"section {section}" if re.match(r"\d|[IVX]+\b", section) else section


def _sentence(text: str) -> str:
    """A text as a sentence of its own, in Markdown."""
    first = text[:1].upper() if text[:1].isascii() else text[:1]
    return _escaped(f"{first}{text[1:]}".removesuffix(".") + ".")


def _evidence(decided: Decided) -> Iterator[str]:
    """What the verdict rests on: of a rule of several parts those that decide it."""
    parts = decided.verdict.parts
    if parts:
        weakest = deciding(parts)
        if len(weakest) < len(parts):
            yield f"{len(weakest)} of {len(parts)} comparisons decide"
        yield from (one.text for one in merged(weakest))
        yield from filter(None, [decided.verdict.untrained])
    elif decided.verdict.outcome != "not run":
        yield decided.verdict.text
    if decided.claim.note:
        yield decided.claim.note


def _escaped(text: str) -> str:
    """Text without what Markdown takes for code, emphasis, HTML or links."""
    return re.sub(r"\[(?=[^\]]*\][:(\[])|[\\`*_<>]", r"\\\g<0>", text)


def _filled(text: str, bullet: str = "") -> Iterator[str]:
    """Lines of a paragraph that Markdown does not take for a list, a heading or a quotation."""
    kept = re.sub(r" (?=[-+#>]|\d+[.)] )", "\N{NO-BREAK SPACE}", text)
    yield from textwrap.wrap(
        kept, WIDTH, initial_indent=bullet, subsequent_indent=" " * len(bullet), break_long_words=False, break_on_hyphens=False
    )
