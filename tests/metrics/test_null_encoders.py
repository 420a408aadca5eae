"""Null encoders, and scores corrected for them."""

from __future__ import annotations

import shutil
from html import unescape
from pathlib import Path

import numpy as np
import pytest

import unbraid
from unbraid.errors import UsageError
from unbraid.evaluation.stored import read_scores
from unbraid.metrics.across_runs import across_runs
from unbraid.metrics.evaluate import evaluate
from unbraid.metrics.nulls import KINDS, MOST_ERROR, _beside, corrected, null_codes, standard_error
from unbraid.metrics.registry import metrics
from unbraid.metrics.samples import gather
from unbraid.metrics.score_table import nodes, null_rows, said_of_nulls
from unbraid.reporting.tables import score_rows

RUN = Path(__file__).parents[1] / "fixtures" / "runs_of_0_1" / "beta_vae"
QUICK = ("aam", "dcimig", "irs", "jemmig", "med", "mig", "mig_sup", "minimality", "mmig", "modularity", "sap")
FEW_VOTES = {"train_votes": 1500, "test_votes": 1500}
MODELS: dict[str, dict[str, object]] = {
    "beta_vae_score": FEW_VOTES,
    "factor_vae_score": FEW_VOTES,
    "z_max": FEW_VOTES,
    "dci": {},
    "dci_es": {},
    "explicitness": {},
    "fairness": {},
    "infomec": {},
    "linear_probe": {},
    "mcc": {},
    "r2": {},
    "tmex": {},
    "strong_generalization": {},
}
"""Metrics that take long: fewer draws, after which some scores have no correction yet."""
NOT_CORRECTED = {"dci_es", "fairness"}
"""Codes that know nothing, or everything linearly, are explicit and fair: null encoders leave no room."""


@pytest.fixture(scope="module")
def best():
    """Three factors as codes, with posterior variances."""
    factors = np.random.default_rng(0).integers(0, [2, 3, 4], size=(400, 3))
    codes = (factors - factors.mean(0)) / factors.std(0)
    return gather(codes, factors, variance=np.tile([0.01, 0.02, 0.04], (400, 1)), factor_names=["a", "b", "c"])


@pytest.fixture(scope="module")
def points(best):
    """The same without variances, of which scores take a millisecond."""
    return gather(best.codes, best.factors)


def test_random_codes_are_independent_of_factors(best):
    (codes,) = null_codes("random", best, 5, 1, 0)
    assert codes.codes.shape == codes.variance.shape == (400, 5)
    assert np.abs(np.corrcoef(codes.codes, best.codes, rowvar=False)[:5, 5:]).max() < 0.2
    assert codes.codes.std(0) == pytest.approx(1, abs=0.15)
    assert (codes.variance == 0.1).all()


def test_linear_codes_are_a_map_of_the_factors_and_their_variances(best):
    first, second = null_codes("linear", best, 5, 2, 0)
    weights, residuals, *_ = np.linalg.lstsq(best.codes, first.codes, rcond=None)
    assert residuals == pytest.approx(0, abs=1e-20)
    assert first.codes.std(0) == pytest.approx(1)
    assert first.variance == pytest.approx(np.tile([0.01, 0.02, 0.04] @ weights**2, (400, 1)))
    assert not np.allclose(first.codes, second.codes)


def test_weights_of_linear_codes_are_normal(best):
    maps = [np.linalg.lstsq(best.codes, own.codes, rcond=None)[0] for own in null_codes("linear", best, 40, 30, 0)]
    shares = np.concatenate([(weights / np.linalg.norm(weights, axis=0)) ** 2 for weights in maps], axis=1)
    assert shares.mean(1) == pytest.approx(1 / 3, abs=0.03)  # each factor has its share, whatever its number of values
    assert (shares**2).mean(1) == pytest.approx(3 / 15, abs=0.03)  # of a direction on the sphere: 3 / (K (K + 2))


