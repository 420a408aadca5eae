"""A page of models that are a grid: a slider for each setting in which they differ."""

from __future__ import annotations

import pytest

import unbraid
from helpers.browser import Tab
from helpers.tiny import TINY
from unbraid import api
from unbraid.reporting.groups import grid_of

GRID = [(beta, latents) for beta in (0.5, 4.0) for latents in (2, 3)]
OWN = {"batch_size": 16, "steps": 2, "device": "cpu", "encoder": "mlp", "decoder": "mlp"}


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grid")
    for beta, latents in GRID:
        unbraid.train("beta_vae", TINY, out=folder / f"{beta}-{latents}", beta=beta, latent_dim=latents, **OWN)
    return folder


def experiments(folder, chosen=GRID):
    return [unbraid.load(folder / f"{beta}-{latents}", "cpu").experiment for beta, latents in chosen]


def test_a_grid_has_every_combination_of_numbers_once(grid):
    found = experiments(grid)
    assert grid_of(found) == [{"beta": beta, "latents": latents} for beta, latents in GRID]
    assert grid_of(found[:3]) == [{}] * 3
    assert grid_of([*found, found[0]]) == [{}] * 5
    assert grid_of(found[:2]) == [{}] * 2


def test_networks_are_no_numbers(grid, tmp_path):
    unbraid.train("beta_vae", TINY, out=tmp_path, beta=4.0, latent_dim=3, **{**OWN, "decoder": "burgess"})
    assert grid_of([*experiments(grid, GRID[:3]), unbraid.load(tmp_path, "cpu").experiment]) == [{}] * 4


@pytest.mark.parametrize("width", [1280, 390])
def test_sliders_choose_the_model(grid, browser, tmp_path, width):
    folders = [grid / f"{beta}-{latents}" for beta, latents in GRID]
    page = api.explore(folders, tmp_path / "grid.html", encoders=False).path
    assert page.stat().st_size < api.explore(folders, tmp_path / "whole.html").path.stat().st_size
    tab = Tab(browser.new_context(viewport={"width": width, "height": 900})).open(page)
    assert tab.state == "ready", tab.error
    shown = tab.page
    assert shown.locator("#grid label").all_inner_texts() == ["beta 0.5", "latents 2"]
    assert not shown.locator("#model").is_visible()
    assert not shown.locator("#beside-field").is_visible()
    assert shown.locator("#grid-1").is_visible()
    shown.locator("#grid-1").press("End")
    shown.locator("#grid-0").press("ArrowRight")
    tab.settle()
    assert shown.evaluate("[unbraid.model.settings.beta, unbraid.model.latents]") == [4, 3]
    assert shown.locator("#grid label").all_inner_texts() == ["beta 4", "latents 3"]
    assert shown.locator("#sliders input, #dead-sliders input").count() == 3
    assert shown.evaluate("unbraid.followers.length") == 0
    assert shown.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert tab.complaints == []
    tab.page.context.close()
