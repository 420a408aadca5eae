"""The explorer in a browser: it does what the model does, answers hands and keys, and says what is wrong."""

from __future__ import annotations

import base64
import io
import json
import re
import statistics
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import unbraid
from helpers.browser import Tab
from unbraid import api
from unbraid.explorer.times import every_time
from unbraid.figures.grids import to_bytes
from unbraid.figures.heatmaps import diverging_pixels, means_over_positions

CLOSE = 1e-5
SHADE = 1.1 / 255
"""How far pixels of rounded weights may be off."""
ENCODED = 0.02
"""How far codes of a rounded encoder may be off."""


def shown_data(page) -> dict:
    found = re.search(r'<script type="application/json" id="unbraid-data">(.*?)</script>', page.read_text(), re.DOTALL)
    return json.loads(found[1])


def floats(text: str, width: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<f4").reshape(-1, width)


def damaged(page, name: str, to):
    """A copy of a page in which one of its files is spoilt."""
    holder = re.compile(rf'(id="file-{name}">)([^<]*)')
    text = page.read_text()
    assert holder.search(text), name
    to.write_text(holder.sub(lambda found: found[1] + found[2][: len(found[2]) // 2 // 4 * 4], text))
    return to


def test_it_opens_from_disk_and_asks_for_nothing_else(explorer, page):
    explorer.settle()
    for place in range(0, explorer.page.evaluate("document.body.scrollHeight"), 400):  # panels work when they are seen
        explorer.page.evaluate(f"window.scrollTo(0, {place})")
        explorer.page.wait_for_timeout(30)
    explorer.settle()
    assert [url for url in explorer.requests if not url.startswith(("data:", "blob:"))] == [page.as_uri()]
    assert explorer.complaints == []
    assert explorer.page.title() == "vae on tiny_ellipses"


def test_pixels_are_those_of_torch(explorer, runs):
    """Of both models, and of the first at all times of its training, before they become bytes."""
    rng = np.random.default_rng(0)
    times = every_time(runs.first, 12)
    assert [model.step for model in times] == [0, 50, 100, 150]
    shown = [(0, moment, model) for moment, model in enumerate(times)] + [(1, 0, runs.second)]
    for own, moment, model in shown:
        explorer.page.evaluate(f"unbraid.setModel(unbraid.page.models[{own}])")
        explorer.page.evaluate(f"unbraid.setMoment(unbraid.model.moments[{moment}], true)")
        explorer.codes = codes = rng.normal(size=model.latent_dim).astype(np.float32)
        expected = model.decode(codes)[0]
        assert np.ptp(expected) > 0.01
        np.testing.assert_allclose(explorer.image, expected, atol=SHADE)
        bytes_shown = explorer.canvas("#live")
        assert np.abs(bytes_shown[..., 0].astype(int) - to_bytes(expected[None])[0, 0]).max() <= 1
        assert (bytes_shown[..., 3] == 255).all()


def test_mouse_and_keys_move_a_latent_and_the_image(explorer, runs):
    slider = explorer.page.locator("#sliders input").first
    latent = explorer.page.evaluate("unbraid.model.order[0]")
    slider.scroll_into_view_if_needed()
    before, codes = explorer.canvas("#live"), explorer.codes
    box = slider.bounding_box()
    explorer.page.mouse.click(box["x"] + 0.85 * box["width"], box["y"] + box["height"] / 2)
    explorer.settle()
    moved = explorer.codes
    assert moved[latent] > codes[latent] + 0.5
    assert (np.delete(moved, latent) == np.delete(codes, latent)).all()
    clicked = explorer.canvas("#live")
    assert np.abs(clicked.astype(int) - before).max() > 20
    for _ in range(60):
        explorer.page.keyboard.press("ArrowLeft")
    explorer.settle()
    assert explorer.codes[latent] < moved[latent] - 0.5
    assert np.abs(explorer.canvas("#live").astype(int) - clicked).max() > 20
    np.testing.assert_allclose(explorer.image, runs.first.decode(explorer.codes)[0], atol=SHADE)


def test_an_image_of_the_data_shows_its_posterior(explorer, runs, page):
    images = shown_data(page)["images"]
    which = 5
    row = int(images["names"][which].removeprefix("image ").replace(",", ""))
    explorer.page.locator("#images button").nth(which).click()
    explorer.settle()
    found = runs.first.encode(unbraid.load_dataset("tiny_ellipses").images.bytes(np.array([row])), distribution=True)
    np.testing.assert_allclose(explorer.codes, found.mean[0], atol=CLOSE)
    np.testing.assert_allclose(explorer.image, runs.first.decode(found.mean)[0], atol=SHADE)
    assert f"KL {found.kl.sum():.1f} nats" in explorer.page.inner_text("#given-text")
    original = explorer.canvas("#original")[..., 0]
    np.testing.assert_array_equal(original, unbraid.load_dataset("tiny_ellipses").images.bytes(np.array([row]))[0, 0])
    latents = shown_data(page)["models"][0]["moments"][-1]["latents"]
    for j, latent in enumerate(latents):
        low, high = latent["low"], latent["high"]
        sigma = np.sqrt(found.variance[0, j])
        ends = [(found.mean[0, j] + side * sigma - low) / (high - low) for side in (-1, 1)]
        style = explorer.page.eval_on_selector(
            f'.latent[data-latent="{j}"] .band', "b => ['--from', '--to'].map(name => Number(b.style.getPropertyValue(name)))"
        )
        assert style == pytest.approx(np.clip(ends, 0, 1), abs=1e-4)


def test_drawing_moves_the_sliders_to_what_the_encoder_says(explorer, runs):
    pad = explorer.page.locator("#pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    before = explorer.codes
    explorer.page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    explorer.page.mouse.down()
    explorer.page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.4 * box["height"], steps=6)
    explorer.page.mouse.up()
    explorer.settle()
    drawn = explorer.canvas("#pad")[..., 0]
    assert 20 < (drawn > 127).sum() < 300
    found = runs.first.encode(drawn[None], distribution=True)
    assert np.abs(found.mean[0] - before).max() > 0.1
    np.testing.assert_allclose(explorer.codes, found.mean[0], atol=ENCODED)
    np.testing.assert_allclose(explorer.image, runs.first.decode(explorer.codes)[0], atol=SHADE)
    kl = re.fullmatch(r"your image\nKL (\d+\.\d) nats", explorer.page.inner_text("#given-text"))
    assert float(kl[1]) == pytest.approx(found.kl.sum(), abs=0.15)
    values = explorer.page.eval_on_selector_all(
        ".latent", "rows => rows.map(r => [r.dataset.latent, r.querySelector('input').value])"
    )
    for latent, value in values:
        assert float(value) == pytest.approx(found.mean[0, int(latent)], abs=0.05)


def test_a_drawing_belongs_to_the_encoder_of_the_end(explorer, runs):
    """Drawn at an earlier time, it takes the time to the end; taken back in time, its codes are nobody's posterior."""
    explorer.page.evaluate("unbraid.setMoment(unbraid.model.moments[1], true)")
    explorer.page.click("#invert")
    explorer.wait("unbraid.source.kind === 'own'")
    explorer.settle()
    assert explorer.page.evaluate("unbraid.moment.step") == 150
    drawn = explorer.canvas("#pad")[..., 0]
    np.testing.assert_allclose(explorer.codes, runs.first.encode(drawn[None])[0], atol=ENCODED)
    explorer.page.evaluate("unbraid.setMoment(unbraid.model.moments[1], true)")
    assert explorer.page.evaluate("unbraid.source.kind") == "free"
    assert explorer.page.locator("#given").is_hidden()
    assert explorer.page.locator("#sliders .band").first.is_hidden()


def test_an_image_file_is_fitted_in_and_encoded(explorer, runs):
    drawn = np.zeros((64, 64), np.uint8)
    drawn[16:32, 24:48] = 255
    buffer = io.BytesIO()
    Image.fromarray(drawn).save(buffer, "PNG")
    explorer.page.set_input_files("#open", {"name": "a.png", "mimeType": "image/png", "buffer": buffer.getvalue()})
    explorer.wait("unbraid.source.kind === 'own'")
    explorer.settle()
    half = explorer.canvas("#pad")[..., 0].astype(float)
    np.testing.assert_allclose(half, drawn.reshape(32, 2, 32, 2).mean((1, 3)), atol=40)  # browsers smooth in their own ways
    np.testing.assert_allclose(explorer.codes, runs.first.encode(half[None].astype(np.uint8))[0], atol=ENCODED)
    explorer.page.set_input_files("#open", {"name": "a.png", "mimeType": "image/png", "buffer": b"no image"})
    explorer.wait("document.getElementById('status-text').textContent.includes('no image')")
    assert explorer.state == "ready"


def test_the_prior_and_the_middle(explorer, page):
    moment = shown_data(page)["models"][0]["moments"][-1]
    draws = floats(moment["draws"], 4)
    assert draws.shape == (200, 4)
    for draw in draws[:2]:
        explorer.page.click("#sample")
        np.testing.assert_allclose(explorer.codes, draw)
    explorer.page.click("#reset")
    np.testing.assert_allclose(explorer.codes, [latent["mean"] for latent in moment["latents"]], rtol=1e-6)


def test_training_time_changes_decoder_and_information(explorer, runs, page):
    moments = shown_data(page)["models"][0]["moments"]
    explorer.page.locator("#images button").nth(3).click()
    late = explorer.canvas("#live")
    time = explorer.page.locator("#time")
    time.focus()
    time.press("Home")
    explorer.settle()
    assert explorer.page.inner_text("#time-text") == "before training"
    early = runs.first.experiment.build()
    images = unbraid.load_dataset("tiny_ellipses").images
    row = int(shown_data(page)["images"]["names"][3].removeprefix("image "))
    np.testing.assert_allclose(
        explorer.codes, unbraid.Model(early, runs.first.experiment).encode(images.bytes(np.array([row])))[0], atol=CLOSE
    )
    assert np.abs(explorer.canvas("#live").astype(int) - late).max() > 20
    order = shown_data(page)["models"][0]["order"]
    for step, moment in enumerate(moments):
        if step:
            time.press("ArrowRight")
        cells = explorer.page.eval_on_selector_all("#knows-table tbody td", "cells => cells.map(c => parseInt(c.textContent))")
        heard = [moment["latents"][j]["active"] for j in order]
        shares = [
            [round(100 * share) if alive else 0 for share in moment["shares"][j]] for j, alive in zip(order, heard, strict=True)
        ]
        assert np.abs(np.array(cells).reshape(4, -1) - shares).max() <= 1
    assert explorer.page.inner_text("#time-text") == "step 150 of 150"


def test_playing_training_ends_at_its_end(explorer):
    explorer.page.click("#play")
    explorer.wait("unbraid.moment === unbraid.model.moments[1]")
    explorer.wait("unbraid.moment === unbraid.model.moments[3]")
    explorer.wait("document.getElementById('play').getAttribute('aria-label') === 'Play training'")


def test_models_are_chosen(explorer, runs):
    names = explorer.page.eval_on_selector_all("#model option", "options => options.map(o => o.textContent)")
    assert names == ["vae, latents 4, steps 150", "vae, latents 3, steps 2"]
    explorer.page.locator("#images button").nth(2).click()
    first = explorer.canvas("#live")
    explorer.page.select_option("#model", "1")
    explorer.settle()
    np.testing.assert_allclose(explorer.image, runs.second.decode(explorer.codes)[0], atol=SHADE)
    assert np.abs(explorer.canvas("#live").astype(int) - first).max() > 20
    assert not explorer.page.locator("#time-field").is_visible()  # of the second no checkpoints were kept
    for i in range(8):  # while its parts are being made anew
        explorer.page.locator("#between" if i % 2 else "#plane").scroll_into_view_if_needed()
        explorer.page.evaluate(f"unbraid.setModel(unbraid.page.models[{i % 2}])")
        explorer.page.wait_for_timeout(40 + 60 * i)
    explorer.settle()
    assert explorer.state == "ready", explorer.error
    assert explorer.complaints == []


def test_models_side_by_side_follow_the_same_sliders(explorer, runs, browser, page):
    """A latent of the same rank moves by as many standard deviations; the link brings the choice back."""
    first, second = (model["moments"][-1]["latents"] for model in shown_data(page)["models"])
    (lead, *_), (follower, *_) = (model["order"] for model in shown_data(page)["models"])
    explorer.page.select_option("#match", "order")
    explorer.page.evaluate(f"unbraid.setLatent({lead}, {first[lead]['mean'] + 1.5 * first[lead]['sd']}, true)")
    explorer.settle()
    expected = np.array([latent["mean"] for latent in second], np.float32)
    expected[follower] += 1.5 * second[follower]["sd"]
    codes = explorer.page.evaluate("Array.from(unbraid.codesOf(unbraid.followers[0]))")
    np.testing.assert_allclose(codes, expected, atol=1e-4)
    shown = explorer.canvas("#screens figure:nth-child(2) canvas")[..., 0].astype(int)
    assert np.abs(shown - to_bytes(runs.second.decode(expected))[0, 0]).max() <= 1
    strip = explorer.page.locator("#traversal-others button")
    assert strip.count() == 11
    row = np.tile(expected, (11, 1))
    ends = [(first[lead][end] - first[lead]["mean"]) / first[lead]["sd"] for end in ("low", "high")]
    row[:, follower] = second[follower]["mean"] + second[follower]["sd"] * np.linspace(*ends, 11)
    last = explorer.canvas("#traversal-others button:nth-child(11) canvas")[..., 0].astype(int)
    assert np.abs(last - to_bytes(runs.second.decode(row[10:]))[0, 0]).max() <= 1
    explorer.page.locator("#images button").nth(3).click()
    explorer.settle()
    own = np.frombuffer(base64.b64decode(shown_data(page)["models"][1]["moments"][-1]["posteriors"]["mean"]), "<f4")
    codes = explorer.page.evaluate("Array.from(unbraid.codesOf(unbraid.followers[0]))")
    np.testing.assert_allclose(codes, own.reshape(-1, 3)[3], atol=CLOSE)
    explorer.page.select_option("#match", "number")
    explorer.page.uncheck("#beside-1")
    explorer.settle()
    hash = explorer.page.evaluate("location.hash")
    assert "match=number" in hash
    other = Tab(browser.new_context()).open(page, hash)
    assert other.page.evaluate("[unbraid.followers.length, unbraid.matching]") == [0, "number"]
    assert other.page.locator("#screens figure").count() == 1
    other.page.context.close()
    explorer.page.check("#beside-1")
    explorer.page.click("#screens figcaption button")
    explorer.settle()
    assert explorer.page.evaluate("[unbraid.model.latents, unbraid.followers[0].model.latents]") == [3, 4]


def test_the_heading_of_the_traversal_waits_for_its_images(explorer):
    names = "unbraid.model.order.map(j => 'Traversal of z' + j)"
    explorer.wait(f"document.getElementById('traversal-title').textContent.startsWith({names}[0])")
    title, busy, values = explorer.page.evaluate(
        """() => {
          unbraid.setActive(unbraid.model.order[1]);
          const section = document.getElementById('traversal');
          const before = [section.querySelector('h2').textContent, section.getAttribute('aria-busy')];
          document.querySelector('#traversal-strip button:nth-child(3)').click();
          return [...before, unbraid.active];
        }"""
    )
    lead = explorer.page.evaluate("unbraid.model.order[0]")
    assert title.startswith(f"Traversal of z{lead}")
    assert busy == "true"
    assert values == lead, "a tile sets the latent that it shows"
    explorer.page.evaluate("unbraid.setActive(unbraid.model.order[1])")
    explorer.wait(f"document.getElementById('traversal-title').textContent.startsWith({names}[1])")
    assert explorer.page.get_attribute("#traversal", "aria-busy") == "false"


def test_the_traversal_stands_beside_the_sliders(explorer):
    strip, sliders = (explorer.page.locator(name).bounding_box() for name in ("#traversal-strip", "#sliders"))
    assert strip["x"] + strip["width"] <= sliders["x"]
    assert strip["y"] + strip["height"] <= 900


def test_a_traversal_shows_and_sets_values(explorer, runs, page):
    latent = explorer.page.evaluate("unbraid.model.order[1]")
    explorer.page.locator("#sliders input").nth(1).focus()
    explorer.wait("unbraid.active === unbraid.model.order[1]")
    explorer.page.locator("#traversal").scroll_into_view_if_needed()
    explorer.settle()
    own = shown_data(page)["models"][0]["moments"][-1]["latents"][latent]
    codes = np.tile(explorer.codes, (11, 1))
    codes[:, latent] = np.linspace(own["low"], own["high"], 11)
    expected = to_bytes(runs.first.decode(codes))[:, 0]
    label = f"document.querySelectorAll('#traversal-strip button')[10].title.startsWith('z{latent}')"
    explorer.wait(label)
    for i in range(11):
        shown = explorer.canvas(f"#traversal-strip button:nth-child({i + 1}) canvas")[..., 0]
        assert np.abs(shown.astype(int) - expected[i]).max() <= 1, i
    explorer.page.locator("#traversal-strip button").nth(9).click()
    np.testing.assert_allclose(explorer.codes, codes[9], atol=CLOSE)


def test_half_way_between_two_images(explorer, runs):
    explorer.page.locator("#between").scroll_into_view_if_needed()
    for which, button in ((1, "#take-a"), (6, "#take-b")):
        explorer.page.locator("#images button").nth(which).click()
        explorer.page.click(button)
    ends = [explorer.page.evaluate(f"Array.from(unbraid.posterior({{kind: 'image', index: {i}}}).mean)") for i in (1, 6)]
    mix = explorer.page.locator("#mix")
    mix.fill("0.25")
    explorer.settle()
    expected = 0.75 * np.array(ends[0]) + 0.25 * np.array(ends[1])
    np.testing.assert_allclose(explorer.codes, expected, atol=CLOSE)
    np.testing.assert_allclose(explorer.image, runs.first.decode(expected.astype(np.float32))[0], atol=SHADE)


def test_the_plane_of_two_latents(explorer, runs, page):
    canvas = explorer.page.locator("#plane-canvas")
    canvas.scroll_into_view_if_needed()
    x, y = explorer.page.evaluate("unbraid.model.order.slice(0, 2)")
    latents = shown_data(page)["models"][0]["moments"][-1]["latents"]
    box = canvas.bounding_box()
    explorer.page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"])
    explorer.settle()
    for latent, share in ((x, 0.75), (y, 0.75)):  # a quarter from the top is three quarters up
        low, high = latents[latent]["low"], latents[latent]["high"]
        assert explorer.codes[latent] == pytest.approx(low + share * (high - low), abs=0.02 * (high - low))
    before = explorer.codes
    canvas.focus()
    canvas.press("ArrowDown")
    assert explorer.codes[y] < before[y]
    assert explorer.codes[x] == before[x]
    # its upper left tile has the least of x and the most of y
    side = 9
    codes = explorer.codes
    codes[x], codes[y] = (
        latents[latent]["low"] + share * (latents[latent]["high"] - latents[latent]["low"])
        for latent, share in ((x, 0.5 / side), (y, 1 - 0.5 / side))
    )
    explorer.settle()
    explorer.page.wait_for_timeout(300)
    size = explorer.canvas("#plane-canvas").shape[0]
    tile = explorer.canvas("#plane-canvas")[: size // side, : size // side, 0].astype(float)
    expected = 255 * runs.first.decode(codes)[0, 0]
    shown = np.asarray(Image.fromarray(tile).resize((32, 32), Image.Resampling.NEAREST))
    assert np.corrcoef(shown.ravel(), expected.ravel())[0, 1] > 0.9


def test_maps_over_position(explorer, runs, page):
    """Colors of the report, on which the image's place is marked."""
    data = unbraid.load_dataset("tiny_ellipses")
    latent = explorer.page.evaluate("unbraid.active")
    own = shown_data(page)["models"][0]["moments"][-1]["latents"][latent]
    mean = runs.first.encode(data.images.bytes(np.arange(len(data))))
    means = means_over_positions(mean, data.factors[:, 0], data.factors[:, 1], (4, 4))[latent]
    expected = diverging_pixels((means - own["mean"]) / own["sd"], 2.0)
    assert np.abs(explorer.canvas("#where-map")[..., :3].astype(int) - expected).max() <= 6
    explorer.page.locator("#images button").nth(4).click()
    x, y = shown_data(page)["images"]["factors"][4][:2]
    style = explorer.page.eval_on_selector(
        "#where-frame", "f => ['--x', '--y'].map(name => Number(f.style.getPropertyValue(name)))"
    )
    assert style == [(x + 0.5) / 4, (y + 0.5) / 4]


def test_a_link_brings_back_what_was_shown(explorer, browser, page):
    explorer.page.evaluate("unbraid.setMoment(unbraid.model.moments[2], true)")
    explorer.page.locator("#images button").nth(7).click()
    explorer.page.evaluate("unbraid.setLatent(1, 0.5, true)")
    explorer.settle()
    hash = explorer.page.evaluate("location.hash")
    codes = explorer.codes
    other = Tab(browser.new_context()).open(page, hash)
    np.testing.assert_allclose(other.codes, codes, atol=1e-4)
    assert other.page.evaluate("[unbraid.moment.step, unbraid.source]") == [100, {"kind": "image", "index": 7}]
    other.page.context.close()
    spoilt = Tab(browser.new_context()).open(page, "#model=9&step=x&image=4000&z=1_2_nothing")
    assert spoilt.state == "ready"
    assert spoilt.complaints == []
    spoilt.page.context.close()


def test_the_image_is_saved(explorer):
    with explorer.page.expect_download() as download:
        explorer.page.click("#save")
    saved = np.asarray(Image.open(download.value.path()).convert("RGB"))
    assert saved.shape == (512, 512, 3)
    np.testing.assert_array_equal(saved[::16, ::16], explorer.canvas("#live")[..., :3])


def test_the_latest_wish_wins(explorer, runs, record_property):
    """Of a hundred moves at once the last one is shown, and few others are decoded; moves one by one are quick."""
    explorer.page.evaluate(
        "() => { unbraid.latencies.length = 0; for (let i = 0; i < 100; i++) unbraid.setLatent(0, i / 50 - 1, false); }"
    )
    explorer.settle()
    assert explorer.page.evaluate("unbraid.latencies.length") < 10
    np.testing.assert_allclose(explorer.image, runs.first.decode(explorer.codes)[0], atol=SHADE)
    assert explorer.codes[0] == pytest.approx(0.98)
    explorer.page.evaluate(
        """async () => {
          unbraid.latencies.length = 0;
          for (let i = 0; i < 60; i++) {
            unbraid.setLatent(0, i / 30 - 1, false);
            await new Promise(requestAnimationFrame);
          }
          await unbraid.settled();
        }"""
    )
    took = explorer.page.evaluate("unbraid.latencies")
    record_property("p50_ms", statistics.median(took))
    sys.stdout.write(f"p50 of a move: {statistics.median(took):.1f} ms, p95: {sorted(took)[int(0.95 * len(took))]:.1f} ms\n")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("model0-step150-weights", "The decoder of"),
        ("model0-encoder-weights", "The encoder of"),
        ("runtime", "The runtime in this page is damaged"),
    ],
)
def test_a_damaged_file_is_told_in_words(tab, page, tmp_path, name, words):
    tab.open(damaged(page, name, tmp_path / "damaged.html"))
    tab.wait("document.body.dataset.state === 'error'")
    assert tab.error.startswith(words)
    assert "unbraid explore" in tab.error
    assert tab.page.locator("#error").is_visible()


def test_a_damaged_description_is_told_in_words(tab, page, tmp_path):
    (tmp_path / "damaged.html").write_text(page.read_text().replace('"format":2', '"format":7', 1))
    tab.open(tmp_path / "damaged.html")
    assert (tab.state, "format 7" in tab.error) == ("error", True)


@pytest.mark.parametrize(
    ("missing", "words"), [("WebAssembly", "does not run WebAssembly"), ("DecompressionStream", "cannot unpack")]
)
def test_browsers_that_cannot_run_models_are_told(tab, page, missing, words):
    tab.page.add_init_script(f"delete window.{missing}")
    tab.open(page)
    assert tab.state == "error"
    assert words in tab.error


def test_a_changed_weight_changes_the_pixels(tab, runs, explorer, tmp_path):
    codes = np.array([0.5, -0.5, 1.0, 0.0], np.float32)
    explorer.codes = codes
    before = explorer.image
    changed = api.load(runs.first.folder, "cpu")
    with torch.no_grad():
        next(changed.vae.networks["decoder"].parameters())[0] += 1.0
    changed.save(tmp_path / "changed")
    other = api.explore(tmp_path / "changed", tmp_path / "page.html")
    tab.open(other.path)
    tab.codes = codes
    assert np.abs(tab.image - before).max() > 1e-3
    np.testing.assert_allclose(tab.image, changed.decode(codes)[0], atol=SHADE)


def test_a_phone_shows_it_in_one_column_and_touch_moves_latents(browser, page):
    context = browser.new_context(viewport={"width": 375, "height": 720}, has_touch=True, is_mobile=True)
    tab = Tab(context).open(page)
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 375
    slider = tab.page.locator("#sliders input").first
    slider.scroll_into_view_if_needed()
    before = tab.codes
    box = slider.bounding_box()
    tab.page.touchscreen.tap(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2)
    assert np.abs(tab.codes - before).max() > 0.5
    pad = tab.page.locator("#pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    tab.page.touchscreen.tap(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    tab.wait("unbraid.source.kind === 'own'")
    assert tab.canvas("#pad")[16, 16, 0] == 255
    context.close()


def test_every_control_has_a_name(explorer):
    nameless = explorer.page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, canvas[tabindex]')].filter(one =>
          !one.labels?.length && !one.getAttribute('aria-label') && !one.textContent.trim()).map(one => one.outerHTML)"""
    )
    assert nameless == []
