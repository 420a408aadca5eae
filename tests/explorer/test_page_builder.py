"""What a page is made of: nothing ends a script early, nothing is lost, and numbers are those of the model."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import msgspec
import numpy as np
import pytest
from PIL import Image

from unbraid.errors import UsageError
from unbraid.explorer.blobs import floats, packed, script_json, sprite
from unbraid.explorer.content import Content, FactorPart, PageData
from unbraid.explorer.page import SCRIPT, inline_script, write

NASTY = "</script><script>alert(1)</script><!-- <script> & \" '"


class Elements(HTMLParser):
    """Scripts with their attributes and contents, and the title."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.title = ""
        self._inside = ""

    def handle_starttag(self, tag, attrs):
        self._inside = tag
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)
        if self._inside == "title":
            self.title += data


def parsed(path) -> Elements:
    elements = Elements()
    elements.feed(path.read_text(encoding="utf-8"))
    return elements


DATA = PageData(
    data=NASTY,
    shape=(1, 2, 2),
    factors=[FactorPart("<!-- unbraid:TITLE -->", 2)],
    cloud=[],
    images=None,
    models=[],
    networks={},
)
CONTENT = Content(NASTY, DATA, {"decoder": b"weights \x00\xff" * 99})


def from_page(text: str) -> bytes:
    return base64.b85decode(text.replace(",", "<"))


def test_nothing_ends_a_script_early(tmp_path):
    page = write(CONTENT, tmp_path / "page.html")
    found = parsed(page.path)
    by_id = {attributes.get("id"): text for attributes, text in found.scripts}
    assert len(found.scripts) == 4
    assert json.loads(by_id["unbraid-data"]) == json.loads(msgspec.json.encode(DATA))
    assert found.title == NASTY
    assert gzip.decompress(from_page(by_id["file-decoder"])) == CONTENT.files["decoder"]
    wasm = gzip.decompress(from_page(by_id["file-runtime"]))
    assert wasm.startswith(b"\x00asm")
    assert found.scripts[-1][0] == {"type": "module"}


def test_scripts_keep_their_meaning():
    assert inline_script('a = "</script>" + "</Script>" + "<!--"') == r'a = "<\/script>" + "<\/Script>" + "<\!--"'
    assert json.loads(script_json({"a": NASTY})) == {"a": NASTY}
    assert "<" not in script_json({"a": NASTY})
    with pytest.raises(ValueError, match="JSON"):
        script_json({"a": float("nan")})


def test_the_page_names_no_address_to_fetch(tmp_path):
    text = write(CONTENT, tmp_path / "page.html").path.read_text()
    assert "src=" not in text.replace(" data-src=", "").partition('<script type="module">')[0]
    assert "<link" not in text.replace('<link rel="icon" href="data:,">', "")


def test_nothing_is_overwritten(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        write(CONTENT, path)
    assert path.read_text() == "mine"
    with pytest.raises(UsageError, match="is a folder"):
        write(CONTENT, tmp_path)
    with pytest.raises(UsageError, match="is a file"):
        write(CONTENT, path, split=True)
    with pytest.raises(UsageError, match="no page that unbraid wrote"):
        write(CONTENT, path, overwrite=True)
    assert path.read_text() == "mine"
    path.unlink()
    write(CONTENT, path)
    made = path.read_bytes()
    write(CONTENT, path, overwrite=True)
    assert path.read_bytes() == made, "the same content gives the same bytes"
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"]


def test_a_folder_for_web_servers(tmp_path):
    page = write(CONTENT, tmp_path / "site", split=True)
    found = parsed(page.path)
    beside = {attributes["id"]: attributes["data-src"] for attributes, _ in found.scripts if "data-src" in attributes}
    assert set(beside) == {"file-runtime", "file-decoder"}
    assert gzip.decompress((tmp_path / "site" / beside["file-decoder"]).read_bytes()) == CONTENT.files["decoder"]
    assert {*beside.values(), SCRIPT, "page.css", "index.html"} == {one.name for one in (tmp_path / "site").iterdir()}
    with pytest.raises(UsageError, match=r"index.html exists already"):
        write(CONTENT, tmp_path / "site", split=True)


@pytest.mark.parametrize("name", ["app.js", "page.css", "index.html", "decoder.gz", "ort-wasm-simd-threaded.wasm.gz"])
def test_no_file_of_the_user_is_replaced_in_a_folder(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError, match=f"{name} exists already"):
        write(CONTENT, tmp_path, split=True)
    with pytest.raises(UsageError, match=f"{name} belongs to no page"):
        write(CONTENT, tmp_path, split=True, overwrite=True)
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {name: "mine"}


def test_an_earlier_folder_is_replaced_and_files_beside_it_are_kept(tmp_path):
    write(CONTENT, tmp_path, split=True)
    (tmp_path / "data.gz").write_text("mine")
    write(replace(CONTENT, title="other"), tmp_path, split=True, overwrite=True)
    assert parsed(tmp_path / "index.html").title == "other"
    assert (tmp_path / "data.gz").read_text() == "mine"
    with pytest.raises(UsageError, match="data.gz belongs to no page"):
        write(replace(CONTENT, files={"data": b"weights"}), tmp_path, split=True, overwrite=True)


@pytest.mark.parametrize("split", [False, True])
def test_the_policy_allows_the_pages_own_script_and_style_alone(tmp_path, split):
    page = write(CONTENT, tmp_path / ("site" if split else "page.html"), split=split)
    text = page.path.read_text()
    policy = re.search('<meta http-equiv="Content-Security-Policy" content="([^"]*)">', text)
    assert policy.start() < min(text.index("<script"), text.index("<link"), text.index("<title"))
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy[1].split(";")}
    assert rules["default-src"] == ["'none'"]
    assert rules["connect-src"] == (["'self'"] if split else ["'none'"])
    for element, rule in (("script", "script-src"), ("style", "style-src")):
        if split:
            own = "'self'"
        else:
            inside = re.search(rf'<{element}(?: type="module")?>(.*?)</{element}>', text, re.DOTALL)[1]
            own = f"'sha256-{base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()}'"
        assert rules[rule] == [own, *(["'wasm-unsafe-eval'"] if element == "script" else [])]


def test_notebooks_show_the_page_inside(tmp_path):
    page = write(CONTENT, tmp_path / "page.html")
    frame = Elements()
    found: list[dict] = []
    frame.handle_starttag = lambda tag, attrs: found.append({"tag": tag, **dict(attrs)})
    frame.feed(page._repr_html_())
    assert [one["tag"] for one in found] == ["iframe"]
    assert found[0]["srcdoc"] == page.path.read_text()


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 40), (2, 8, 8), (1, 128, 128)])
def test_a_sprite_keeps_every_pixel(shape):
    images = np.random.default_rng(0).integers(0, 256, (7, *shape), dtype=np.uint8)
    address = sprite(images, 3)
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(address.removeprefix("data:image/png;base64,")))))
    _, height, width = shape
    for i, image in enumerate(images):
        top, left = i // 3 * height, i % 3 * width
        tile = sheet[top : top + height, left : left + width]
        if shape[0] == 1:
            np.testing.assert_array_equal(tile, image[0])
        else:
            np.testing.assert_array_equal(tile[..., : shape[0]], image.transpose(1, 2, 0))


def test_numbers_and_files_come_back():
    values = np.array([[1.5, np.nan], [-np.inf, 1e-30]], np.float64)
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(floats(values)), "<f4"), values.astype("<f4").ravel())
    assert packed(b"x" * 99) == packed(b"x" * 99)
