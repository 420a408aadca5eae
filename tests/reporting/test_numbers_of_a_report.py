"""Every number of a report is what its codes, scores and log give, worked out here anew; captions say how."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from helpers.page_reader import read
from unbraid.api import view_of
from unbraid.codes import CodeTable
from unbraid.data.factor_space import Factor
from unbraid.data.sets.ellipses import ellipses_space
from unbraid.evaluation.encoding import encode_posteriors
from unbraid.evaluation.scores import posterior_samples, reference_arguments, samples_of
from unbraid.files import read_json
from unbraid.metrics.aggregate_posterior import kl_decomposition
from unbraid.metrics.dci import dci, disentanglement_of, importances
from unbraid.metrics.evaluate import evaluate
from unbraid.metrics.information.definitions import IN_WORDS, information
from unbraid.metrics.mig import mig
from unbraid.randomness import derived_seed
from unbraid.reporting.headline import Finding
from unbraid.reporting.numbers import score_name
from unbraid.reporting.page import circles, render
from unbraid.reporting.tables import facts, parts_of
from unbraid.training.run import CODES, ENVIRONMENT


def cells_of(source: str, prefix: str) -> list[str]:
    """Percentages written in a heat map, row by row."""
    start = source.index(f'id="{prefix}-')
    return re.findall(r">(\d+) %</text>", source[source.rindex("<svg", 0, start) : source.index("</svg>", start)])


def rows_of(source: str) -> dict[str, list[str]]:
    """The cells of every row of every table, by the row's heading."""
    found = {}
    for row in re.findall(r'<tr><th scope="row">(.*?)</tr>', source):
        head, *cells = re.split(r"</th><td[^>]*>|</td><td[^>]*>|</td>", row)
        found[re.sub(r"<small>.*?</small>", "", head)] = [re.sub(r"<[^>]+>", "", cell) for cell in cells]
    return found


def close(text: str, value: float) -> bool:
    digits = len(text.partition(".")[2])
    return abs(float(text.replace("−", "-").replace(",", "")) - value) <= 0.51 * 10**-digits


@pytest.fixture(scope="module")
def source(trained):
    return render(view_of(trained[0], device="cpu"))


@pytest.fixture(scope="module")
def table(trained):
    return CodeTable.load(trained[0] / CODES)


def active(table: CodeTable) -> list[int]:
    """Active latents by falling KL, or all where none is."""
    mean, variance = table.mean.astype(np.float64), table.variance.astype(np.float64)
    live = mean.var(0) / (mean.var(0) + variance.mean(0)) >= 0.05
    return [j for j in np.argsort(-table.kl, kind="stable") if live[j] or not live.any()]


def test_the_heat_map_holds_the_shares_by_the_definition_that_its_caption_names(source, table):
    samples = samples_of(table)
    (named,) = [name for name, words in IN_WORDS.items() if f"knows, {words}." in read(source).text]
    shares = information(samples, named).shares
    assert cells_of(source, "information") == [f"{100 * share:.0f}" for j in active(table) for share in shares[j]]
    other = information(samples, "locatello2019").shares
    assert not np.allclose(shares, other, atol=0.005), "the caption could not be told from another"


def test_latents_are_named_with_their_kl_and_the_factor_that_they_follow(source, table):
    shares = information(samples_of(table)).shares
    for j in active(table):
        amount = f"{table.kl[j]:.{1 if table.kl[j] >= 0.1 else 2}f}"
        best = shares[j].argmax()
        follows = f" · {table.factor_names[best]}" if shares[j, best] >= 0.15 and len(active(table)) < 3 else ""
        assert f"z{j} · {amount} nats{follows}" in source


def test_tiles_and_the_kl_and_its_parts(source, table):
    held = table.is_test
    tiles = dict(re.findall(r'<dt>([^<]+)</dt><dd><span class="value">([^<]+)</span>', source))
    assert close(tiles["Reconstruction"], table.nll_mean[held].mean())
    assert close(tiles["Total KL"], table.kl.sum())
    assert tiles["Images seen"] == f"{12 * 16}"
    assert tiles["Steps"] == "12"
    live = table.mean.astype(np.float64).var(0)
    live = (live / (live + table.variance.astype(np.float64).mean(0)) >= 0.05).sum()
    assert tiles["Active latents"] == f"{live} of {table.latent_dim}"
    assert set(tiles) == {"Steps", "Images seen", "Reconstruction", "Total KL", "Active latents"}
    parts = kl_decomposition(table.mean, table.variance, rng=np.random.default_rng(derived_seed(0, "aggregate", 12)))
    rows = rows_of(source)
    assert close(rows["Mutual information"][0].split(" ")[0], parts.mi.value)
    assert close(rows["Total correlation"][0].split(" ")[0], parts.tc.value)
    assert close(rows["Dimension-wise KL"][0], parts.dimension_wise_kl)
    for name, values in (("Reconstruction, z drawn", table.nll_sample), ("Reconstruction, at the mean", table.nll_mean)):
        assert all(close(cell, values[rows_in].mean()) for cell, rows_in in zip(rows[name], (~held, held), strict=False))


