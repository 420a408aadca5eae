"""The table of scores: what is shown beside a score is what it says."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest

from unbraid.errors import UnknownName, UsageError
from unbraid.metrics.evaluate import REFERENCE_SAMPLES, choose, evaluate
from unbraid.metrics.intervals import half_samples, score_interval
from unbraid.metrics.mig import mig
from unbraid.metrics.registry import metrics
from unbraid.metrics.samples import Samples, gather
from unbraid.metrics.score_table import ScoreTable, nodes, relative

VOTES = {"train_votes": 1500, "test_votes": 1000}
EXACT = ("mig", "aam", "mmig", "mig_sup", "modularity", "sap", "irs")


@pytest.fixture(scope="module")
def mixed(noisy):
    return noisy(0, n=600)


def test_chance_is_what_theory_says(dsprites):
    """Of 1 in 5 votes; of information nothing; of plug-in modularity what the numbers of values say."""
    codes, factors, _ = dsprites
    chosen = {
        "mig": {},
        "modularity": {"definition": "locatello2019"},
        "factor_vae_score": VOTES,
        "beta_vae_score": VOTES,
        "explicitness": {},
    }
    table = evaluate(codes, factors, metrics=chosen, intervals=0)
    cells = np.array([2, 5, 39, 31, 31]) ** 2
    modularity = 1 - (cells.sum() - cells.max()) / (cells.max() * 4)
    expected = {"mig": 0, "modularity": modularity, "factor_vae_score": 0.2, "beta_vae_score": 0.2, "explicitness": 0.5}
    slack = {"mig": 0.002, "modularity": 0.05, "factor_vae_score": 0.06, "beta_vae_score": 0.06, "explicitness": 0.02}
    for name, value in expected.items():
        assert table[name]["chance"] == pytest.approx(value, abs=slack[name]), name


def test_the_ceiling_is_the_score_of_the_factors(mixed):
    codes, factors = mixed
    chosen = {"mig": {"definition": "locatello2019"}, "irs": {}, "sap": {}}
    table = evaluate(codes, factors, metrics=chosen, intervals=0)
    for name, options in chosen.items():
        perfect = metrics[name].factory(factors.astype(float), factors, **options)
        assert table[name]["ceiling"] == pytest.approx(perfect["score"], abs=1e-9)
        if "per_factor" in perfect:
            assert table[name]["per_factor_ceiling"] == pytest.approx(perfect["per_factor"], abs=1e-9)
    assert table["mig"]["score"] == mig(codes, factors, definition="locatello2019")["score"]
    assert table["mig"]["per_factor"] == mig(codes, factors, definition="locatello2019")["per_factor"]


def test_the_perfect_code_has_the_scale_of_the_prior(grid):
    """Do and Tran read posteriors in bins between -4 and 4, where codes of 0 to 39 would have no mass."""
    factors = np.tile(grid(3, 40), (10, 1))
    codes = np.random.default_rng(0).normal(size=factors.shape)
    table = evaluate(codes, factors, variance=np.full(codes.shape, 0.1), metrics={"mig": {"definition": "do2020"}}, intervals=0)
    assert table["mig"]["ceiling"] > 0.95


def test_images_that_are_the_same_lower_the_ceiling(grid):
    """Of 40 poses the last looks like the first: H - (2/40) log 2 of log 40 can be known."""
    factors = np.tile(grid(3, 40), (50, 1))
    perfect = factors.astype(float)
    perfect[:, 1] %= 39
    table = evaluate(
        factors.astype(float), factors, metrics=["mig"], intervals=0, perfect=perfect, factor_names=["shape", "pose"]
    )
    closed = (log(40) - 2 / 40 * log(2)) / log(40)
    assert table["mig"]["per_factor_ceiling"] == pytest.approx({"shape": 1, "pose": closed}, abs=1e-3)
    assert table["mig"]["ceiling"] == pytest.approx((1 + closed) / 2, abs=1e-3)
    posterior = evaluate(perfect, factors, variance=np.full(factors.shape, 1e-3), metrics=["mig"], intervals=0, perfect=perfect)
    assert posterior["mig"]["ceiling"] == pytest.approx((1 + closed) / 2, abs=2e-3)


def test_sharing_changes_no_number(mixed):
    codes, factors = mixed
    variance = np.full(codes.shape, 0.05)
    table = evaluate(codes, factors, variance=variance, metrics=EXACT, references=False, intervals=0)
    for name in EXACT:
        given = {"variance": variance} if name in ("mig", "aam", "mmig", "mig_sup", "modularity") else {}
        assert table[name] == metrics[name].factory(codes, factors, **given), name
    shared = gather(codes, factors)
    for name in (*EXACT, *EXACT[::-1]):
        assert metrics[name].factory(shared) == metrics[name].factory(codes, factors)


def test_seeds_repeat_and_matter_to_what_is_drawn(mixed):
    codes, factors = mixed
    votes = {"train_votes": 100, "test_votes": 100}
    chosen = {"mig": {"definition": "locatello2019"}, "factor_vae_score": votes, "beta_vae_score": VOTES}
    first, again, other = (evaluate(codes, factors, metrics=chosen, seed=seed, intervals=2) for seed in (1, 1, 2))
    assert dict(first) == dict(again)
    assert first["mig"]["score"] == other["mig"]["score"]
    assert first["factor_vae_score"]["score"] != other["factor_vae_score"]["score"]
    assert first["mig"]["chance"] != other["mig"]["chance"]
    own = {"factor_vae_score": {**chosen["factor_vae_score"], "seed": 1}}
    kept = evaluate(codes, factors, metrics=own, seed=2, intervals=0, references=False)
    assert kept["factor_vae_score"] == {
        key: value for key, value in first["factor_vae_score"].items() if key in kept["factor_vae_score"]
    } | {"chance": kept["factor_vae_score"]["chance"]}


def test_intervals_are_those_of_halves(noisy):
    codes, factors = noisy(0, n=3_000)
    samples = gather(codes, factors)
    table = evaluate(samples, metrics=["mig"], intervals=4, seed=5, references=False)
    halves = [mig(samples.part(rows))["score"] for rows in half_samples(3_000, 4, 5)]
    whole = table["mig"]["score"]
    assert tuple(table["mig"]["interval"]) == score_interval(whole, halves, bounds=(0, 1))
    part = evaluate(samples, metrics=["mig"], intervals=4, seed=5, references=False, population=4_000)
    assert tuple(part["mig"]["interval"]) == score_interval(whole, halves, part=sqrt(1 - 3 / 4), bounds=(0, 1))
    everything = evaluate(samples, metrics=["mig"], intervals=4, references=False, population=3_000)
    assert everything["mig"]["no_interval"] == "all samples that there are have been scored"
    perfect = evaluate(factors + 0.0, factors, metrics=["sap"], intervals=4, references=False)["sap"]["interval"]
    assert 0 <= perfect[0] <= perfect[1] <= 1


def test_a_whole_grid_is_no_sample(grid):
    factors = grid(3, 4, 5)
    whole, part = (evaluate(own * 1.0, own, metrics=["sap"], intervals=4, references=False) for own in (factors, factors[1:]))
    assert whole["sap"]["no_interval"] == "all samples that there are have been scored"
    assert "interval" in part["sap"]
    assert "No interval for sap: all samples that there are" in str(whole)


def test_a_factor_of_one_value_is_left_out_and_said(mixed):
    codes, factors = mixed
    padded = np.hstack([factors, np.full((600, 1), 7)])
    names = ["a", "b", "c", "color"]
    table = evaluate(codes, padded, metrics="core", intervals=0, factor_names=names)
    same = evaluate(codes, factors, metrics="core", intervals=0, factor_names=names[:3])
    assert dict(table) == dict(same)
    assert table.cautions == ("color has a single value, so it is left out of every score.", *same.cautions)
    assert "color has a single value" in str(table)


def test_a_score_above_its_ceiling_is_explained():
    """Codes that know one of three factors which are copies of each other are more modular than the factors."""
    first = np.random.default_rng(0).integers(0, 3, size=(900, 1))
    other = np.random.default_rng(1).integers(0, 5, size=(900, 1))
    factors = np.hstack([first, first // 2, other])
    table = evaluate(other * 1.0, factors, metrics=["modularity"], intervals=0)
    assert table["modularity"]["score"] == pytest.approx(1)
    assert table["modularity"]["ceiling"] < 0.95
    (caution,) = table.cautions
    assert caution.startswith("Above the ceiling: modularity. ")


def test_an_untrained_encoder_is_scored_as_any(mixed, noisy):
    codes, factors = mixed
    random = np.random.default_rng(0).normal(size=(600, 3))
    table = evaluate(codes, factors, metrics=["mig"], intervals=0, untrained=random)
    assert table["mig"]["untrained"] == mig(random, factors)["score"]
    others = gather(*noisy(7, n=400))
    table = evaluate(codes, factors, metrics=["mig"], intervals=0, untrained=others)
    assert table["mig"]["untrained"] == mig(others)["score"]


def test_many_samples_are_compared_with_references_of_20000():
    rng = np.random.default_rng(0)
    n = REFERENCE_SAMPLES + 5000
    factors = rng.integers(0, [3, 4], size=(n, 2))
    codes = np.hstack([factors, rng.normal(size=(n, 1))])
    table = evaluate(codes, factors, metrics=["mig", "modularity"], intervals=0, untrained=codes)
    assert [table["mig"]["score"], table["mig"]["ceiling"]] == pytest.approx([1, 1], abs=1e-3)
    assert table["mig"]["untrained"] == pytest.approx(1, abs=1e-3)
    assert table["mig"]["chance"] == pytest.approx(0, abs=1e-3)
    assert table.samples == n


def test_parts_are_scored_too_and_progress_is_told(noisy):
    codes, factors = noisy(0, n=3_000)
    told: list[tuple[int, int]] = []
    table = evaluate(
        codes, factors, metrics=["dci", "mig"], intervals=2, progress=lambda done, total: told.append((done, total))
    )
    assert told == [(step, 10) for step in range(1, 11)]  # two metrics: themselves, chance, ceiling, two halves
    for part in ("disentanglement", "completeness", "informativeness"):
        assert {"score", "interval", "chance", "ceiling"} <= set(table["dci"][part])
    assert [name for name, _ in nodes(table["dci"])] == ["", "disentanglement", "completeness", "informativeness"]
    assert [name for name, _ in table.rows()] == ["dci disentanglement", "dci completeness", "dci informativeness", "mig"]


def test_printed_tables_hold_every_column():
    node = {"score": 0.5, "interval": [0.4, 0.6], "chance": 0.25, "ceiling": 0.75, "per_factor": {"a": 0.125, "b": 0.875}}
    lines = str(ScoreTable({"mig": node, "udr": {"score": 1.0}}, 12345, ("a", "b"))).splitlines()
    assert lines[0] == "12,345 samples; intervals hold the population's score in 95 % of cases"
    assert lines[1].split() == ["metric", "score", "interval", "chance", "ceiling", "a", "b"]
    assert lines[2].split() == ["mig", "0.500", "0.400", "to", "0.600", "0.250", "0.750", "0.125", "0.875"]
    assert lines[3].split() == ["udr", "1.000"]
    assert relative(node) == pytest.approx(0.5)
    assert relative({"score": 0.5}) is None
    assert relative({"score": 0.5, "chance": 0.5, "ceiling": 0.5}) is None
    assert relative({"score": 0.5, "chance": 0.5, "ceiling": 0.5009}) is None
    assert relative({"score": 0.5, "chance": 0.5, "ceiling": 0.5015}) == 0


def test_columns_of_printed_tables_are_aligned():
    scores = {"a_metric_of_long_name": {"score": 0.5, "interval": [0.4, 0.6]}, "udr": {"score": 10.25}}
    head, first, second = str(ScoreTable(scores, 9, ())).splitlines()[1:]
    assert head == "metric                  score        interval"
    assert first == "a_metric_of_long_name   0.500  0.400 to 0.600"
    assert second == "udr                    10.250"


def test_rows_take_their_variances_and_names_along():
    samples = gather(np.arange(12.0).reshape(6, 2), np.arange(6)[:, None], variance=np.arange(1.0, 13).reshape(6, 2))
    part = samples.rows(np.array([4, 1]))
    assert (part.codes[:, 0].tolist(), part.factors[:, 0].tolist()) == ([8, 2], [4, 1])
    assert part.variance is not None
    assert part.variance[:, 1].tolist() == [10, 4]
    assert len(part) == 2
    with pytest.raises(UsageError, match="give nothing beside them"):
        gather(samples, np.zeros((6, 1), np.int64))
    assert gather(samples, None) is samples
    assert isinstance(samples.with_codes(np.zeros((6, 3))), Samples)


def test_requests_that_cannot_be_met_are_refused(mixed):
    codes, factors = mixed
    for wrong, says in (
        ({"metrics": "mig"}, 'give "core", "all", a list'),
        ({"metrics": []}, "metrics is empty"),
        ({"metrics": ["mgi"]}, "Did you mean 'mig'"),
        ({"metrics": {"mig": {"bims": 3}}}, "Did you mean 'bins'"),
        ({"metrics": {"mig": {"bins": 1}}}, "at least 2"),
        ({"intervals": 1}, "at least 2 halves"),
        ({"intervals": -2}, "at least 2 halves"),
        ({"population": 10}, "at least as many"),
    ):
        with pytest.raises(UsageError, match=says):
            evaluate(codes, factors, **wrong)
    with pytest.raises(UnknownName):
        choose(["mgi"])
    assert choose("all").keys() == set(metrics.names())
    assert choose({"mig": {"bins": 7}}) == {"mig": {"bins": 7}}