def test_each_factor_is_copied_equally_often(best):
    drawn = list(null_codes("copied", best, 4, 8, 0))
    assert len(drawn) == 6
    copied = [{best.codes.T.tolist().index(column) for column in own.codes.T.tolist()} for own in drawn]
    assert all(len(own) == 1 for own in copied)
    assert set.union(*copied[:3]) == set.union(*copied[3:]) == {0, 1, 2}
    assert all(own.codes.shape == own.variance.shape == (400, 4) for own in drawn)
    assert len(list(null_codes("copied", best, 4, 2, 0))) == 2


def test_what_images_do_not_tell_is_not_copied(best):
    constant = best.with_codes(best.codes * [1, 0, 1], best.variance)
    assert all((own.codes.std(0) > 0).all() for own in null_codes("copied", constant, 4, 4, 0))
    assert all((own.codes.std(0) > 0).all() for own in null_codes("linear", constant, 4, 3, 0))


def test_of_factors_that_images_do_not_tell_null_codes_are_constant(best):
    """Linear ones have nothing to be scaled to, and map variances all the same; the first factor is copied."""
    nothing = best.with_codes(0 * best.codes, best.variance)
    (own,) = null_codes("linear", nothing, 5, 1, 0)
    drawn = np.random.default_rng([0, 1])
    drawn.permutation(1)
    assert (own.codes == 0).all()
    assert own.variance == pytest.approx(best.variance @ drawn.standard_normal((3, 5)) ** 2)
    (copy,) = null_codes("copied", nothing, 2, 1, 0)
    assert (copy.variance == 0.01).all()


def test_seeds_repeat_and_matter(best):
    for kind in ("random", "linear"):
        (first,), (again,), (other,) = (null_codes(kind, best, 3, 1, seed) for seed in (0, 0, 1))
        assert (first.codes == again.codes).all()
        assert (first.codes != other.codes).any()


def test_an_unknown_kind_is_refused(best):
    with pytest.raises(UsageError, match="no null encoder 'pca'; allowed: random, linear, copied"):
        next(null_codes("pca", best, 3, 1, 0))
    for nulls in (-1, 1):
        with pytest.raises(UsageError, match=f"nulls is {nulls}; allowed: 0 for none, or at least 2"):
            evaluate(best, nulls=nulls)


def test_the_correction_is_that_of_hubert_and_arabie():
    """Of their index: 0 for what is expected, 1 for the largest."""
    assert corrected(0.4, 0.4) == 0
    assert corrected(1.0, 0.4) == 1
    assert corrected(0.7, 0.4) == pytest.approx(0.5)
    assert corrected(0.1, 0.4) == pytest.approx(-0.5)
    assert corrected(6.0, 2.0, highest=10.0) == pytest.approx(0.5)


def test_copies_of_all_factors_have_no_error_of_their_choice():
    assert standard_error([1, 2, 3, 4]) == pytest.approx(np.std([1, 2, 3, 4], ddof=1) / 2)
    assert standard_error([1, 5, 9, 1, 5, 9], turn=3) == 0
    twice = [0, 5, 2, 7]  # two copies, each twice: a variance of 2 within both
    assert standard_error(twice, turn=2) == pytest.approx(np.sqrt(2 / 4))
    assert standard_error([1, 5], turn=2) == pytest.approx(2)  # one turn does not show what votes add
    assert standard_error([1]) == np.inf


def test_scores_are_corrected_for_the_mean_of_the_strictest_null(points):
    names = ("mig", "mig_sup")
    table = evaluate(points, metrics=names, intervals=0, nulls=200)
    for name in names:
        node = table[name]
        assert {kind: own["draws"] for kind, own in node["nulls"].items()} == {"random": 200, "linear": 200, "copied": 198}
        for own in node["nulls"].values():
            if "corrected" in own:
                assert own["corrected"] == pytest.approx((node["score"] - own["mean"]) / (1 - own["mean"]))
        assert node["null_of"] == "linear"
        assert node["null"] == node["nulls"]["linear"]["mean"] > node["nulls"]["random"]["mean"]
        assert node["corrected"] == node["nulls"]["linear"]["corrected"]
        assert node["nulls"]["linear"]["error"] <= MOST_ERROR
    assert table["mig"]["nulls"]["copied"]["mean"] == 0
    copied = table["mig_sup"]["nulls"]["copied"]
    assert copied["not_corrected"] == "it leaves less than 20% of the metric's range"
    assert "corrected" not in copied
    linear = [metrics["mig"].factory(own)["score"] for own in null_codes("linear", points, 3, 200, 0)]
    assert table["mig"]["null"] == pytest.approx(np.mean(linear))
    assert table["mig"]["nulls"]["linear"]["sd"] == pytest.approx(np.std(linear, ddof=1))


