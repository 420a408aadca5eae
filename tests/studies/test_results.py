"""What a study makes of results: verdicts, tables, pages, without a run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from helpers.results import CODE
from helpers.study_results import keep, made_result
from unbraid.errors import UsageError
from unbraid.studies.blocks import Table
from unbraid.studies.declaration import Arm, Claim, Length, Study, Yardstick
from unbraid.studies.measures import LOSS_CHANGE, NLL, Measure, factors_per_latent, latents_per_factor, score, shares_of
from unbraid.studies.page import _shortened, render
from unbraid.studies.parts import AssignmentTable, Curves, DifferenceTable, ScoreTable, Strips
from unbraid.studies.results import Results, evidence_path, find
from unbraid.studies.rules import Better, NotBetter
from unbraid.studies.verdicts import decide
from unbraid.studies.writing import tell, to_json, to_markdown, trained_table
from unbraid.sweep.code import Code

LENGTHS = {"quick": Length(640, 1), "cpu": Length(6_400, 3), "paper": Length(64_000, 5)}
VAE = Arm("VAE", "vae", "ellipses", {"batch_size": 64}, LENGTHS)
BETA = Arm("β 4", "beta_vae", "ellipses", {"batch_size": 64, "beta": 4}, LENGTHS)
SHORT = Arm("short", "beta_vae", "ellipses", {"batch_size": 64, "beta": 6}, LENGTHS)
ABSENT = Arm("absent", "beta_vae", "ellipses", {"batch_size": 64, "beta": 8}, LENGTHS)
ARMS = (VAE, BETA, SHORT, ABSENT)
MIG = score("mig")
STUDY = Study(
    question="Does it?",
    arms=ARMS,
    claims=(
        Claim("β is better", "I", Better(BETA, VAE, MIG, 0.05)),
        Claim("the VAE is better", "II", Better(VAE, BETA, MIG, 0.05)),
        Claim("short runs", "III", NotBetter(SHORT, BETA, MIG, 0.05)),
        Claim("no run", "IV", Better(ABSENT, VAE, MIG, 0.05)),
        Claim("reconstructions differ", "V", Better(BETA, VAE, NLL, 1.0)),
    ),
    parts=(
        ScoreTable("Scores", ARMS, (MIG, NLL), reported={BETA: {"mig": ".9"}}),
        AssignmentTable("Fig. 2", BETA, {"x": "z1", "y": "z2 (z1)"}),
        DifferenceTable("Beside the VAE", VAE, (BETA, ABSENT), (MIG,)),
        Strips("Every run", ARMS, (MIG,)),
        Curves("Loss", (BETA,)),
    ),
    yardsticks=(Yardstick(LOSS_CHANGE, at_most=0.02),),
)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    for seed in range(3):
        keep(tmp_path, made_result(VAE, seed, 0.1 + 0.01 * seed, nll=40 + seed))
        keep(tmp_path, made_result(BETA, seed, 0.4 + 0.01 * seed, nll=40.2 + seed))
        keep(tmp_path, made_result(SHORT, seed, 0.2 + 0.01 * seed), falling=True)
    return tmp_path


def found(ledger: Path) -> Results:
    return find("mine", STUDY, "cpu", [ledger])


def test_runs_on_a_folder_of_the_user_are_found_wherever_it_lies_now(tmp_path: Path) -> None:
    then, now = (Arm("own", "vae", "folder", {"batch_size": 64, "path": path, "size": 64}, LENGTHS) for path in ("/a", "/b"))
    made = made_result(then, 0, 0.1)
    keep(tmp_path, msgspec.structs.replace(made, given={name: value for name, value in made.given.items() if name != "path"}))
    study = Study("?", (now,), (), ())
    assert len(find("mine", study, "cpu", [tmp_path]).of(now)) == 1


def test_verdicts(ledger: Path) -> None:
    decided = decide(found(ledger))
    assert [one.verdict.outcome for one in decided] == ["confirmed", "reversed", "undertrained", "not run", "undecided"]
    assert "[so far: confirmed]" in decided[2].verdict.text
    assert decided[2].verdict.text.endswith(". Fall of the loss in the last quarter is not at most 0.02: 0.312 of short")
    assert decided[2].verdict.untrained in decided[2].verdict.text
    assert decided[4].verdict.needed is not None


def test_a_verdict_tells_how_many_runs_ignore_their_codes(ledger: Path) -> None:
    for seed in range(2):
        made = made_result(VAE, seed, 0.1 + 0.01 * seed, nll=40 + seed)
        keep(ledger, msgspec.structs.replace(made, active=[False] * 3))
    texts = [one.verdict.text for one in decide(found(ledger))]
    assert texts[0].endswith(". Of these 6 runs 2 have no active latent")
    assert "no active latent" not in texts[2]  # of arms whose models use their codes


def test_a_yardstick_that_is_not_known_does_not_hold(ledger: Path) -> None:
    for seed in range(3):
        evidence_path(ledger, made_result(VAE, seed, 0.1).key).unlink()
    results = found(ledger)
    first = decide(results)[0].verdict
    assert first.outcome == "undertrained"
    assert first.text.endswith("is not at most 0.02: not known of VAE")
    table = trained_table(results)
    assert table.columns == ["arm", "fall of the loss in the last quarter at most 0.02"]
    assert table.rows == [["VAE", "not known"], ["β 4", "0.000"], ["short", "0.312: does not hold"]]


def test_runs_of_other_lengths_and_options_are_not_taken_for_these(ledger: Path) -> None:
    keep(ledger, made_result(ABSENT, 0, 0.9, budget="quick"))
    keep(ledger, made_result(replace(ABSENT, options={"batch_size": 64, "beta": 9}), 1, 0.9))
    assert not found(ledger).of(ABSENT)
    assert found(ledger).missing == 3
    assert len(find("mine", STUDY, "quick", [ledger]).of(ABSENT)) == 1
    assert len(find("mine", STUDY, "cpu", [ledger], seeds=2).of(VAE)) == 2


def test_what_an_arm_says_and_a_run_had_by_default_is_the_same(ledger: Path) -> None:
    short = replace(ABSENT, options={"batch_size": 64})
    keep(ledger, made_result(short, 0, 0.9, model_options={"beta": 8, "beta_start": 0}))
    keep(ledger, made_result(short, 1, 0.9, model_options={"beta": 9, "beta_start": 0}))
    keep(ledger, made_result(short, 2, 0.9, model_options={}))
    assert [run.result.seed for run in found(ledger).of(ABSENT)] == [0]


def test_tables_say_what_is_there_beside_the_report(ledger: Path) -> None:
    told = tell(found(ledger), "A report")
    tables = {block.title: block for block in told.blocks if isinstance(block, Table)}
    scores = {row[0]: row[1:] for row in tables["Scores"].rows}
    assert tables["Scores"].columns == ["", "runs", "MIG", "reconstruction, nats", "report: MIG"]
    assert scores["β 4"] == ["3", "0.410 ± 0.025", "41.20 ± 2.48", ".9"]
    assert scores["absent"] == ["not run", "–", "–", "–"]
    assert scores["untrained encoder"] == ["–", "0.050", "–", "–"]
    assigned = {row[0]: row[1:] for row in tables["Fig. 2"].rows}
    assert assigned["x"] == ["z1", *["z1"] * 3]
    assert assigned["y"] == ["z2 (z1)", *["z2 (z1)"] * 3]  # 0.4 is strong, 0.2 weak, and the third latent is dead
    beside = {row[0]: row[2] for row in tables["Beside the VAE"].rows}
    assert beside["β 4"].startswith("0.300 (0.277 to 0.323)")
    assert beside["absent"] == "–"
    assert "3 more are not run" in told.headline


def test_every_form_holds_the_verdicts(ledger: Path) -> None:
    results = found(ledger)
    told = tell(results, "A report & more")
    page = render(results, told)
    assert page.count("<svg") == 2
    assert "A report &amp; more" in page
    assert "Content-Security-Policy" in page
    content = json.loads(to_json(results, told))
    assert [one["outcome"] for one in content["claims"]][:2] == ["confirmed", "reversed"]
    assert len(content["arms"]["VAE"]["runs"]) == 3
    text = to_markdown(results, told)
    assert "| β is better | I | confirmed |" in text
    assert "$ unbraid study mine --budget cpu" in text


def test_a_deleted_result_changes_what_is_told(ledger: Path) -> None:
    before = to_markdown(found(ledger), tell(found(ledger), "A report"))
    key = found(ledger).of(BETA)[1].result.key
    (ledger / key[:2] / f"{key}.json").unlink()
    after = to_markdown(found(ledger), tell(found(ledger), "A report"))
    assert before != after
    assert "2 of 3" in after


def test_a_commit_that_changes_no_source_is_no_other_version(ledger: Path) -> None:
    keep(ledger, made_result(ABSENT, 0, 0.5, code=Code(CODE.version, "abcdef0123", CODE.digest)))
    assert len(found(ledger).codes) == 1


def test_several_versions_are_marked(ledger: Path) -> None:
    assert "[a]" not in to_markdown(found(ledger), tell(found(ledger), "A report"))
    keep(ledger, made_result(ABSENT, 0, 0.5, code=Code("0.2.0", "abcdef0123", "d2")))
    text = to_markdown(found(ledger), tell(found(ledger), "A report"))
    assert "| VAE [a] |" in text
    assert "| absent [b] |" in text
    assert str(CODE) in text


def test_measures_of_shares(ledger: Path) -> None:
    run = found(ledger).of(VAE)[0]
    names, shares = shares_of(run) or ((), None)
    assert names == ("x", "y")
    assert shares is not None
    assert shares[2].tolist() == [0, 0]
    assert latents_per_factor(0.15).of(run) == 1.5
    assert factors_per_latent(0.15).of(run) == 1.5
    assert factors_per_latent(0.3).of(run) == 1.0
    assert score("mig.x").of(run) == pytest.approx(0.1)


def test_what_a_declaration_refuses() -> None:
    with pytest.raises(UsageError, match="says no batch_size"):
        Arm("a", "vae", "ellipses", {}, LENGTHS)
    with pytest.raises(UsageError, match="has the option steps"):
        Arm("a", "vae", "ellipses", {"batch_size": 8, "steps": 3}, LENGTHS)
    with pytest.raises(UsageError, match="Two arms have one name"):
        Study("?", (VAE, VAE), (), ())
    with pytest.raises(UsageError, match="rests on the arm 'β 4'"):
        Study("?", (VAE,), (Claim("c", "I", Better(BETA, VAE, MIG, 0.1)),), ())
    with pytest.raises(UsageError, match="no such folder"):
        from unbraid.sweep.store import require_ledger

        require_ledger(Path("nowhere"))


def test_a_measure_that_runs_do_not_have_is_left_out(ledger: Path) -> None:
    nothing = Measure("none", "none", lambda run: float("nan"))
    assert found(ledger).values(VAE, nothing) == {}


def test_sections_that_begin_alike_are_listed_by_their_whole_titles() -> None:
    assert _shortened(["Fig. 2: a", "Table 1 (x)", "Fig. 2: b"]) == ["Fig. 2: a", "Table 1", "Fig. 2: b"]
