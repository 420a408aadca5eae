"""unbraid study NAME"""

from __future__ import annotations

import math
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unbraid.cli.parse import HelpShown, option, parse, positional
from unbraid.cli.sweep import ENGINE_OPTIONS, conduct_plan, require_valid_engine
from unbraid.errors import UsageError
from unbraid.options import Option
from unbraid.studies.declaration import BUDGETS, Budget, Study

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from unbraid.registry import Entry
    from unbraid.studies.results import Results

FOLDER = "studies"
_ARGUMENTS = (
    positional("name", "a study, see `unbraid list studies`", required=True),
    option("budget", Budget, None, "train what is missing at this length; unless given, nothing is trained", "Study"),
    option("seeds", int, None, Option("runs of each arm; default: as many as the study says", ge=1), "Study"),
    option("out", str, FOLDER, "folder for runs, results and pages; studies share it, and runs", "Study", short="-o"),
    option("ledger", str, None, "a folder of results; its runs are not trained again; default: that of the clone", "Study"),
    option("nulls", bool, True, "score PCA, ICA, null encoders and the oracle where no ledger has them", "Study"),
    option("explorer", bool, False, "also write NAME-explorer.html, with the models of one seed of the arms it names", "Study"),
    *ENGINE_OPTIONS,
)
_ABOUT = (
    "A study: runs that answer a question, and a verdict on every claim of a report, computed. "
    "unbraid study NAME makes the page from the results there are; with --budget it trains the missing runs first. The same "
    "command goes on where it stopped."
    "\n\n"
    "The folder then has NAME.html, NAME.json, NAME.md and results/, which is a ledger: with it the page can be made again."
)


def run(tokens: list[str]) -> int:
    """Run the command; returns the exit code."""
    try:
        given = parse("study", _ABOUT, _ARGUMENTS, tokens)
    except HelpShown:
        return 0
    options: dict[str, Any] = {argument.flag: given.get(argument.flag, argument.spec.default) for argument in _ARGUMENTS}
    from unbraid.studies.registry import studies

    entry = studies[options["name"]]
    return _study(entry, entry.factory(), options)


def _study(entry: Entry, study: Study, options: dict[str, Any]) -> int:
    from unbraid.cli.console import counting, err
    from unbraid.progress import listening
    from unbraid.studies.nulls import with_nulls
    from unbraid.studies.results import clone_ledger, find
    from unbraid.sweep.store import MARK, Store, require_ledger

    if options["explorer"] and not study.explorer:
        raise UsageError(f"{entry.name} names no arms for an explorer page; leave --explorer out.")
    require_valid_engine(options)
    folder = Path(options["out"])
    ledger = require_ledger(Path(options["ledger"])) if options["ledger"] else clone_ledger()
    known = [ledger] if ledger else []
    code = 0
    if options["budget"]:
        code = _train(entry, study, Store.make(folder), known, options)
    places = [folder, *known] if (folder / MARK).is_file() else known
    budget: Budget = options["budget"] or "cpu"
    with counting("Reading results"):
        results = find(entry.name, study, budget, places, seeds=options["seeds"], keep=folder if folder in places else None)
    if not results.everything:
        raise UsageError(
            f"No run of {entry.name} was found{f' in {ledger}' if ledger else ''}. Train them: unbraid study {entry.name} "
            f"--budget {' or '.join(BUDGETS)}; what they cost: unbraid show {entry.name}"
        )
    keep = Store.make(folder).folder if options["nulls"] else None
    bar = counting("Scoring codes that know nothing") if keep else nullcontext()
    with listening(counting), bar as told:
        results = with_nulls(results, places, keep=keep, progress=told)
    for note in results.notes:
        err.print(f"Warning: {note}", style="yellow", soft_wrap=True)
    _write(entry, results, folder)
    if options["explorer"]:
        _write_explorer(entry, results, folder)
    return code


def _train(entry: Entry, study: Study, store: Any, known: Sequence[Path], options: dict[str, Any]) -> int:
    from unbraid.cli.console import counting, err
    from unbraid.progress import listening
    from unbraid.studies.run import plan_missing

    with listening(counting), counting("Planning") as told:
        plan = plan_missing(
            entry.name,
            study,
            options["budget"],
            store,
            known,
            seeds=options["seeds"],
            device=options["device"],
            progress=told,
        )
    if plan is None:
        err.print("No run is missing.")
        return 0
    ended = conduct_plan(store, plan, options)
    if ended is None:
        err.print(f"Once they have ended: unbraid study {entry.name} -o {options['out']}")
        return 0
    if ended.failed:
        err.print(f"{len(ended.failed)} runs failed; see unbraid sweep status {store.folder}")
    return 1 if ended.failed else 0