def test_room_is_a_share_of_the_range_of_the_metric():
    """A fifth of it, whatever it is: of -1 to 1, above 0.6 nothing is corrected; without a largest value nothing at all."""

    def beside(mean, bounds):
        return _beside(0.8, [{"score": mean}] * 2, "", bounds, 1)

    assert beside(0.6, (-1.0, 1.0))["corrected"] == pytest.approx(0.5)
    assert beside(0.7, (-1.0, 1.0))["not_corrected"] == "it leaves less than 20% of the metric's range"
    assert beside(0.7, (0.5, 1.0))["corrected"] == pytest.approx(1 / 3)
    assert beside(0.7, (0.0, np.inf)) == {"mean": 0.7, "sd": 0, "draws": 2, "not_corrected": "the metric has no largest value"}


def test_draws_that_are_needed_fall_with_the_square_of_the_error():
    """Scores of 0 and 0.1 in turn: after 4 draws their mean has an error of 0.05 / sqrt(3), and 0.95 of the range is left."""
    node = _beside(0.8, [{"score": score} for score in (0, 0.1, 0, 0.1)], "", (0.0, 1.0), 1)
    assert node["error"] == pytest.approx(0.05 / 3**0.5 / 0.95)
    assert node["draws_needed"] == np.ceil(4 * (0.05 / 0.95 / 0.01) ** 2 / 3) == 37


def test_null_codes_have_variances_where_codes_have(best):
    """Without them a definition that needs them would refuse null codes."""
    chosen = {"mig": {"definition": "do2020"}}
    nulls = evaluate(best, metrics=chosen, intervals=0, nulls=2)["mig"]["nulls"]
    assert {kind: own["draws"] for kind, own in nulls.items()} == dict.fromkeys(KINDS, 2)


def test_few_draws_correct_nothing_but_say_how_many_would(points):
    node = evaluate(points, metrics=["mig"], intervals=0, nulls=3)["mig"]
    assert (node["null_of"], node["nulls"]["linear"]["not_corrected"]) == ("linear", "so few draws do not show its mean")
    assert "corrected" not in node  # and it is not corrected for a milder null encoder in its place
    assert node["nulls"]["linear"]["draws_needed"] > 3
    assert node["nulls"]["random"]["corrected"] == pytest.approx(node["score"], abs=0.01)


def test_nothing_changes_for_those_who_do_not_ask(points):
    table = evaluate(points, metrics=["mig"], intervals=0)
    assert not {"nulls", "null", "null_of", "corrected"} & set(table["mig"])
    asked = evaluate(points, metrics=["mig"], intervals=0, nulls=2)
    assert {key: value for key, value in asked["mig"].items() if key in table["mig"]} == dict(table["mig"])


def test_a_metric_that_refuses_a_null_encoder_says_so():
    factors = np.random.default_rng(0).integers(0, [2, 3], size=(300, 2))
    table = evaluate(factors * 1.0, factors, metrics={"infomec": {"definition": "hsu2023_discrete"}}, intervals=0, nulls=2)
    assert "it: " in table["infomec"]["nulls"]["random"]["not_corrected"]
    assert "mean" not in table["infomec"]["nulls"]["random"]
    assert table["infomec"]["nulls"]["copied"]["mean"] >= 0


