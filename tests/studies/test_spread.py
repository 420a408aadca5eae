"""Parts of many arms: agreement of measures, variance, seeds needed, places; made of results that were never trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.study_results import keep, made_result
from unbraid.studies.agreement import Correlations
from unbraid.studies.blocks import Chart, Prose, Table
from unbraid.studies.declaration import Arm, Length, Study
from unbraid.studies.measures import NLL, Measure, score
from unbraid.studies.places import Places
from unbraid.studies.results import Results, find
from unbraid.studies.seeds_needed import SeedsNeeded
from unbraid.studies.variance import ShareBelow, VarianceSplit
from unbraid.sweep.compare.components import Components, components
from unbraid.sweep.compare.power import pooled_sd, runs_to_see
from unbraid.sweep.compare.statistics import rank_correlation

LENGTHS = {"cpu": Length(6_400, 4)}
FAMILIES = {
    name: tuple(Arm(f"{name} {value}", name, "ellipses", {"batch_size": 64, option: value}, LENGTHS) for value in (1, 2, 3))
    for name, option in (("beta_vae", "beta"), ("factor_vae", "gamma"), ("beta_tcvae", "beta"))
}
ARMS = tuple(arm for own in FAMILIES.values() for arm in own)
MIG = score("mig")
BACKWARDS = Measure("backwards", "minus MIG", lambda run: -MIG.of(run), higher_is_better=False)
ABSENT = score("sap")


def migs() -> np.ndarray:
    """Objective, setting, seed: mostly the setting."""
    rng = np.random.default_rng(0)
    effects = rng.normal(0, 0.02, (3, 1, 1)) + rng.normal(0, 0.1, (3, 3, 1)) + rng.normal(0, 0.02, (3, 3, 4))
    return np.asarray(0.4 + effects)


@pytest.fixture
def results(tmp_path: Path) -> Results:
    values = migs()
    for i, own in enumerate(FAMILIES.values()):
        for j, arm in enumerate(own):
            for seed in range(4):
                keep(tmp_path, made_result(arm, seed, float(values[i, j, seed]), nll=50 - 10 * float(values[i, j, seed]) ** 3))
    return find("s", Study("?", ARMS, (), ()), "cpu", [tmp_path])


@pytest.fixture
def nothing(tmp_path: Path) -> Results:
    return find("s", Study("?", ARMS, (), ()), "cpu", [tmp_path / "none"])


def table(part: Any, results: Results) -> Table:
    (found,) = [block for block in part.blocks(results) if isinstance(block, Table)]
    assert all(len(row) == len(found.columns) for row in found.rows)
    return found


def test_correlations_over_runs_and_over_means(results: Results) -> None:
    part = Correlations("C", ARMS, (MIG, NLL, ABSENT))
    chart, found = part.blocks(results)
    assert isinstance(chart, Chart)
    assert isinstance(found, Table)
    assert [row[:2] for row in found.rows] == [["MIG", "reconstruction"], ["MIG", "SAP"], ["reconstruction", "SAP"]]
    assert found.rows[0][2].startswith("−1.00 (−1.00 to −")
    assert found.rows[0][3] == "36"
    own = rank_correlation(migs().mean(2).ravel().tolist(), (-(migs() ** 3).mean(2)).ravel().tolist())
    assert own is not None
    assert found.rows[0][4].startswith(f"{own.r:.2f}".replace("-", "−"))
    assert found.rows[0][5] == "9"
    assert found.rows[1][2:] == ["too few, or constant", "–", "too few, or constant", "–"]
    texts = [text.get_text() for text in chart.figure.axes[0].texts]
    assert texts == ["", "−1.00", "", found.rows[0][4][:5], "", "", "", "", ""]


def test_correlations_with_others(results: Results) -> None:
    found = table(Correlations("C", ARMS, (MIG, NLL), (BACKWARDS,)), results)
    assert [row[:2] for row in found.rows] == [["minus MIG", "MIG"], ["minus MIG", "reconstruction"]]
    assert [row[2][:5] for row in found.rows] == ["−1.00", "1.00 "]


def test_the_variance_is_that_of_the_setting(results: Results) -> None:
    found = table(VarianceSplit("V", FAMILIES, (MIG, ABSENT)), results)
    names = list(found.columns)
    values = {f"{i}": {f"{j}": own[j].tolist() for j in range(3)} for i, own in enumerate(migs())}
    expected = components(values)
    assert isinstance(expected, Components)
    assert expected.shares[1] > 0.5
    assert found.rows[0][names.index("setting")].startswith(f"{expected.shares[1]:.2f} (")
    assert found.rows[0][names.index("runs")] == "36"
    assert found.rows[1][1] == "too few: fewer than two objectives with two settings each"


def test_a_share_decides_a_claim(results: Results, nothing: Results) -> None:
    below = ShareBelow(FAMILIES, MIG, 0.6, "seed").decide(results)
    assert below.outcome == "confirmed"
    assert below.interval is not None
    assert below.interval[1] < 0.6
    assert ShareBelow(FAMILIES, MIG, 0.001, "setting").decide(results).outcome == "reversed"
    open_still = ShareBelow(FAMILIES, MIG, 0.1, "objective").decide(results)
    assert (open_still.outcome, open_still.interval) == ("undecided", None)  # it would read as if more seeds were the answer
    assert "share of the objective in the variance is" in open_still.text
    assert ShareBelow(FAMILIES, MIG).decide(nothing).outcome == "not run"
    few = ShareBelow({"beta_vae": FAMILIES["beta_vae"]}, MIG).decide(results)
    assert (few.outcome, few.text) == ("undecided", "too few runs: fewer than two objectives with two settings each")
    constant = Measure("one", "one", lambda run: 1.0)
    assert ShareBelow(FAMILIES, constant).decide(results).text == "one does not vary"


def test_seeds_needed_are_those_of_the_pooled_spread(results: Results) -> None:
    constant = Measure("one", "one", lambda run: 1.0)
    found = table(SeedsNeeded("S", ARMS, (MIG, ABSENT, constant), 0.05, 4), results)
    own = pooled_sd(migs().reshape(9, 4).tolist())
    assert own is not None
    assert found.rows[0][3] == "27"
    needed = [runs_to_see(0.05, sd) for sd in (own.sd, *own.interval)]
    assert found.rows[0][4] == f"{needed[0]} ({needed[1]} to {needed[2]})"
    assert found.rows[1][1] == "too few: no arm has two seeds"
    assert found.rows[2][1] == "seeds do not differ"


def test_places_are_by_means_and_the_best_come_first(results: Results) -> None:
    found = table(Places("P", ARMS, (MIG, BACKWARDS)), results)
    order = np.argsort(-migs().mean(2).ravel())
    assert [row[0] for row in found.rows] == [ARMS[i].name for i in order]
    assert found.rows[0][2] == "1.0"
    assert found.rows[0][3] == found.rows[0][4]
    assert found.rows[0][3].startswith("1 (1 to ")


def test_without_runs_every_part_says_so(nothing: Results) -> None:
    for part, words in (
        (Correlations("C", ARMS, (MIG, NLL)), "0 runs are too few"),
        (Places("P", ARMS, (MIG,)), "Not run yet"),
    ):
        (block,) = part.blocks(nothing)
        assert isinstance(block, Prose)
        assert words in block.paragraphs[0]
    assert table(VarianceSplit("V", FAMILIES, (MIG,)), nothing).rows[0][1].startswith("too few")
    assert table(SeedsNeeded("S", ARMS, (MIG,)), nothing).rows[0][1].startswith("too few")