def _write(entry: Entry, results: Results, folder: Path) -> None:
    from unbraid.cli.console import out
    from unbraid.cli.tables import make_table
    from unbraid.files import whole_file
    from unbraid.studies.page import render
    from unbraid.studies.writing import tell, to_json, to_markdown, verdict_words

    told = tell(results, entry.source)
    for ending, text in (("html", render(results, told)), ("json", to_json(results, told)), ("md", to_markdown(results, told))):
        with whole_file(folder / f"{entry.name}.{ending}") as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    table = make_table("claim", "verdict", words=True)
    for one in told.decided:
        table.add_row(one.claim.text, verdict_words(one))
    out.print(table)
    out.print(told.headline)
    if results.missing:
        out.print(f"Run what is missing: unbraid study {entry.name} --budget {results.budget}")
    out.print(f"The page: {folder / f'{entry.name}.html'}")


def _write_explorer(entry: Entry, results: Results, folder: Path) -> None:
    """The explorer page of the first run that is here of each of the study's arms for it."""
    from unbraid import api
    from unbraid.cli.console import counting, err, out
    from unbraid.progress import listening

    found = [[run.folder for run in results.of(arm) if run.folder is not None][:1] for arm in results.study.explorer]
    folders = [one for own in found for one in own]
    if not folders:
        raise UsageError(
            f"No folder of a run that the explorer page of {entry.name} shows is in {folder}; a ledger holds no models. Train "
            f"them: unbraid study {entry.name} --budget {results.budget} -o {folder}"
        )
    if len(folders) < len(found):
        err.print(f"Warning: {len(found) - len(folders)} of {len(found)} models of the page are not here.", style="yellow")
    with listening(counting), counting("Writing the explorer page"):
        page = api.explore(folders, folder / f"{entry.name}-explorer.html", times=1, encoders=False, overwrite=True)
    out.print(f"The explorer: {page.path}  ({page.path.stat().st_size / 2**20:.1f} MB)")


def list_claims() -> None:
    """All claims with their verdicts, from the clone's ledger and the folder `studies` of this directory."""
    from unbraid.cli.console import out
    from unbraid.cli.tables import make_table
    from unbraid.studies.claims_ledger import decide_all, totals
    from unbraid.studies.results import clone_ledger
    from unbraid.studies.writing import verdict_words
    from unbraid.sweep.store import MARK

    folder, ledger = Path(FOLDER), clone_ledger()
    found = decide_all([*([folder] if (folder / MARK).is_file() else []), *([ledger] if ledger else [])])
    for one in found:
        table = make_table("claim", "section", "verdict", words=True)
        for decided in one.decided:
            table.add_row(decided.claim.text, decided.claim.section, verdict_words(decided))
        out.print(f"{one.results.name}: {one.source}", style="bold")
        out.print(table)
    everything = totals(found)
    out.print(f"{everything.total()} claims: " + ", ".join(f"{n} {outcome}" for outcome, n in everything.most_common()))
    out.print("What decides those of one study: unbraid study NAME")


def explain_study(entry: Entry) -> list[RenderableType]:
    """What `unbraid show` says of a study: question, arms and their cost, claims, what is published."""
    from rich.text import Text

    from unbraid.cli.layers import table
    from unbraid.reporting.numbers import count, duration
    from unbraid.studies.results import clone_ledger, find
    from unbraid.studies.writing import arm_in_words, common_options, costs, options_in_words, total_words

    study: Study = entry.factory()
    ledger = clone_ledger()
    shown: list[RenderableType] = []
    rates = find(entry.name, study, "cpu", [ledger] if ledger else [])
    by_budget = {budget: costs(study, budget, rates) for budget in BUDGETS}
    common, own = common_options(study.arms)
    if common:
        shown.append(Text.assemble(("All arms: ", "bold"), options_in_words(common), "\n"))
    arms = table("Arms, at --budget cpu", "arm", "what", "images × runs", "takes")
    for arm, cost in zip(study.arms, by_budget["cpu"], strict=True):
        what = arm_in_words(arm, own[arm.name])
        takes = duration(cost.seconds) if math.isfinite(cost.seconds) else "not timed"
        arms.add_row(arm.name, what, f"{count(cost.images)} × {cost.runs}", takes)
    shown.append(arms)
    for budget in BUDGETS:
        own_costs = by_budget[budget]
        runs, images = sum(one.runs for one in own_costs), sum(one.runs * one.images for one in own_costs)
        said = f"{count(runs)} runs, {count(images)} images, {total_words(own_costs)}"
        shown.append(Text.assemble((f"--budget {budget}: ", "bold"), said))
    claims = table("Claims", "claim", "section")
    for claim in study.claims:
        claims.add_row(claim.text, claim.section)
    shown += ["", claims]
    if study.published:
        published = table("As published", "setting", "value")
        for name, value in study.published:
            published.add_row(name, value)
        shown.append(published)
    return shown
