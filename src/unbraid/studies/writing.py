"""What a study says, as plain content for its page, as JSON, and as Markdown."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unbraid.phrases import counted, in_words
from unbraid.records import finite_or_none
from unbraid.reporting.markdown import markdown_table
from unbraid.reporting.numbers import count, duration, plain
from unbraid.studies.blocks import Block, Prose, Table
from unbraid.studies.declaration import Arm, Budget, Study
from unbraid.studies.nulls import ABOUT
from unbraid.studies.parts import marked, runs_cell
from unbraid.studies.results import Results, seconds_of
from unbraid.studies.verdicts import Decided, Measured, decide, yardsticks
from unbraid.studies.verdicts import in_words as outcomes_in_words
from unbraid.sweep.compare.nulls import IMAGES
from unbraid.sweep.compare.power import MOST, POWER
from unbraid.sweep.compare.writing import MISSING, decimal


@dataclass(frozen=True)
class Told:
    """All that a page shows.

    Args:
        source: the report.
        decided: claims with verdicts.
        headline: what came of it, in one sentence.
        blocks: tables and figures of the study's parts, then published settings and answers.
        claims, arms, trained, made: tables.
        notes: how to read it.
        commands: that make the runs and the page.
    """

    source: str
    decided: Sequence[Decided]
    headline: str
    blocks: Sequence[Block]
    claims: Table
    arms: Table
    trained: Table
    made: Table
    notes: Sequence[str]
    commands: Sequence[str]


def tell(results: Results, source: str) -> Told:
    """Decide all claims and make all tables and figures."""
    study = results.study
    decided = decide(results)
    blocks = [block for part in study.parts for block in part.blocks(results)]
    if study.answers:
        blocks.append(Table("Asked of the report", ["question", "answer"], list(study.answers), words=True))
    if study.published:
        note = "What the report says of its settings, and what it leaves open."
        blocks.append(Table("As published", ["setting", "value"], list(study.published), note, words=True))
    runs = len(results.everything)
    missing = f"; {results.missing} more are not run" if results.missing else ""
    return Told(
        source=source,
        decided=decided,
        headline=f"{outcomes_in_words(decided)}, from {count(runs)} runs{missing}.",
        blocks=blocks,
        claims=claims_table(decided),
        arms=arms_table(results),
        trained=trained_table(results),
        made=made_table(results),
        notes=notes_of(results, decided),
        commands=commands_of(results),
    )


def claims_table(decided: Sequence[Decided]) -> Table:
    """One row per claim."""
    rows = [[one.claim.text, one.claim.section, verdict_words(one), one.text] for one in decided]
    return Table("Claims", ["claim", "section", "verdict", "by what"], rows, words=True)


def verdict_words(one: Decided) -> str:
    """As in "confirmed", "undecided; 9 runs each would decide"."""
    found = one.verdict
    if found.outcome != "undecided":
        return found.outcome
    if found.needed is not None:
        return f"undecided; about {count(found.needed)} runs each would decide"
    return f"undecided; more than {count(MOST)} runs each would be needed" if found.interval else "undecided"


def common_options(arms: Sequence[Arm]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The options that all arms have in common, and those that each has besides, by its name."""
    common = {name: value for name, value in arms[0].options.items() if all(arm.options.get(name) == value for arm in arms)}
    return common, {arm.name: {name: v for name, v in arm.options.items() if name not in common} for arm in arms}


def options_in_words(options: Mapping[str, Any]) -> str:
    """As in "beta 4, encoder golla"; empty where there are none."""
    return ", ".join(f"{name.replace('_', ' ')} {plain(value)}" for name, value in options.items())


def arm_in_words(arm: Arm, options: Mapping[str, Any]) -> str:
    """As in "beta_vae on ellipses: beta 4"."""
    return ": ".join(part for part in (f"{arm.model} on {arm.data}", options_in_words(options)) if part)