def test_scores_and_their_parts(source, table):
    samples, rows = samples_of(table), rows_of(source)
    found = mig(samples)
    assert close(rows["MIG"][0], found["score"])
    for part, value in dci(samples).items():
        if isinstance(value, dict):
            assert close(rows[f"DCI {part}"][0], value["score"])
    assert "DCI" not in rows, "no single number stands for three"
    heads = re.search(r'<table class="numbers scores">\s*<thead><tr>(.*?)</tr>', source)[1]
    columns = re.findall(r">([^<]+)</th>", heads)[1:]
    for factor, value in found["per_factor"].items():
        assert close(rows["MIG"][columns.index(factor)], value)
    assert "95 %" not in columns, "a column of dashes is left out"


def test_every_cell_of_the_table_of_scores(source, table, trained):
    view = view_of(trained[0], device="cpu")
    index, untrained = table.index, view.experiment.build()
    mean, variance = encode_posteriors(untrained, view.dataset, index=index, device=torch.device("cpu"))
    names = list(view.scored["metrics"])
    found = evaluate(
        samples_of(table),
        metrics=names,
        intervals=0,
        untrained=posterior_samples(mean, variance, table.factors, table.factor_names),
        **reference_arguments(view.dataset, index),
    )
    body = re.search(r'<table class="numbers scores">(.*?)</table>', source, re.DOTALL)[1]
    columns, rows = re.findall(r'<th scope="col">([^<]+)</th>', body)[1:], rows_of(body)
    expected = {score_name(key): node for name in names for key, node in parts_of(name, found[name]).items()}
    assert list(rows) == list(expected)
    for name, node in expected.items():
        values = {**node, **{factor.replace("_", " "): value for factor, value in node.get("per_factor", {}).items()}}
        for column, cell in zip(columns, rows[name][:-1], strict=True):
            value = values.get(column)
            assert cell == "–" if value is None else close(cell, value), (name, column)


def test_every_row_of_the_losses(source, table, trained):
    splits, held = view_of(trained[0]).scored["splits"], table.is_test
    body = re.search(r'<section id="losses">.*?<table[^>]*>(.*?)</table>', source, re.DOTALL)[1]
    rows = rows_of(body)
    expected = {  # of each split: what codes.npz holds, or where weights are needed what metrics.json does
        "Loss as trained (weighted sum)": lambda split, rows: splits[split]["terms"]["nll"] + splits[split]["terms"]["kl"],
        "Reconstruction, z drawn": lambda split, rows: table.nll_sample[rows].mean(),
        "Reconstruction, at the mean": lambda split, rows: table.nll_mean[rows].mean(),
        "KL to the prior": lambda split, rows: kl_of_normals(table, rows),
        "-log p(x), at most": lambda split, rows: -splits[split]["log_p_bound"]["value"],
    }
    assert set(rows) == set(expected)
    for name, of in expected.items():
        for cell, (split, rows_in) in zip(rows[name][:-1], (("train", ~held), ("test", held)), strict=True):
            assert close(cell.split(" ")[0], of(split, rows_in)), (name, split)
    heads = re.findall(r"\((\d+)\)</th>", body)
    assert heads == [str((~held).sum()), str(held.sum())]


def kl_of_normals(table: CodeTable, rows: np.ndarray) -> float:
    mean, variance = table.mean[rows].astype(np.float64), table.variance[rows].astype(np.float64)
    return float((0.5 * (mean**2 + variance - 1 - np.log(variance))).sum(1).mean())


