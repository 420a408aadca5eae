"""Reports in a browser: they open from disk, fit phones and paper, and keys reach everything."""

from __future__ import annotations

import pytest

from helpers.browser import Tab, chromium
from unbraid.api import view_of
from unbraid.reporting.comparison import render_comparison

DESKTOP, PHONE, PAPER = 1280, 375, 673
"""Widths in CSS pixels; that of paper is A4's without margins of 16 mm."""

OVERFLOWING = """() => {
    const scrolls = node => node && (/auto|scroll/.test(getComputedStyle(node).overflowX) || scrolls(node.parentElement));
    return [...document.querySelectorAll('main *, header *, footer *')]
        .filter(node => node.getBoundingClientRect().right > innerWidth + 1 && !scrolls(node.parentElement))
        .map(node => node.tagName + ' ' + node.textContent.slice(0, 40));
}"""
UNNAMED = """() => [...document.querySelectorAll('img, svg')]
    .filter(node => !node.closest('[aria-hidden=true]'))
    .filter(node => !(node.getAttribute('alt') || node.getAttribute('aria-label') || node.closest('[role=img]')))
    .map(node => node.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def comparison(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("pages") / "comparison.html"
    path.write_text(render_comparison([view_of(folder, device="cpu") for folder in trained]))
    return path


@pytest.fixture(params=["a run", "several runs"])
def path(request, comparison, own_latents_table, tmp_path):
    if request.param == "several runs":
        return comparison
    alone = tmp_path / "report.html"
    alone.write_text(own_latents_table.page())
    return alone


@pytest.fixture
def shown(browser, path):
    """A function that opens the page, with options of the browser's context."""
    contexts = []

    def show(width: int, **options) -> Tab:
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        tab = Tab(contexts[-1])
        tab.page.goto(path.as_uri())
        return tab

    yield show
    for context in contexts:
        context.close()


def wait_until(page, true: str) -> None:
    """Playwright's own way evaluates text inside the page, which the page's policy forbids."""
    for _ in range(200):
        if page.evaluate(true):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"never became true: {true}")


def test_the_first_screen_holds_headline_and_traversals_and_of_one_run_the_heat_map(shown, path, comparison) -> None:
    page = shown(DESKTOP).page
    for what in (".headline", "#glance .strips img", *(["#glance svg"] if path != comparison else [])):
        box = page.locator(what).first.bounding_box()
        assert box["y"] + box["height"] < 900, what
    assert page.evaluate("[...document.querySelectorAll('details')].every(one => !one.open)")


def test_no_script_runs_in_it(shown) -> None:
    tab = shown(DESKTOP)
    tab.page.evaluate(
        """() => {
            const script = document.createElement('script');
            script.textContent = 'window.ran = true';
            document.body.append(script);
        }"""
    )
    assert tab.page.evaluate("window.ran") is None
    assert any("Content Security Policy" in one for one in tab.complaints)


def test_on_dark_screens_charts_are_dark_too_and_text_stands_out(shown) -> None:
    page = shown(DESKTOP, color_scheme="dark").page
    found = page.evaluate(
        """() => [...document.querySelectorAll('svg.figure')].map(svg => [
            getComputedStyle(svg.querySelector('path')).fill, getComputedStyle(svg.querySelector('text')).fill,
            getComputedStyle(document.body).backgroundColor])"""
    )
    assert len(found) >= 3
    for paper, ink, page_color in found:
        assert paper == page_color
        assert min(map(int, ink[4:-1].split(","))) > 120, "light text"


def test_what_is_folded_is_printed(shown) -> None:
    page = shown(PAPER).page
    visible = "document.querySelector('details table, details .strips, details dl').checkVisibility()"
    assert not page.evaluate(visible)
    page.emulate_media(media="print")
    assert page.evaluate(visible)


def test_it_opens_from_disk_with_all_pictures_and_asks_for_nothing_else(shown, path) -> None:
    tab = shown(DESKTOP)
    assert [url for url in tab.requests if not url.startswith("data:")] == [path.as_uri()]
    assert tab.complaints == []
    assert tab.page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    assert tab.page.evaluate("document.querySelectorAll('svg').length") >= 3
    assert tab.page.evaluate(UNNAMED) == []


def test_it_fits_phones(shown) -> None:
    tab = shown(PHONE)
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= PHONE
    assert tab.page.evaluate(OVERFLOWING) == []


def test_it_prints_on_white_paper_and_nothing_is_cut_off(shown) -> None:
    tab = shown(PAPER, color_scheme="dark")
    dark = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
    tab.page.emulate_media(media="print")
    assert tab.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)" != dark
    assert tab.page.evaluate(OVERFLOWING) == []
    assert tab.page.pdf(format="A4").startswith(b"%PDF")


def test_keys_reach_links_and_what_is_wider_than_the_screen(shown) -> None:
    tab = shown(PHONE)
    page = tab.page
    links = page.evaluate("[...document.querySelectorAll('a')].map(link => link.href)")
    wide = page.evaluate(
        "[...document.querySelectorAll('.scroll, .chart')]"
        ".filter(box => box.checkVisibility() && box.scrollWidth > box.clientWidth + 1).length"
    )
    assert links
    assert wide, "there is something to scroll"
    reached, scrolled = [], 0
    folded = page.locator("summary").count()
    for _ in range(len(links) + folded + wide + 5):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.href"))
        if page.evaluate("document.activeElement.matches('.scroll, .chart')"):
            page.keyboard.press("ArrowRight")
            wait_until(page, "document.activeElement.scrollLeft > 0")
            scrolled += 1
    assert set(links) <= set(reached)
    assert scrolled >= wide
