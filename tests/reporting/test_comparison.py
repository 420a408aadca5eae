"""The page of several runs: complete, offline, well formed, repeatable, and true to the runs."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace

import pytest
from msgspec import structs

import unbraid
from helpers.page_reader import read
from helpers.tiny import TINY
from unbraid.api import view_of
from unbraid.errors import UsageError
from unbraid.evaluation.stored import read_scores, write_scores
from unbraid.metrics.intervals import mean_interval
from unbraid.reporting.comparison import render_comparison, trained_table, warned
from unbraid.reporting.groups import grouped

LARGEST = 10_000_000


@pytest.fixture(scope="module")
def views(trained):
    return [view_of(folder, device="cpu") for folder in trained]


@pytest.fixture(scope="module")
def page(views):
    return render_comparison(views)


def test_it_is_whole_and_loads_nothing(page):
    found = read(page)
    wanted = ["What latents do", "What was trained", "Scores", "Differences", "Losses", "Latents", "Images", "How to repeat it"]
    places = [found.headings.index(heading) for heading in wanted]
    assert places == sorted(places)
    assert len(page) < LARGEST
    assert page.count("aria-label=") >= 10, "every figure has an alternative text"
    assert "Not shown" not in found.text


def test_runs_are_grouped_and_their_scores_are_means_with_intervals(views, page):
    text = read(page).text
    mig = [view.scored["metrics"]["mig"]["score"] for view in views]
    low, high = mean_interval(mig[:2])
    assert f"{sum(mig[:2]) / 2:.3f} ({max(0, low):.3f} to {min(1, high):.3f})" in text.replace("−", "-")
    for name in ("beta_vae, beta 1, latents 3 (2)", "beta_vae, beta 4, latents 3 (1)", "beta_vae, beta 4, latents 2 (1)"):
        assert name in text
    assert f"report of {len(views)} runs" in text
    assert f"3 configurations on {TINY}" in text


def test_every_run_can_be_repeated_by_its_command(page):
    commands = re.findall(r"<code>(unbraid train [^<]*)</code>", page)
    assert len(commands) == 4
    assert "folder beta1-latents3-1" in read(page).text
    assert f"unbraid train beta_vae {TINY} --steps 12 --batch-size 16 --latent-dim 3 --seed 1" in commands[1]
    assert "--beta 4" in commands[2] or "--beta 1" in commands[0]


def test_settings_that_differ_are_shown_and_those_that_do_not_are_not(views):
    table = trained_table(views, grouped([view.experiment for view in views]))
    cells = {row[0]: row[1:] for row in table.rows}
    assert table.columns == ("configuration", "seeds", "steps done", "beta", "latents")
    assert cells["beta_vae, beta 1, latents 3"] == ("0, 1", "12", "1", "3")


def test_warnings_of_a_kind_stand_together_with_the_runs_they_are_about(views):
    groups = grouped([view.experiment for view in views])
    told = {one.title: one for one in warned(views, groups)}
    if "Dead latents" in told:
        assert told["Dead latents"].text
    shared = warned(views[:1], {"a": [0]})
    assert all(one.runs == "all runs" for one in shared)


def test_seeds_of_one_configuration_whose_images_may_not_be_passed_on(trained):
    views = [view_of(folder, device="cpu") for folder in trained[:2]]
    for view in views:
        vars(view)["dataset"] = replace(view.dataset, redistributable=False)
    source = render_comparison(views)
    found = read(source)
    assert "data:image" not in source
    assert "may not be passed on" in found.text
    assert "Differences" not in found.headings
    assert "over 2 runs of beta_vae." in found.text


def test_it_is_written_where_it_is_told_with_the_same_bytes_and_overwrites_nothing(trained, page, tmp_path):
    path = unbraid.report(*trained, out=tmp_path / "a.html", device="cpu")
    first = path.read_bytes()
    assert first.decode() == page
    assert str(trained[0].parent) not in page
    with pytest.raises(UsageError, match="exists"):
        unbraid.report(*trained[:2], out=path)
    assert path.read_bytes() == first


def test_runs_are_scored_where_that_was_not_done(trained, tmp_path, monkeypatch):
    folders = [shutil.copytree(folder, tmp_path / folder.name) for folder in trained[:3]]
    (folders[0] / "metrics.json").unlink()
    write_scores(folders[1] / "metrics.json", structs.replace(read_scores(folders[1] / "metrics.json"), step=6))
    asked = []
    monkeypatch.setattr("unbraid.api.score_briefly", lambda view, **given: asked.append(view.run.folder))
    monkeypatch.setattr("unbraid.reporting.comparison.write_comparison", lambda views, path: path)
    unbraid.report(*folders, out=tmp_path / "a.html", device="cpu")
    assert asked == folders[:2], "never scored, and scored before it was trained further"


def test_runs_that_differ_in_more_than_their_objective_are_warned_of_at_the_top(trained):
    views = [view_of(folder, device="cpu") for folder in trained]
    page = read(render_comparison([views[0], views[3]])).text
    assert page.index("also differ in latents, so") < page.index("What latents do")
    assert "also differ in" not in read(render_comparison([views[0], views[2]])).text


def test_what_cannot_be_is_refused_before_anything_is_scored(trained, tmp_path):
    for given, out, says in (
        ([], None, "Give a run folder"),
        (trained[:2], None, "say where: -o comparison.html"),
        (trained[:1], tmp_path / "a.pdf", "ends in .pdf; allowed: .html, .htm"),
        ([trained[0], trained[0]], tmp_path / "a.html", "given twice"),
        ([trained[0], tmp_path / "none"], tmp_path / "a.html", "There is no folder"),
    ):
        with pytest.raises(UsageError, match=says):
            unbraid.report(*given, out=out)
    assert not list(tmp_path.iterdir())
    with pytest.raises(UsageError, match="two runs or more"):
        render_comparison([view_of(trained[0])])