def test_ranges_of_traversals_and_of_position_maps(source, table):
    mean, variance = table.mean.astype(np.float64), table.variance.astype(np.float64)
    center, deviation = mean.mean(0), np.sqrt(mean.var(0) + variance.mean(0))
    x, y = (table.factors[:, table.factor_names.index(name)] for name in ("x", "y"))
    glance = source[source.index('<section id="glance">') : source.index("</section>", source.index('<section id="glance">'))]
    shown = re.findall(r"<figcaption>z(\d+) · [^<]*<small>(\S+) to (\S+)</small>", glance)
    assert {int(j) for j, _, _ in shown} == set(range(table.latent_dim))
    for j, low, high in shown:
        ends = center[int(j)] + 2 * deviation[int(j)] * np.array([-1, 1])
        assert close(low, ends[0])
        assert close(high, ends[1])
    maps = re.findall(r'alt="Mean of z(\d+) over position, (\S+) to (\S+)"', source)
    assert [int(j) for j, _, _ in maps] == active(table)
    for j, low, high in maps:
        means = [mean[(x == a) & (y == b), int(j)].mean() for a in np.unique(x) for b in np.unique(y)]
        for told, value in ((low, min(means)), (high, max(means))):
            assert float(told.replace("−", "-")) == pytest.approx(value, rel=0.06, abs=0.006)


def test_the_matrix_of_dci(source, table):
    samples = samples_of(table)
    matrix, _ = importances(samples, "forest", 0)
    live = active(table)
    # of a factor that no latent knows on its own, nothing has importance
    shares = np.divide(matrix[live], matrix.sum(0), out=np.zeros_like(matrix[live]), where=matrix.sum(0) > 0)
    assert cells_of(source, "importance") == [f"{100 * share:.0f}" for share in shares.ravel()]
    complete, _ = disentanglement_of(matrix.T)
    drawn = source[source.index('id="importance-') :]
    assert re.findall(r">C ([\d.]+)</text>", drawn) == [f"{value:.2f}" for value in complete]
    assert drawn.split("</svg>")[0].count("var(--kind-1, #d55e00)") == (shares >= 0.5).sum()


def test_what_is_recorded_of_time_and_place_stands_at_the_top(trained):
    view = view_of(trained[0], device="cpu")
    recorded = read_json(trained[0] / ENVIRONMENT, "environment")
    assert f"folder {trained[0].name}" in read(render(view)).text
    told = {**recorded, "started": "2026-11-29T19:06:22+00:00", "seconds": 432.4, "commit": "0123456789abcdef", "threads": 2}
    assert facts({**told, "device": "cpu"}, "x") == [
        "trained 2026-11-29 19:06 UTC in 7 min 12 s on cpu with 2 threads",
        "commit 0123456789",
        "folder x",
    ]
    assert facts({}, "x") == ["folder x"]


def test_scores_say_where_they_stand_what_they_do_not_see(own_latents_table):
    case = own_latents_table
    case.scored["metrics"]["beta_vae_score"] = {
        "score": 1.0, "chance": 0.25, "ceiling": 1.0, "per_factor": dict.fromkeys(case.table.factor_names, 1.0)
    }  # fmt: skip
    text = case.page()
    assert "Orientation scores high though no single latent codes it" in text
    assert ">modularity<small>Blind to several latents that know the same factor, and to factors that no latent knows." in text


def test_why_orientation_is_or_is_not_coded_by_one_latent():
    (text,) = circles(ellipses_space().factors, [Finding("orientation", None, (1, 2)), Finding("x", 0, (0,))])
    assert text.startswith(
        "Orientation is a circle: after half a turn the same image comes again, so its values span half a turn"
    )
    assert text.endswith("Here no latent follows orientation alone.")
    (text,) = circles(ellipses_space("dsprites").factors, [Finding("orientation", 4, (4,))])
    assert "half a turn" not in text
    assert text.endswith("Here z4 follows it alone, with such a jump somewhere.")
    assert circles((Factor("x", (0.0, 1.0)),), [Finding("x", None, ())]) == []


def test_dead_latents_are_folded_away_and_nothing_is_said_of_them_in_the_matrices(own_latents_table):
    source = own_latents_table.page()
    folded = source[source.index("1 dead latent, along which images do not change") :]
    assert folded.index("Traversal of z0 from the code of image") < folded.index("</details>")
    assert "Traversal of z0" not in source[: source.index("<details>")]


@pytest.mark.parametrize("words", ["<script", "http://", "https://"])
def test_a_page_may_load_nothing_and_says_so(source, words):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', source)[1]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
    assert words not in source.replace("http://www.w3.org", "")
