"""Tables and the headline of a comparison say what the numbers say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from unbraid.metrics.intervals import mean_interval
from unbraid.reporting.contrasts import (
    Compared,
    Quantity,
    beside_headline,
    difference_tables,
    headline,
    nats_table,
    score_table,
)

FIRST, SECOND, THIRD = (0.1, 0.12, 0.11), (0.5, 0.52, 0.48), (0.4, 0.6)


def compared(*values, key="mig", **more):
    one = Quantity(key, "MIG", values, (0.01, 0.9), (0.0, 1.0), **more)
    return Compared(tuple("abc"[: len(values)]), tuple(map(len, values)), (one,), ())


def test_scores_are_means_with_intervals_beside_chance_and_ceiling():
    table = score_table(compared(FIRST, (0.7,)))
    assert table.columns == ("metric", "a (3)", "b (1)", "chance", "ceiling")
    low, high = mean_interval(FIRST)
    assert table.rows == (("MIG", f"0.110 ({low:.3f} to {high:.3f})", "0.700", "0.010", "0.900"),)


def test_intervals_end_where_scores_do():
    assert score_table(compared((0.9, 1.0))).rows[0][1].endswith("to 1.000)")


def test_counts_have_the_least_and_the_largest_and_no_interval():
    one = Quantity("active", "Active latents (count)", ((6.0, 10.0), (3.0, 3.0)), digits=1, better=0, counts=True)
    made = Compared(("a", "b"), (2, 2), (), (one,))
    assert nats_table(made).rows == (("Active latents (count)", "8.0 (6 to 10)", "3.0 (3 to 3)"),)
    assert difference_tables(made).rows == (("Active latents (count)", "–", "−5.0"),)


def test_differences_are_of_each_to_the_first_with_welchs_interval_and_a_star_where_it_leaves_out_0():
    table = difference_tables(compared(FIRST, SECOND, THIRD))
    assert table.columns == ("", "better is", "b", "c")
    welch = stats.ttest_ind(SECOND, FIRST, equal_var=False).confidence_interval(0.95)
    assert table.rows[0][1:3] == ("more", f"+0.390 (+{welch.low:.3f} to +{welch.high:.3f}) * better")
    wide = stats.ttest_ind(THIRD, FIRST, equal_var=False).confidence_interval(0.95)
    assert wide.low < 0 < wide.high
    assert table.rows[0][3] == f"+0.390 ({wide.low:.3f} to +{wide.high:.3f})".replace("-", "−")
    assert difference_tables(compared(FIRST)) is None
    assert difference_tables(compared(SECOND, (0.3,))).rows[0][2] == "−0.200"


@pytest.mark.parametrize(("better", "says"), [(1, "* worse"), (-1, "* better"), (0, "*")])
def test_a_star_says_which_way_is_better(better, says):
    assert difference_tables(compared(SECOND, FIRST, better=better)).rows[0][2].endswith(f") {says}")


def test_the_headline_names_the_best_and_whether_that_may_be_chance_or_is_a_tie():
    said = headline(compared(FIRST, SECOND))
    assert said.startswith("By MIG, b comes first with 0.50, before a with 0.11. The difference is 0.39 (95 % interval ")
    assert said.endswith("more than seeds explain.")
    near = headline(compared(FIRST, THIRD))
    assert near.startswith("By MIG, b has 0.50 and a 0.11.")
    assert near.endswith("no more than seeds may explain.")
    assert "what other seeds would give is unknown" in headline(compared(FIRST, (0.7,)))
    assert headline(compared((0.120, 0.121), (0.121, 0.122))) == "By MIG, b (0.12) and a (0.12) tie."
    assert headline(compared(FIRST)).startswith("MIG is 0.110 (")
    assert "compared by their losses" in headline(Compared(("a",), (1,), (), ()))


def test_the_headline_is_about_a_score_that_is_chosen_for_a_reason_and_says_what_others_say():
    def one(key, *values):
        return Quantity(key, key.upper(), values)

    scores = (one("aam", (0.9,), (0.1,)), one("sap", (0.3,), (0.3,)), one("mig", (0.2,), (0.4,)), one("irs", (0.1,), (0.2,)))
    made = Compared(("a", "b"), (1, 1), scores, ())
    assert headline(made).startswith("By MIG, b has 0.40 and a 0.20;")
    said = beside_headline(made)
    assert said.startswith("The headline takes MIG since it asks of every factor how far one latent is ahead")
    assert said.endswith(
        "It puts b ahead of a: of 3 other scores 1 agrees, 1 puts it behind and 1 calls it a tie, seeds left aside."
    )
    without = Compared(("a", "b"), (1, 1), scores[:1], ())
    assert beside_headline(without) == "The headline takes AAM since it is the first that all runs were scored by."


def test_missing_values_are_dashes_and_make_no_headline():
    assert "compared by their losses" in headline(compared((np.nan, 0.1), (0.2, 0.3)))
    table = difference_tables(compared((np.nan, 0.1), (0.2, 0.3)))
    assert table.rows[0][2] == "–"


@pytest.mark.parametrize("n", [8, 3])
def test_wide_tables_are_turned_on_their_side(n):
    one = Quantity("mig", "MIG", tuple((float(j),) for j in range(n)), (0.0, 1.0))
    table = score_table(Compared(tuple(map(str, range(n))), (1,) * n, (one,), ()))
    assert table.columns[0] == "metric"
    assert (table.columns[1] == "MIG") == (n == 8)
    cells = [row[0] for row in table.rows] if n == 8 else list(table.columns[1:])
    assert cells == [*(f"{j} (1)" for j in range(n)), "chance", "ceiling"]
