"""Pages of other people's models, and pages that a web server gives, in a browser."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path

import msgspec
import numpy as np
import pytest

from helpers import onnx_models, onnx_pair
from helpers.browser import until
from unbraid import api
from unbraid.explorer.onnx_pair import pair_page
from unbraid.explorer.page import write

DROP = """([size, color]) => new Promise(done => {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = size;
  const area = canvas.getContext('2d');
  area.fillStyle = color;
  area.fillRect(0, 0, size, size);
  canvas.toBlob(blob => {
    const carried = new DataTransfer();
    carried.items.add(new File([blob], 'a.png', { type: 'image/png' }));
    const how = { dataTransfer: carried, bubbles: true, cancelable: true };
    for (const type of ['dragover', 'drop']) document.getElementById('traversal').dispatchEvent(new DragEvent(type, how));
    done();
  });
})"""


@pytest.mark.parametrize(
    ("shape", "batch", "spread"),
    [((1, 28, 28), "n", "logvar"), ((3, 128, 128), 1, "std"), ((3, 32, 48), "n", "log_std")],
)
def test_anybodys_pair(tab, tmp_path, shape, batch, spread):
    decoder = onnx_pair.decoder(tmp_path / "d.onnx", shape, batch=batch)
    encoder = onnx_models.encoder(tmp_path / "e.onnx", shape=(batch, *shape), outputs=("mean", spread))
    tab.open(api.explore_onnx(decoder, tmp_path / "page.html", encoder=encoder).path)
    assert tab.state == "ready", tab.error
    tab.codes = codes = np.array([0.7, -1.5, 0.2], np.float32)
    np.testing.assert_allclose(tab.image, onnx_pair.images(codes[None], shape)[0], atol=1e-5)
    bytes_shown = tab.canvas("#live")
    expected = np.rint(255 * np.broadcast_to(tab.image, (3, *shape[1:])).transpose(1, 2, 0))
    np.testing.assert_array_equal(bytes_shown[..., :3], expected)
    for hidden in ("#gallery", "#where", "#knows", "#time-field", "#model-field"):
        assert not tab.page.locator(hidden).is_visible(), hidden
    tab.page.evaluate(DROP, [shape[1] * 2, "rgb(255 51 0)"])
    tab.wait("unbraid.source.kind === 'own'")
    tab.settle()
    height, width = shape[1:]
    pixels = np.zeros(shape, np.float32)
    left = (width - height) // 2  # it is fitted in, whole and in the middle
    pixels[..., left : left + height] = (
        np.array([1, 0.2, 0], np.float32)[:, None, None] if shape[0] == 3 else np.float32(0.299 + 0.587 * 0.2)
    )
    mean = pixels.reshape(1, -1) @ onnx_models.weights(pixels.size, 3)
    np.testing.assert_allclose(tab.codes, mean[0], atol=2e-3)
    width = 0.5 * mean[0] - 1
    variance = {"logvar": np.exp(width), "std": width**2, "log_std": np.exp(2 * width)}[spread]
    kl = 0.5 * (mean[0] ** 2 + variance - 1 - np.log(variance))
    assert f"KL {kl.sum():.1f} nats" in tab.page.inner_text("#given-text")
    assert tab.complaints == []


def altered(content, **changes):
    """The content with other values for the only moment of its only model."""
    (model,) = content.data.models
    moment = msgspec.structs.replace(model.moments[0], **changes)
    model = msgspec.structs.replace(model, moments=[moment])
    return replace(content, data=msgspec.structs.replace(content.data, models=[model]))


def test_quantized_latents_take_values_of_their_codebooks(tab, tmp_path):
    content = pair_page(onnx_pair.decoder(tmp_path / "d.onnx", (1, 8, 8)))
    books = [[-1.0, 0.0, 1.0], [-2.5, 2.5, 2.75], [0.5, 0.5, 0.5]]
    tab.open(write(altered(content, codebooks=books), tmp_path / "page.html").path)
    assert tab.codes.tolist() == [0, -2.5, 0.5] or tab.codes.tolist() == [0, 2.5, 0.5]
    tab.codes = np.array([0.6, 2.6, -3], np.float32)
    assert tab.codes.tolist() == [1, 2.5, 0.5]
    np.testing.assert_allclose(tab.image, onnx_pair.images(tab.codes[None], (1, 8, 8))[0], atol=1e-5)
    tab.page.locator("#sliders input").first.fill("-0.8")
    tab.wait("unbraid.codes[0] === -1")
    assert tab.page.locator("#sliders .value").first.inner_text() == "−1.00"


def test_a_smaller_decoder_draws_while_a_hand_moves(tab, tmp_path):
    content = pair_page(onnx_pair.decoder(tmp_path / "d.onnx", (1, 32, 32)))
    small = onnx_pair.decoder(tmp_path / "small.onnx", (1, 16, 16)).read_bytes()
    content = replace(altered(content, preview="small"), files={**content.files, "small": small})
    tab.open(write(content, tmp_path / "page.html").path)
    codes = np.array([0.5, 1.0, -1.0], np.float32)
    tab.page.evaluate(
        "codes => { unbraid.setCodes(Float32Array.from(codes), false); return unbraid.settled(); }", codes.tolist()
    )
    np.testing.assert_allclose(tab.image, onnx_pair.images(codes[None], (1, 16, 16))[0], atol=1e-5)
    tab.wait("unbraid.image.shape[1] === 32")
    np.testing.assert_allclose(tab.image, onnx_pair.images(codes[None], (1, 32, 32))[0], atol=1e-5)


def test_a_notebook_shows_it_in_a_frame(tab, tmp_path):
    made = api.explore_onnx(onnx_pair.decoder(tmp_path / "d.onnx", (1, 32, 32)), tmp_path / "page.html")
    (tmp_path / "notebook.html").write_text(f"<body>{made._repr_html_()}")
    tab.page.goto((tmp_path / "notebook.html").as_uri())
    frame = tab.page.frames[1]
    until(frame, "document.body.dataset.state !== 'loading'")
    assert frame.evaluate("document.body.dataset.state") == "ready"
    frame.evaluate("unbraid.setCodes(Float32Array.of(1, 0, -1), true)")
    frame.click("#share")
    until(frame, "document.getElementById('status-text').textContent !== 'Ready'")
    frame.evaluate("unbraid.settled()")
    pixels = np.array(frame.evaluate("Array.from(unbraid.image.pixels)"))
    np.testing.assert_allclose(pixels, onnx_pair.images(np.array([[1.0, 0, -1]]), (1, 32, 32)).ravel(), atol=1e-5)
    assert tab.complaints == []


@pytest.fixture
def server(tmp_path):
    """A web server for a folder; its address."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.func.log_message = lambda *given: None
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{made.server_address[1]}"
        finally:
            made.shutdown()
            thread.join()


