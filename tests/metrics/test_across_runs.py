import numpy as np
import pytest

from unbraid.cli.tables import print_metrics
from unbraid.errors import UsageError
from unbraid.metrics.across_runs import across_runs
from unbraid.metrics.intervals import mean_interval
from unbraid.metrics.score_table import above_ceiling


def run(score, other=0.5):
    return {
        "mig": {"score": score, "per_factor": {"x": score, "y": 0.0}, "ceiling": 0.9, "chance": 0.0},
        "dci": {"score": other, "completeness": {"score": 1 - other, "per_factor": {"x": other, "y": other}}},
    }


def test_means_of_scores_parts_and_factors_with_student_intervals():
    mean = across_runs([run(0.2), run(0.4), run(0.3, other=0.2)])
    assert mean["mig"]["score"] == pytest.approx(0.3)
    assert mean["mig"]["sd"] == pytest.approx(0.1)
    half = 4.302653 * 0.1 / np.sqrt(3)  # t of 2 degrees of freedom
    assert mean["mig"]["interval"] == pytest.approx([0.3 - half, 0.3 + half], abs=1e-6)
    assert mean["mig"]["per_factor"] == pytest.approx({"x": 0.3, "y": 0.0})
    assert mean["mig"]["ceiling"] == pytest.approx(0.9)
    assert "chance" not in mean["dci"]
    assert mean["dci"]["completeness"]["score"] == pytest.approx(0.6)
    assert mean["dci"]["completeness"]["per_factor"]["y"] == pytest.approx(0.4)
    assert mean["mig"]["runs"] == 3


def test_intervals_stay_in_the_range_of_the_metric():
    ends = across_runs([run(0.0), run(0.02)])["mig"]["interval"]
    assert ends[0] == 0.0
    assert ends[1] == pytest.approx(mean_interval([0.0, 0.02])[1])
    assert across_runs([run(1.0), run(0.9)])["mig"]["interval"][1] == 1.0


def test_of_scores_that_are_no_metric_s_the_interval_has_no_bounds():
    ends = across_runs([{"own": {"score": -5.0}}, {"own": {"score": 3.0}}])["own"]["interval"]
    assert ends == pytest.approx(mean_interval([-5.0, 3.0]))


def test_what_one_run_lacks_has_no_mean():
    whole, bare = run(0.2), {"mig": {"score": 0.4}, "dci": run(0.2)["dci"]}
    for runs in ([whole, bare], [bare, whole]):
        assert set(across_runs(runs)["mig"]) == {"score", "runs", "sd", "interval"}


@pytest.mark.parametrize("place", [0, 1])
def test_a_score_that_is_not_finite_in_one_run_has_no_mean(place):
    runs = [run(0.2), run(0.4)]
    runs[place]["mig"] |= {"score": None, "chance": None, "per_factor": {"x": None, "y": 0.5}}
    mean = across_runs(runs)
    assert mean["mig"] == {
        "score": None,
        "runs": 2,
        "ceiling": pytest.approx(0.9),
        "per_factor": {"x": None, "y": pytest.approx(0.25)},
    }
    assert mean["dci"]["score"] == 0.5
    assert above_ceiling(mean) == []
    print_metrics(mean)  # and shows dashes


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ({"score": 0.95, "ceiling": 0.9}, True),
        ({"score": None, "untrained": 0.95, "ceiling": 0.9}, True),
        ({"score": 0.95, "untrained": None, "ceiling": None}, False),
        ({"score": None, "untrained": None, "ceiling": 0.9}, False),
        ({"score": float("nan"), "ceiling": 0.9}, False),
    ],
)
def test_null_is_above_no_ceiling(node, said):
    assert bool(above_ceiling({"mig": node})) is said


def test_one_run_has_no_interval_and_none_no_mean():
    assert "interval" not in across_runs([run(0.3)])["mig"]
    with pytest.raises(UsageError, match="no runs"):
        across_runs([])
    with pytest.raises(UsageError, match="Run 1 was scored by mig, run 0 by dci, mig"):
        across_runs([run(0.3), {"mig": {"score": 1.0}}])