def arms_table(results: Results) -> Table:
    """What each arm is, and how many of its runs there are."""
    common, own = common_options(results.study.arms)
    rows = []
    for arm in results.study.arms:
        seconds = [seconds_of(run.result) for run in results.of(arm)]
        took = duration(sum(seconds) / len(seconds)) if seconds else MISSING
        what = arm_in_words(arm, own[arm.name])
        own_length = arm.lengths.get(results.budget)
        length = count(own_length.images) if own_length else "not in this budget"
        rows.append([marked(results, arm), what, length, runs_cell(results, arm), took, arm.about or MISSING])
    columns = ["arm", "what", "images per run", "runs", "one run took", "what for"]
    return Table("Arms", columns, rows, f"All arms: {options_in_words(common)}." if common else "", words=True)


def trained_table(results: Results) -> Table:
    """Every yardstick held to the mean of every arm that has runs; a dash where it is not asked of an arm."""
    measured = yardsticks(results)
    asked = list(dict.fromkeys(one.yardstick for one in measured))
    rows = []
    for arm in dict.fromkeys(one.arm for one in measured):
        own = {one.yardstick: one for one in measured if one.arm is arm}
        rows.append([arm.name, *(_held(own[one]) if one in own else MISSING for one in asked)])
    return Table("Did they train?", ["arm", *(one.words for one in asked)], rows, words=True)


def _held(one: Measured) -> str:
    if math.isnan(one.value):
        return "not known"
    value = decimal(one.value, one.yardstick.measure.digits)
    return value if one.holds else f"{value}: does not hold"


def made_table(results: Results) -> Table:
    """What made the runs: versions, devices, seeds."""
    runs = results.everything
    letters = results.letters
    marked_codes = [f"[{letters[one.identity]}] {one}" if len(letters) > 1 else str(one) for one in results.codes]

    def several(values: Sequence[Any]) -> str:
        return ", ".join(dict.fromkeys(map(str, values))) or MISSING

    rows = [
        ["code", "; ".join(marked_codes) or MISSING],
        ["torch", several([run.result.versions.get("torch", MISSING) for run in runs])],
        ["Python", several([run.result.python for run in runs])],
        ["platform", several([run.result.platform for run in runs])],
        ["device", several([f"{run.result.device}, {counted(run.result.threads, 'thread')}" for run in runs])],
        ["seeds", several(sorted({run.result.seed for run in runs}))],
        ["scored images", several([f"{count(run.result.scored_images)} of {count(run.result.of_images)}" for run in runs])],
        ["computing time", duration(sum(seconds_of(run.result) for run in runs))],
    ]
    return Table("What made these runs", ["what", "value"], rows, words=True)


def commands_of(results: Results) -> list[str]:
    """Commands that make the missing runs, and the page of all there are."""
    seeds = "" if results.seeds is None else f" --seeds {results.seeds}"
    lines = [f"unbraid study {results.name} --budget {results.budget}{seeds}"]
    if results.missing:
        lines.append(f"# trains the {results.missing} runs that are missing, and writes this page anew")
    return lines


def notes_of(results: Results, decided: Sequence[Decided]) -> list[str]:
    """How to read the page."""
    notes = [
        "Runs are the unit: means are over seeds, and intervals, 95 % each, say where the mean of other seeds would lie. In "
        "tables ± is half the width of Student's t interval; one run has none.",
        "A verdict is computed by a rule. Confirmed or reversed: the interval lies whole on one side of 0, or of the value "
        "claimed. Not confirmed, or a claim that there is no effect confirmed: one as large as the stated margin is ruled out. "
        "Undecided: none of these with so few runs; the number that would decide is the least with a chance of "
        f"{POWER:.0%}, were the true values those measured.",
        f"Each interval is wrong in one case of twenty; the {len(decided)} claims are not corrected for their number.",
        "Undertrained: a yardstick does not hold, so that the runs are too short, stuck or diverged, and do not speak for the "
        "model. Gain over the mean image: the share of its error that reconstructions leave out; about 0 for a model that "
        "ignores its codes, below 0 for one that draws something else.",
        "Losses are in nats per image, summed over pixels and latents: reconstructions of held-out images, KL of all that are "
        "scored.",
    ]
    if any(run.result.metrics for run in results.everything):
        kinds = [about for kind, about in ABOUT.items() if any(kind in scores for scores in results.nulls.values())]
        rows = in_words(["the encoders before their first step", *kinds])
        scored = f" All but the encoders are scored on {IMAGES:,} images." if kinds else ""
        notes.append(f"Rows without runs are codes that know nothing of training: {rows}.{scored}")
    if len(results.codes) > 1:
        notes.append("Several versions of the code made these runs; letters in brackets say which made what.")
    return [*notes, *results.notes]