def test_tables_show_them(points):
    table = evaluate(points, metrics=["mig", "mig_sup"], intervals=0, nulls=200, references=False)
    head, *rows = null_rows(table.scores)
    assert head == ["metric", *KINDS]
    assert rows[1][3] == "(1.000 ± 0.000)"
    for text in (str(table), unescape(table._repr_html_())):
        assert "corrected" in text
        assert "linear of mig, mig_sup." in text
        assert "Not corrected for copied: mig_sup; it leaves less than 20% of the metric's range." in text
    assert null_rows(evaluate(points, metrics=["mig"], intervals=0).scores) == []
    assert said_of_nulls({}) == []


def test_means_over_runs_have_the_correction(points):
    runs = [evaluate(points, metrics=["mig"], intervals=0, nulls=200, seed=seed) for seed in (0, 1)]
    mean = across_runs(runs)["mig"]
    assert mean["corrected"] == pytest.approx(np.mean([run["mig"]["corrected"] for run in runs]))
    assert mean["null"] == pytest.approx(np.mean([run["mig"]["null"] for run in runs]))


def test_a_run_keeps_its_corrected_scores_and_its_report_shows_them(tmp_path):
    shutil.copytree(RUN, tmp_path / "run")
    table = unbraid.evaluate(tmp_path / "run", metrics=["sap"], limit=300, nulls=3, overwrite=True)
    stored = read_scores(tmp_path / "run" / "metrics.json").metrics["sap"]
    assert stored["nulls"]["linear"]["mean"] == pytest.approx(table["sap"]["nulls"]["linear"]["mean"])
    assert stored["nulls"]["copied"] == pytest.approx(table["sap"]["nulls"]["copied"])
    columns = score_rows({"metrics": {"sap": stored}}, [], []).columns
    assert {"null", "ceiling"} <= set(columns)


def corrected_nulls(chosen, best, latents, draws):
    """Per metric, part and kind, the mean corrected score of other draws of that null encoder."""
    samples = best.with_codes(np.tile(best.codes, latents // 3))
    table = evaluate(samples, metrics=chosen, intervals=0, references=False, nulls=draws, seed=1)
    for kind in KINDS:
        found: dict[tuple[str, str], list[float]] = {}
        for number, own in enumerate(null_codes(kind, best, latents, draws, 2)):
            for name, options in chosen.items():
                seeded = {"seed": 1000 + number} if "seed" in metrics[name].options else {}
                for part, node in nodes(dict(metrics[name].factory(own, **options, **seeded))):
                    found.setdefault((name, part), []).append(node["score"])
        for (name, part), scores in found.items():
            null = dict(nodes(table[name]))[part]["nulls"][kind]
            if "corrected" in null:
                yield f"{name} {part}, {kind}", corrected(float(np.mean(scores)), null["mean"])


@pytest.mark.parametrize(("names", "draws"), [({name: {} for name in QUICK}, 300), (MODELS, 30)], ids=["quick", "models"])
def test_null_encoders_get_nothing(names, draws):
    """Corrected for it, a null encoder gets 0 up to 0.02, on average over draws that the correction has not seen.

    Latents by the dozen, so that draws of a linear map differ little.
    """
    rng = np.random.default_rng(0)
    factors = rng.integers(0, [3, 4, 5], size=(600, 3))
    best = gather((factors - factors.mean(0)) / factors.std(0), factors)
    found = dict(corrected_nulls(names, best, 12, draws))
    assert {name.partition(" ")[0] for name in found} - NOT_CORRECTED == set(names) - NOT_CORRECTED
    assert not [name for name in found if name.startswith(tuple(f"{own} ," for own in NOT_CORRECTED))]
    far = {name: round(value, 3) for name, value in found.items() if abs(value) > 0.02}
    assert not far


def test_every_metric_is_corrected_or_says_why(points):
    assert {entry.name for entry in metrics} == {*QUICK, *MODELS}
    for name in NOT_CORRECTED:
        node = evaluate(points, metrics=[name], intervals=0, references=False, nulls=3)[name]
        assert "corrected" not in node
        assert all(null["not_corrected"] for null in node["nulls"].values())
