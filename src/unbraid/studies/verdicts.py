"""The verdict on each claim: what its rule says, unless the runs it rests on are not trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

from unbraid.studies.declaration import Arm, Claim, Outcome, Verdict, Yardstick
from unbraid.studies.measures import ACTIVE
from unbraid.studies.results import Results

DECIDED: tuple[Outcome, ...] = ("confirmed", "not confirmed", "reversed", "undecided")


@dataclass(frozen=True)
class Decided:
    """A claim with its verdict."""

    claim: Claim
    verdict: Verdict

    @property
    def text(self) -> str:
        """What the verdict rests on, and what to know of the rule."""
        return ". ".join(part for part in (self.verdict.text, self.claim.note) if part)


@dataclass(frozen=True)
class Measured:
    """A yardstick held to an arm: the mean of its runs, NaN where there are none."""

    yardstick: Yardstick
    arm: Arm
    value: float

    @property
    def holds(self) -> bool:
        """Whether it passes."""
        return self.yardstick.holds(self.value)


def decide(results: Results) -> list[Decided]:
    """The verdicts on all claims, in their order."""
    measured = yardsticks(results)
    return [Decided(claim, _verdict(results, claim, measured)) for claim in results.study.claims]


def _verdict(results: Results, claim: Claim, measured: Sequence[Measured]) -> Verdict:
    found = claim.rule.decide(results)
    if found.outcome not in DECIDED:
        return found
    found = replace(found, text=found.text + _collapsed(results, claim))
    short = [one for one in measured if one.arm in claim.rule.arms and not one.holds]
    if not short:
        return found
    why = ". ".join(_fails(yardstick, short) for yardstick in dict.fromkeys(one.yardstick for one in short))
    text = f"{found.text} [so far: {found.outcome}]. {why}"
    return replace(found, outcome="undertrained", text=text, needed=None, untrained=why)


def _collapsed(results: Results, claim: Claim) -> str:
    """How many of the runs that a claim rests on ignore their codes.

    Scores then rest on what little is left of differences between means.
    """
    runs = list({run.result.key: run for arm in claim.rule.arms for run in results.of(arm)}.values())
    n = sum(ACTIVE.of(run) == 0 for run in runs)
    if 0 < n == len(runs):
        return ". No latent is active"
    return f". Of these {len(runs)} runs {n} {'has' if n == 1 else 'have'} no active latent" if n else ""


def _fails(yardstick: Yardstick, short: Sequence[Measured]) -> str:
    """As in "Change of the loss is not at most 0.02: 0.3 of the VAE; 0.2 of β-VAE"."""
    name = yardstick.measure.name
    values = "; ".join(f"{_known(one.value)} of {one.arm.name}" for one in short if one.yardstick is yardstick)
    return f"{name[:1].upper()}{name[1:]} is not {yardstick.words.removeprefix(f'{name} ')}: {values}"


def _known(value: float) -> str:
    return "not known" if math.isnan(value) else f"{value:.3g}".replace("-", "−")


def yardsticks(results: Results) -> list[Measured]:
    """Every yardstick held to every arm that has runs."""
    found = []
    for yardstick in results.study.yardsticks:
        for arm in yardstick.arms or results.study.arms:
            if results.of(arm):
                found.append(Measured(yardstick, arm, results.mean(arm, yardstick.measure)))
    return found


def count(decided: Sequence[Decided]) -> dict[str, int]:
    """How many claims have each outcome; outcomes of none are left out."""
    found: dict[str, int] = {}
    for one in decided:
        found[one.verdict.outcome] = found.get(one.verdict.outcome, 0) + 1
    return found


def in_words(decided: Sequence[Decided]) -> str:
    """As in "Of 12 claims 3 are confirmed and 2 reversed"."""
    from unbraid.phrases import in_words as listed

    counts = count(decided)
    told = [f"{counts[outcome]} {outcome}" for outcome in get_args(Outcome) if outcome in counts]
    return f"{len(decided)} claims: {listed(told)}" if told else "No claims"
