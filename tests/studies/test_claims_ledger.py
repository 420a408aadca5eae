"""The page of all claims: counts, what decides a claim of several comparisons, text that Markdown leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.study_results import keep, made_result
from unbraid.registry import Registry
from unbraid.studies import claims_ledger
from unbraid.studies.declaration import Arm, Claim, Length, Study, Verdict
from unbraid.studies.measures import score
from unbraid.studies.rules import Better, CannotTest, Every, NotBetter
from unbraid.studies.verdicts import Decided

LENGTHS = {"cpu": Length(6_400, 3)}
VAE = Arm("VAE", "vae", "ellipses", {"batch_size": 64}, LENGTHS)
BETA = Arm("β 4 + L2", "beta_vae", "ellipses", {"batch_size": 64, "beta": 4}, LENGTHS)
MIG = score("mig")
CLAIMS = (
    Claim("“β is better”", "IV", Better(BETA, VAE, MIG, 0.05)),
    Claim("[4]: and it is *not*", "Fig. 1", Every([NotBetter(BETA, VAE, MIG, 0.05), Better(BETA, VAE, MIG, 0.05)])),
    Claim("nobody knows", "2", CannotTest("there is nothing to measure")),
)


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    registry = Registry("study", "studies", "unbraid.studies.reports")
    registry.register("mine", source="Doe and Roe (2021), A report")(lambda: Study("Does it?", (VAE, BETA), CLAIMS, ()))
    monkeypatch.setattr(claims_ledger, "studies", [registry["mine"]])
    for seed in range(3):
        keep(tmp_path, made_result(VAE, seed, 0.1 + 0.01 * seed))
    for seed in range(2):
        keep(tmp_path, made_result(BETA, seed, 0.4 + 0.01 * seed))
    return claims_ledger.to_markdown(claims_ledger.decide_all([tmp_path]), ["mine"])


def test_counts_and_where_they_come_from(page: str) -> None:
    assert "3 claims in one study" in page
    assert "| confirmed | 1 |" in page
    assert "| reversed | 1 |" in page
    assert "| cannot be tested here | 1 |" in page
    assert "- [mine](#mine), Doe and Roe (2021): 3 claims, 1 confirmed, 1 reversed and 1" in page
    assert "[Tables, arms and settings](studies/mine.md)" in page
    assert "$ unbraid study mine --budget cpu" in page


def test_a_claim_has_place_verdict_runs_and_interval(page: str) -> None:
    one_line = " ".join(page.split())
    assert "1. “β is better” (section IV) **confirmed**, 5 of 6 runs. MIG: β 4 + L2 less VAE is 0.295 (" in one_line
    assert "3. nobody knows (section 2) **cannot be tested here**. There is nothing to measure." in one_line


def test_of_several_comparisons_the_one_that_decides_is_told(page: str) -> None:
    of_second = page.partition("2. ")[2].partition("3. ")[0]
    assert "**reversed**, 5 of 6 runs. 1 of 2 comparisons decide." in " ".join(of_second.split())
    assert of_second.count("less VAE") == 1


def test_why_runs_are_too_short_is_told_of_a_claim_of_several_comparisons() -> None:
    few = [Verdict("undecided", "one", few={"a": 1}), Verdict("undecided", "two", few={"a": 1, "b": 1})]
    decided = Decided(CLAIMS[1], Verdict("undertrained", "all", parts=few, untrained="Loss is not at most 1: 2 of a"))
    assert list(claims_ledger._evidence(decided)) == [
        "too few runs for an interval: 1 of a and 1 of b",
        "Loss is not at most 1: 2 of a",
    ]


def test_markdown_takes_nothing_for_a_link_emphasis_or_a_list(page: str) -> None:
    assert r"\[4]: and it is \*not\* (Fig. 1)" in page
    wrapped = list(claims_ledger._filled("word " * 15 + "+ one - two 8. three 1. four > five # six", "- "))
    assert len(wrapped) > 1
    assert not any(line.lstrip()[:1] in "+-#>" or line.lstrip()[:1].isdigit() for line in wrapped[1:])
