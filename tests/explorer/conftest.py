"""Small runs that learned something, and pages of them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import unbraid
from helpers.browser import Tab, chromium
from helpers.tiny import TINY
from unbraid import api


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Two models: the first moves with its latents and kept its checkpoints, the second just began and has fewer latents."""
    folder = tmp_path_factory.mktemp("explore")
    own = {"batch_size": 16, "lr": 3e-3, "device": "cpu"}
    first = unbraid.train(
        "vae", TINY, out=folder / "first", steps=150, latent_dim=4, checkpoint_every=50, keep_checkpoints=0, **own
    )
    second = unbraid.train("vae", TINY, out=folder / "second", steps=2, latent_dim=3, seed=1, **own)
    return SimpleNamespace(first=first, second=second, folder=folder)


@pytest.fixture(scope="session")
def page(runs):
    """One page of both."""
    return api.explore([runs.first.folder, runs.second.folder], runs.folder / "page.html").path


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture
def tab(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield Tab(context)
    context.close()


@pytest.fixture(scope="module")
def opened(browser, page):
    """The page of both models, opened once."""
    tab = Tab(browser.new_context(viewport={"width": 1280, "height": 900})).open(page)
    assert tab.state == "ready", tab.error
    yield tab
    tab.page.context.close()


@pytest.fixture
def explorer(opened):
    """The same as if it had just been opened."""
    opened.page.evaluate("() => { window.scrollTo(0, 0); unbraid.setModel(unbraid.page.models[0]); unbraid.reset(); }")
    opened.settle()
    return opened
