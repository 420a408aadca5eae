"""Factors that are not scored: their columns are left out of every table and figure, and it is said why."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image

import unbraid
from helpers.page_reader import read
from helpers.small_runs import SMALL
from unbraid.api import view_of
from unbraid.cli.tables import print_scores
from unbraid.codes import CodeTable
from unbraid.evaluation.scores import information_shares, samples_of
from unbraid.evaluation.stored import read_scores
from unbraid.explorer.measured import measure, take_sample
from unbraid.metrics.information.definitions import information
from unbraid.metrics.samples import gather
from unbraid.studies.evidence import SHARES

REASONS = ["color has a single value", "speed has 96 values in 96 samples"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs on pictures of spots with a table whose columns are: the file, a constant, a number per image, x, light."""
    folder = tmp_path_factory.mktemp("left_out")
    (folder / "spots").mkdir()
    rows = []
    for i in range(96):
        x, light = i % 4, (i // 4) % 6
        pixels = np.zeros((28, 28), np.uint8)
        pixels[10:17, 7 * x : 7 * x + 7] = 80 + 35 * light
        Image.fromarray(pixels).save(folder / "spots" / f"{i:02d}.png")
        rows.append([f"{i:02d}.png", 7, i, x, light])
    with (folder / "known.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["filename", "color", "speed", "x", "light"], *rows[::-1]])
    made = []
    for seed in (0, 1):
        data = {"table": str(folder / "known.csv"), "size": 28, "channels": 1}
        unbraid.train("vae", f"folder:{folder / 'spots'}", out=folder / f"r{seed}", device="cpu", seed=seed, **SMALL, **data)
        unbraid.evaluate(folder / f"r{seed}", device="cpu", metrics=["mig", "dci"])
        made.append(folder / f"r{seed}")
    return made


def test_studies_keep_shares_under_the_names_of_scored_factors(runs):
    view = view_of(runs[0], device="cpu")
    kept = SHARES.make(view)
    assert kept["factors"] == ["x", "light"]
    np.testing.assert_allclose(kept["shares"], view.shares, atol=1e-4)


def test_scores_say_what_was_left_out_and_which_columns_are_whose(runs, capsys):
    scores, table = read_scores(runs[0] / "metrics.json"), CodeTable.load(runs[0] / "codes.npz")
    assert table.factor_names == ("color", "speed", "x", "light")
    assert scores.factors == ["x", "light"]
    own = gather(table.mean, table.factors[:, 2:], variance=table.variance)
    np.testing.assert_array_equal(scores.information_shares, information(own).shares)
    assert [doubt for doubt in scores.doubts if "left out" in doubt] == [
        f"{reason}, so it is left out of every score." for reason in REASONS
    ]
    assert set(scores.metrics["mig"]["per_factor"]) == {"x", "light"}
    print_scores(scores)
    printed = capsys.readouterr().out
    for reason in REASONS:
        assert printed.count(reason) == 1
    assert all(reason in str(scores) and reason in scores._repr_html_() for reason in REASONS)


def test_adding_metrics_keeps_what_was_said(runs):
    asked = unbraid.evaluate(runs[1], device="cpu", metrics=["irs"])
    scores = read_scores(runs[1] / "metrics.json")
    assert list(scores.metrics) == ["mig", "dci", "irs"]
    assert len(set(scores.doubts)) == len(scores.doubts)
    for reason in REASONS:
        assert sum(reason in doubt for doubt in scores.doubts) == 1
        assert any(reason in doubt for doubt in asked.cautions)


def test_reports_show_the_other_factors_alone_and_how_the_table_was_read(runs, tmp_path):
    page = read(view_page := unbraid.report(runs[0]).read_text())
    heads = [text for text in ("color", "speed") if f">{text}</th>" in view_page or f">{text}\n" in view_page]
    assert heads == []
    assert ">x</th>" in view_page
    assert "Scores to read with care. " + REASONS[0] in page.text
    assert "color is not coded" not in page.text
    view = view_of(runs[0], device="cpu")
    assert view.dataset.notes
    assert all(note in page.text for note in view.dataset.notes)
    assert str(runs[0].parent) not in view_page, "where files lie is no part of a page that is passed on"
    together = read(unbraid.report(*runs, out=tmp_path / "both.html").read_text())
    assert "Scores to read with care" in together.text
    assert unbraid.figure("assignment", *runs) is not None


def test_scores_of_all_columns_as_version_0_1_wrote_them_are_worked_out_anew(runs):
    view = view_of(runs[0], device="cpu")
    view.scored["information_shares"] = [[0.0, 0.9, *row] for row in view.scored["information_shares"]]
    np.testing.assert_allclose(view.shares, information_shares(samples_of(view.table)))
    scores = read_scores(runs[0] / "metrics.json")
    scores.factors, scores.information_shares = [], view.scored["information_shares"]
    print_scores(scores)


def test_the_explorer_says_null_of_them(runs):
    model, dataset = unbraid.load(runs[0]), view_of(runs[0]).dataset
    sample = take_sample(dataset, 4)
    shares = json.loads(json.dumps(measure(model, sample, sample.pixels).shares))
    assert all(row[:2] == [None, None] and None not in row[2:] for row in shares)
