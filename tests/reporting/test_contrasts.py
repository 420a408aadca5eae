"""Tables and the headline of a comparison say what the numbers say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from unbraid.metrics.intervals import mean_interval
from unbraid.reporting.contrasts import Compared, Quantity, difference_tables, headline, score_table

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


def test_differences_are_of_each_to_the_first_with_welchs_interval_and_a_star_where_it_leaves_out_0():
    table = difference_tables(compared(FIRST, SECOND, THIRD))
    assert table.columns == ("", "b", "c")
    welch = stats.ttest_ind(SECOND, FIRST, equal_var=False).confidence_interval(0.95)
    assert table.rows[0][1] == f"+0.390 (+{welch.low:.3f} to +{welch.high:.3f}) *"
    wide = stats.ttest_ind(THIRD, FIRST, equal_var=False).confidence_interval(0.95)
    assert wide.low < 0 < wide.high
    assert table.rows[0][2] == f"+0.390 ({wide.low:.3f} to +{wide.high:.3f})".replace("-", "−")
    assert difference_tables(compared(FIRST)) is None
    assert difference_tables(compared(SECOND, (0.3,))).rows[0][1] == "−0.200"


def test_the_headline_names_the_best_and_whether_that_may_be_chance():
    said = headline(compared(FIRST, SECOND))
    assert said.startswith("By MIG, b comes first with 0.50, before a with 0.11. The difference is 0.39 (95 % interval ")
    assert said.endswith("more than seeds explain.")
    assert headline(compared(FIRST, THIRD)).endswith("no more than seeds may explain.")
    assert "nobody knows what other seeds would say" in headline(compared(FIRST, (0.7,)))
    assert headline(compared(FIRST)).startswith("MIG is 0.110 (")
    assert "compared by their losses" in headline(Compared(("a",), (1,), (), ()))


def test_missing_values_are_dashes_and_make_no_headline():
    assert "compared by their losses" in headline(compared((np.nan, 0.1), (0.2, 0.3)))
    table = difference_tables(compared((np.nan, 0.1), (0.2, 0.3)))
    assert table.rows[0][1] == "–"


@pytest.mark.parametrize("n", [8, 3])
def test_wide_tables_are_turned_on_their_side(n):
    one = Quantity("mig", "MIG", tuple((float(j),) for j in range(n)), (0.0, 1.0))
    table = score_table(Compared(tuple(map(str, range(n))), (1,) * n, (one,), ()))
    assert table.columns[0] == "metric"
    assert (table.columns[1] == "MIG") == (n == 8)
    cells = [row[0] for row in table.rows] if n == 8 else list(table.columns[1:])
    assert cells == [*(f"{j} (1)" for j in range(n)), "chance", "ceiling"]
