"""UDR from the codes that a ledger keeps, and what a choice by it gives away."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from helpers.study_results import keep, made_result
from unbraid.files import read_json, write_json
from unbraid.metrics.between_models import udr
from unbraid.studies.blocks import Prose, Table
from unbraid.studies.declaration import Arm, Length, Study
from unbraid.studies.measures import NLL, Run, score
from unbraid.studies.results import Results, evidence_path, find
from unbraid.studies.selection import UDR, UDR_ALL, UDR_LASSO, Regrets, packed, unpacked, with_udr

LENGTHS = {"cpu": Length(6_400, 4)}
SAME, APART = (
    Arm(name, "beta_vae", "ellipses", {"batch_size": 64, "beta": i}, LENGTHS) for i, name in enumerate(("same", "apart"))
)
STUDY = Study("?", (SAME, APART), (), (), together=(with_udr,))
MIG = score("mig")
CODES = np.random.default_rng(0).normal(size=(1000, 4)) * [3, 1, 0.1, 50] + 7


def test_packing_keeps_ranks_and_takes_little() -> None:
    back = unpacked(json.loads(json.dumps(packed(CODES))))
    standard = (CODES - CODES.mean(0)) / CODES.std(0)
    assert np.abs(back - standard).max() <= 0.05 + 1e-9
    assert len(json.dumps(packed(CODES))) < 4_000  # under a kilobyte per latent
    rotated = CODES @ np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0]
    for definition in ("spearman", "lasso"):
        assert udr([back, unpacked(packed(rotated))], definition=definition) == pytest.approx(
            udr([CODES, rotated], definition=definition), abs=0.01
        )


def test_codes_far_out_and_dead_ones_can_be_packed() -> None:
    wild = np.array([[0.0, 1.0], *[[0.0, 0.0]] * 999])
    back = unpacked(packed(wild))
    assert (back[:, 0] == 0).all()
    assert back[0, 1] == pytest.approx(12.7)  # a single outlier lies 31 standard deviations away
    assert unpacked(packed(CODES[:, :0])).tolist() == [[0.0]] * 1000


def made(ledger: Path) -> Results:
    """Four runs with one code up to order and sign; four with codes that have nothing in common, the last of them dead."""
    rng = np.random.default_rng(2)
    for seed in range(4):
        same = CODES[:, rng.permutation(4)] * rng.choice([-1, 1], 4)
        apart = rng.normal(size=(1000, 4 if seed < 3 else 0))
        for arm, codes, mig in ((SAME, same, 0.5 + 0.01 * seed), (APART, apart, 0.1 + 0.2 * seed)):
            result = made_result(arm, seed, mig)
            keep(ledger, result)
            path = evidence_path(ledger, result.key)
            write_json(path, {**read_json(path, "evidence"), "codes": packed(codes)})
    return find("s", STUDY, "cpu", [ledger])


def test_udr_of_equal_codes_is_1_of_unrelated_ones_low_and_of_dead_ones_0(tmp_path: Path) -> None:
    results = made(tmp_path)
    for measure, most in ((UDR, 1.0), (UDR_LASSO, 0.9)):
        assert list(results.values(SAME, measure).values()) == pytest.approx([most] * 4, abs=0.12)
        assert max(results.values(APART, measure).values()) < 0.1
        assert results.values(APART, measure)[3] == 0
    assert max(results.values(APART, UDR_ALL).values()) < 0.1
    assert results.values(APART, UDR_ALL)[3] == 0
    assert not any("udr" in path.read_text() for path in tmp_path.rglob("*.evidence.json"))


def test_udr_is_that_of_the_metric(tmp_path: Path) -> None:
    results = made(tmp_path)
    codes = [unpacked(run.evidence["codes"]) for run in results.of(APART)]
    assert list(results.values(APART, UDR).values()) == pytest.approx(udr(codes).tolist())
    every = [unpacked(run.evidence["codes"]) for arm in (SAME, APART) for run in results.of(arm)]
    found = [*results.values(SAME, UDR_ALL).values(), *results.values(APART, UDR_ALL).values()]
    assert found == pytest.approx(udr(every).tolist())


def test_runs_on_other_data_or_without_codes_are_not_compared() -> None:
    def run(**data: object) -> Run:
        result = made_result(SAME, 0, 0.5)
        return Run(msgspec.structs.replace(result, configuration={**result.configuration, **data}), {"codes": packed(CODES)})

    found = with_udr({"a": [run()], "b": [run(data="dsprites")], "c": [replace(run(), evidence={})], "d": []})
    assert [own[0].evidence["udr"] for own in (found["a"], found["b"], found["c"])] == [{}, {}, {}]
    assert found["d"] == []
    both = with_udr({"a": [run()], "b": [run()]})
    assert both["a"][0].evidence["udr"] == {"all": pytest.approx(1, abs=0.12)}


def test_regrets_are_differences_from_the_best_run_and_from_the_mean(tmp_path: Path) -> None:
    (found,) = Regrets("R", (SAME, APART), (MIG, NLL), (UDR, NLL, score("sap"))).blocks(made(tmp_path))
    assert isinstance(found, Table)
    assert found.columns[:2] == ["chosen by", "of runs"]
    assert [row[1] for row in found.rows] == ["8", "8", "8", "0", "8"]
    rows = {row[0]: row[2:] for row in found.rows}
    assert rows["the best run"] == ["0.700", "50.000"]
    assert rows["any run, on average"][0] == "0.458"
    chosen = float(rows["highest UDR"][0].split()[0])
    assert 0.5 <= chosen <= 0.53
    assert rows["highest UDR"][0] == f"{chosen:.3f} (−{0.7 - chosen:.3f}, +{chosen - 0.4575:.3f})".replace("0.458", "0.457")
    assert rows["lowest reconstruction"][1] == "50.000 (0.000, 0.000)"
    assert rows["highest SAP"] == ["too few runs", "too few runs"]


def test_there_is_nothing_to_choose_from_one_run(tmp_path: Path) -> None:
    keep(tmp_path, made_result(SAME, 0, 0.5))
    (found,) = Regrets("R", (SAME, APART), (MIG,), (UDR,)).blocks(find("s", STUDY, "cpu", [tmp_path]))
    assert isinstance(found, Prose)
    assert found.paragraphs == ["There is nothing to choose: 1 run."]