def test_a_folder_on_a_web_server(tab, tmp_path, server):
    decoder = onnx_pair.decoder(tmp_path / "d.onnx", (1, 32, 32))
    api.explore_onnx(decoder, tmp_path / "site", split=True)
    tab.open(f"{server}/site/index.html")
    assert tab.state == "ready", tab.error
    tab.codes = codes = np.array([0.7, -1.5, 0.2], np.float32)
    np.testing.assert_allclose(tab.image, onnx_pair.images(codes[None], (1, 32, 32))[0], atol=1e-5)
    asked = {url.rpartition("/")[2].partition("#")[0] for url in tab.requests if not url.startswith("data:")}
    assert asked == {"index.html", "page.css", "app.js", "ort-wasm-simd-threaded.wasm.gz", "decoder.gz"}
    assert tab.complaints == []
    (tmp_path / "site" / "decoder.gz").unlink()
    tab.open(f"{server}/site/index.html?again")
    assert "decoder.gz is not there (404)" in tab.error


def test_a_folder_opened_from_disk_says_what_to_do(tab, tmp_path):
    api.explore_onnx(onnx_pair.decoder(tmp_path / "d.onnx", (1, 32, 32)), tmp_path / "site", split=True)
    tab.open(tmp_path / "site" / "index.html")
    assert tab.state == "error"
    assert "python -m http.server" in tab.error


INJECTED = """<script>window.injected = 'script'</script><script type="module">window.injected = 'module'</script>
<img src="data:," onerror="window.injected = 'handler'"><script src="data:text/javascript,window.injected = 'address'"></script>
<style>body { --injected: yes }</style>"""


