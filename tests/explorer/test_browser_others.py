"""Pages of other people's models, and pages that a web server gives, in a browser."""

from __future__ import annotations

import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path

import numpy as np
import onnx_pair
import pytest

import onnx_models
from unbraid import api

DROP = """([size, colour]) => new Promise(done => {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = size;
  const area = canvas.getContext('2d');
  area.fillStyle = colour;
  area.fillRect(0, 0, size, size);
  canvas.toBlob(blob => {
    const carried = new DataTransfer();
    carried.items.add(new File([blob], 'a.png', { type: 'image/png' }));
    const how = { dataTransfer: carried, bubbles: true, cancelable: true };
    for (const type of ['dragover', 'drop']) document.getElementById('traversal').dispatchEvent(new DragEvent(type, how));
    done();
  });
})"""


@pytest.mark.parametrize(("shape", "batch"), [((1, 28, 28), "n"), ((3, 128, 128), 1), ((3, 32, 48), "n")])
def test_anybodys_pair(tab, tmp_path, shape, batch):
    decoder = onnx_pair.decoder(tmp_path / "d.onnx", shape, batch=batch)
    encoder = onnx_models.encoder(tmp_path / "e.onnx", shape=(batch, *shape))
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
    tab.page.wait_for_function("unbraid.source.kind === 'own'")
    tab.settle()
    height, width = shape[1:]
    pixels = np.zeros(shape, np.float32)
    left = (width - height) // 2  # it is fitted in, whole and in the middle
    pixels[..., left : left + height] = (
        np.array([1, 0.2, 0], np.float32)[:, None, None] if shape[0] == 3 else np.float32(0.299 + 0.587 * 0.2)
    )
    mean = pixels.reshape(1, -1) @ onnx_models.weights(pixels.size, 3)
    np.testing.assert_allclose(tab.codes, mean[0], atol=2e-3)
    variance = np.exp(0.5 * mean[0] - 1)
    kl = 0.5 * (mean[0] ** 2 + variance - 1 - np.log(variance))
    assert f"KL {kl.sum():.1f} nats" in tab.page.inner_text("#given-text")
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
    tab.page.wait_for_function("document.getElementById('image').width === 32")
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
