"""Losses are rows of one table, whoever prints them."""

from __future__ import annotations

import io
import math

import pytest
from msgspec import UNSET

from unbraid.cli import tables
from unbraid.cli.console import _Console
from unbraid.evaluation.loss_rows import Bound, Estimate, KLParts, SplitLosses, kl_rows, loss_rows
from unbraid.evaluation.stored import Scores
from unbraid.reporting.tables import kl_part_table, loss_table


def scores(**changes) -> Scores:
    bound = Bound(-50.25, 0.5, 256, 64)
    terms = {"nll": 41.0, "kl": 9.0, "tc_mss": 1.5, "hsic": 0.25}
    train = SplitLosses(90, 40.0, 38.5, terms, bound, 12.0, 50.0)
    parts = KLParts(9.0, Estimate(5.0, 0.1), Estimate(1.5, 0.2), 2.5, 100)
    fields = {
        "step": 3,
        "images": 100,
        "of_images": 100,
        "splits": {"train": train, "test": SplitLosses(10, 42.0, 39.5, terms, bound, 12.0, 52.0)},
        "kl_per_dim": [9.0],
        "active": [True],
        "metrics": {},
        "units": {"hsic": "number"},
        "labels": {"hsic": "Dependence"},
        "kl_parts": parts,
    }
    return Scores(**fields | changes)


def test_the_command_line_reports_and_python_show_the_same_rows(monkeypatch):
    file = io.StringIO()
    monkeypatch.setattr(tables, "out", _Console(file=file, width=200, markup=False))
    one = scores()
    tables.print_scores(one)
    printed = file.getvalue()
    labels = [row.label.strip() for row in one.loss_rows()]
    assert labels == [
        "Reconstruction, z drawn",
        "Reconstruction, at the mean",
        "of it constant",
        "KL to the prior",
        "Total correlation, from batches (mss)",
        "Dependence (number)",
        "Loss as trained (weighted sum)",
        "-log p(x), at most",
    ]
    assert [row[0] for row in loss_table(one).rows] == labels
    for label in labels:
        assert label in printed
        assert label in str(one)
        assert label in one._repr_html_()
    for row in kl_rows(one.kl_parts):
        assert row.label in printed
        assert row.label.strip() in [cells[0] for cells in kl_part_table(one.kl_parts).rows]
    assert "50.25 ± 0.50" in printed
    assert "50.25 ± 0.50" in str(one)
    assert loss_table(one).rows[-1] == ("-log p(x), at most", "50.25 ± 0.50", "50.25 ± 0.50")


def test_values_stand_under_their_split():
    (drawn, mean, constant, *_, loss, _) = scores().loss_rows()
    assert (drawn.values, mean.values, constant.values, loss.values) == ([40.0, 42.0], [38.5, 39.5], [12.0] * 2, [50.0, 52.0])


@pytest.mark.parametrize(("constant", "loss"), [(UNSET, UNSET), (0.0, UNSET)])
def test_what_no_split_has_is_no_row(constant, loss):
    bound = Bound(None, None, 256, 64)
    rows = loss_rows({"train": SplitLosses(90, 40.0, 38.5, {"kl": None}, bound, constant, loss)})
    assert [row.label for row in rows] == ["Reconstruction, z drawn", "Reconstruction, at the mean"]


def test_parts_of_the_kl_add_up_and_say_how_much_would_tell_images_apart():
    kl, *parts = kl_rows(scores().kl_parts)
    assert kl.values[0] == sum(part.values[0] for part in parts)
    assert f"{math.log(100):.2f}" in parts[0].about