@pytest.mark.parametrize("split", [False, True])
def test_only_the_pages_own_script_runs_and_nothing_is_sent(tab, tmp_path, server, split):
    """Script put into the file, or into the open page, does not run; no address outside is asked for anything."""
    page = api.explore_onnx(
        onnx_pair.decoder(tmp_path / "d.onnx", (1, 32, 32)), tmp_path / ("site" if split else "page.html"), split=split
    ).path
    text = page.read_text()
    page.write_text(text.replace("<noscript>", INJECTED + "<noscript>"))
    tab.open(f"{server}/site/" if split else page)
    assert tab.state == "ready", tab.error
    attempts = """async () => {
      const made = document.createElement('script');
      made.textContent = "window.injected = 'made'";
      document.body.append(made);
      const sent = await fetch('http://127.0.0.1:9/').then(() => 'sent', error => error.name);
      const picture = await new Promise(done => {
        document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => {
          if (effectiveDirective === 'img-src') done(effectiveDirective);
        });
        new Image().src = 'http://127.0.0.1:9/picture.png';
      });
      return [window.injected ?? null, sent, picture, getComputedStyle(document.body).getPropertyValue('--injected')];
    }"""
    assert tab.page.evaluate(attempts) == [None, "TypeError", "img-src", ""]
    assert sum("Content Security Policy" in words for words in tab.complaints) >= 6
    # without the policy all of it would have run
    page.write_text(re.sub('<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text()))
    tab.open(f"{server}/site/?open" if split else page)
    assert tab.page.evaluate("window.injected") is not None


def test_the_page_of_the_documentation(tab, tmp_path, server):
    """The module's parts make the page that docs/explorer.md shows."""
    text = (Path(__file__).parents[2] / "docs" / "explorer.md").read_text()
    (tmp_path / "index.html").write_text(re.search(r"```html\n(.*?)```", text, re.DOTALL)[1])
    assets = resources.files("unbraid.explorer") / "assets"
    for name in ("unbraid.mjs", "ort-wasm-simd-threaded.wasm.gz"):
        (tmp_path / name).write_bytes((assets / name).read_bytes())
    onnx_pair.decoder(tmp_path / "decoder.onnx", (1, 32, 32))
    (tmp_path / "model.json").write_text('{"latent_dim": 3}')
    tab.page.goto(server)
    tab.wait("document.getElementById('image').width === 32")
    tab.page.locator("input[type=range]").nth(1).fill("1.5")
    tab.page.wait_for_timeout(200)
    expected = np.rint(255 * onnx_pair.images(np.array([[0, 1.5, 0]], np.float32), (1, 32, 32))[0, 0])
    assert np.abs(tab.canvas("#image")[..., 0] - expected).max() <= 1
    assert [words for words in tab.complaints if "favicon" not in words and "404" not in words] == []


def test_every_name_of_the_module_is_documented(tab, tmp_path, server):
    assets = resources.files("unbraid.explorer") / "assets"
    (tmp_path / "unbraid.mjs").write_bytes((assets / "unbraid.mjs").read_bytes())
    (tmp_path / "index.html").write_text("<title>empty</title>")
    tab.page.goto(server)
    names = tab.page.evaluate("async () => Object.keys(await import('/unbraid.mjs'))")
    text = (Path(__file__).parents[2] / "docs" / "explorer.md").read_text()
    assert len(names) > 10
    assert [name for name in names if f"{name}" not in text] == []


def test_latest_leaves_out_what_is_overtaken(tab, tmp_path, server):
    """One piece of work at a time; of what waits the last; a failure is told and stops nothing."""
    assets = resources.files("unbraid.explorer") / "assets"
    (tmp_path / "unbraid.mjs").write_bytes((assets / "unbraid.mjs").read_bytes())
    (tmp_path / "index.html").write_text("<title>empty</title>")
    tab.page.goto(server)
    done, failed, most = tab.page.evaluate(
        """async () => {
          const { Latest } = await import('/unbraid.mjs');
          const [done, failed] = [[], []];
          let [now, most] = [0, 0];
          const latest = new Latest(async value => {
            most = Math.max(most, ++now);
            await new Promise(rest => setTimeout(rest, 20));
            now -= 1;
            if (value === 5) throw new Error('five');
            done.push(value);
          }, error => failed.push(error.message));
          for (const value of [1, 2, 3, 4, 5]) latest.ask(value);
          await latest.settled();
          latest.ask(6);
          await latest.settled();
          return [done, failed, most];
        }"""
    )
    assert (done, failed, most) == ([1, 6], ["five"], 1)