def to_json(results: Results, told: Told) -> str:
    """Everything, as JSON."""
    content = {
        "study": results.name,
        "budget": results.budget,
        "question": results.study.question,
        "source": told.source,
        "headline": told.headline,
        "claims": [
            {
                "claim": one.claim.text,
                "section": one.claim.section,
                "outcome": one.verdict.outcome,
                "text": one.verdict.text,
                "note": one.claim.note,
                "estimate": one.verdict.estimate,
                "interval": one.verdict.interval,
                "needed": one.verdict.needed,
                "arms": [arm.name for arm in one.claim.rule.arms],
            }
            for one in told.decided
        ],
        "arms": {
            arm.name: {
                "model": arm.model,
                "data": arm.data,
                "options": {**arm.options, **({"steps": arm.steps(results.budget)} if results.budget in arm.lengths else {})},
                "wanted": results.wanted(arm),
                "runs": {str(run.result.seed): run.result.key for run in results.of(arm)},
            }
            for arm in results.study.arms
        },
        "tables": [
            {"title": block.title, "columns": block.columns, "rows": block.rows}
            for block in [*told.blocks, told.trained, told.made]
            if isinstance(block, Table)
        ],
        "commands": told.commands,
    }
    return json.dumps(finite_or_none(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def to_markdown(results: Results, told: Told) -> str:
    """Claims and tables; figures are on the page alone."""
    lines = [f"# {results.name}", "", results.study.question, "", f"**{told.headline}** Source of the claims: {told.source}."]
    for title, block in [("Claims", told.claims), *((block.title, block) for block in told.blocks), ("Arms", told.arms)]:
        if isinstance(block, Table):
            lines += ["", f"## {title}", "", *([block.note, ""] if block.note else []), *_rows(block)]
        elif isinstance(block, Prose):
            lines += ["", f"## {title}", "", *"\n\n".join(block.paragraphs).split("\n")]
    if told.trained.rows:  # not every study has yardsticks
        lines += ["", "## Did they train?", "", *_rows(told.trained)]
    lines += ["", "## What made these runs", "", *_rows(told.made)]
    lines += ["", "## How to read this", "", *(f"- {note}" for note in told.notes)]
    return "\n".join(
        [*lines, "", "```console", *(f"$ {line}" for line in told.commands if not line.startswith("#")), "```", ""]
    )


def _rows(table: Table) -> list[str]:
    return markdown_table(table.columns, table.rows)


@dataclass(frozen=True)
class Cost:
    """What an arm costs: runs, images, and seconds of one core at measured rates (NaN where none was)."""

    arm: Arm
    runs: int
    images: int
    seconds: float


def costs(study: Study, budget: Budget, rates: Results) -> list[Cost]:
    """The cost of every arm.

    Args:
        budget: to be run.
        rates: runs of the same arms of any length, by whose seconds per image it is reckoned.
    """
    found = []
    for arm in study.arms:
        length = arm.lengths.get(budget)
        if length is None:
            found.append(Cost(arm, 0, 0, 0.0))
            continue
        timed = [run.result for run in rates.of(arm) if run.result.images]
        if timed:
            each = sum(one.train_seconds / one.images for one in timed) / len(timed)
            scoring = sum(one.evaluate_seconds / max(1, one.scored_images) for one in timed) / len(timed)
            seconds = length.seeds * (length.images * each + study.scored[budget] * scoring)
        else:
            seconds = math.nan
        found.append(Cost(arm, length.seeds, length.images, seconds))
    return found


def total_words(found: Sequence[Cost]) -> str:
    """As in "about 3 h 5 min of one core"; which arms are not reckoned."""
    run = [one for one in found if one.runs]
    known = [one.seconds for one in run if math.isfinite(one.seconds)]
    unknown = [one.arm.name for one in run if not math.isfinite(one.seconds)]
    if not known:
        return "not measured yet"
    rest = f", and {in_words(unknown)}, which were not timed yet" if unknown else ""
    return f"about {duration(sum(known))} of one core{rest}"
