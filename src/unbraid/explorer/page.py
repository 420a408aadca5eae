"""The page: its parts and what it shows, put together to one file or to a folder."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Collection
from dataclasses import dataclass
from importlib import resources
from importlib.metadata import version
from pathlib import Path

from unbraid.errors import UsageError
from unbraid.explorer.blobs import embedded, packed, script_json
from unbraid.explorer.content import Content
from unbraid.files import PAGE, kind_of_file, require_writable, whole_file
from unbraid.records import to_json

RUNTIME = "ort-wasm-simd-threaded.wasm.gz"
INDEX, SCRIPT, STYLE = "index.html", "app.js", "page.css"
MADE = '<p class="over">unbraid explorer</p>'
"""By what pages of this module, those of earlier versions included, are known."""


@dataclass(frozen=True)
class Page:
    """A page on disk: `path` is the file to open. In a notebook it shows itself."""

    path: Path

    def __fspath__(self) -> str:
        return str(self.path)

    def _repr_html_(self) -> str:
        """A frame with the page inside, so that a saved notebook still has it.

        Of a folder one that names its file.
        """
        if (self.path.parent / SCRIPT).is_file() and self.path.name == INDEX:
            source = f'src="{html.escape(str(self.path))}"'
        else:
            source = f'srcdoc="{html.escape(self.path.read_text(encoding="utf-8"))}"'
        return f'<iframe {source} title="unbraid explorer" style="width: 100%; height: 48rem; border: 0"></iframe>'


def write(content: Content, out: Path, *, split: bool = False, overwrite: bool = False) -> Page:
    """Write one HTML file that opens from disk, or with `split` a folder for a web server.

    Raises `UsageError` for a page whose name does not end in .html, and where files are there already; see `require_free`.
    """
    require_free(out, split=split, overwrite=overwrite, files=[_packed_name(name) for name in content.files])
    return Page(_write_folder(content, out) if split else _write_file(content, out))


def require_free(out: Path, *, split: bool = False, overwrite: bool = False, files: Collection[str] = ()) -> None:
    """Refuse what would lose a file, before anything is written.

    Args:
        files: names of further files that a folder is to hold, where they are known already.

    Raises `UsageError` for a page whose name does not end in .html, and where files are there already; with `overwrite` only
    where they do not belong to an earlier page.
    """
    if out.is_dir() and not split:
        raise UsageError(f"{out} is a folder; give the name of a file: -o {out / 'explorer.html'}")
    if split and out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; --split needs a folder.")
    if not split:
        kind_of_file(out, PAGE)
    index = out / INDEX if split else out
    require_writable(index)
    names = (INDEX, SCRIPT, STYLE, RUNTIME, *files) if split else (out.name,)
    taken = [path for name in names if (path := index.with_name(name)).exists()]
    if taken and not overwrite:
        raise UsageError(f"{taken[0]} exists already; give another name, or --overwrite to replace an earlier page.")
    page = _earlier_page(index) if taken else ""
    for path in taken:
        if not page or (path != index and f'"{path.name}"' not in page):
            raise UsageError(
                f"{path} belongs to no page that unbraid wrote, so that --overwrite does not replace it; give another name."
            )


def _earlier_page(path: Path) -> str:
    """The text of a page that this module wrote; of any other file none."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    return text if MADE in text else ""


def _write_file(content: Content, path: Path) -> Path:
    compressed = {"runtime": _asset(RUNTIME), **{name: packed(raw) for name, raw in content.files.items()}}
    style, script = f"\n{_text(STYLE)}", f"\n{inline_script(_text(SCRIPT))}"
    text = _filled(
        content,
        policy=_policy(style=_hash(style), script=_hash(script), connect="'none'"),
        style=f"<style>{style}</style>",
        files="\n".join(_holder(name, embedded(raw)) for name, raw in compressed.items()),
        script=f'<script type="module">{script}</script>',
    )
    _put(path, text.encode())
    return path


def _write_folder(content: Content, folder: Path) -> Path:
    models = {_packed_name(name): packed(raw) for name, raw in content.files.items()}
    parts = {**models, RUNTIME: _asset(RUNTIME), SCRIPT: _asset(SCRIPT), STYLE: _asset(STYLE)}
    sources = {"runtime": RUNTIME, **{name: _packed_name(name) for name in content.files}}
    text = _filled(
        content,
        policy=_policy(style="'self'", script="'self'", connect="'self'"),
        style=f'<link rel="stylesheet" href="{STYLE}">',
        files="\n".join(_holder(name, "", source) for name, source in sources.items()),
        script=f'<script defer src="{SCRIPT}"></script>',
    )
    for name, raw in {**parts, INDEX: text.encode()}.items():  # the index last, when all that it names is there
        _put(folder / name, raw)
    return folder / INDEX


def _packed_name(name: str) -> str:
    return f"{name}.gz"


def _policy(*, style: str, script: str, connect: str) -> str:
    """A policy under which only the page's own script and style work, and nothing else is fetched."""
    rules = {
        "default-src": "'none'",
        "script-src": f"{script} 'wasm-unsafe-eval'",
        "style-src": style,
        "img-src": "data: blob:",
        "connect-src": connect,
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in rules.items())


def _hash(text: str) -> str:
    """The source of an inline script or style with exactly this text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def inline_script(text: str) -> str:
    """JavaScript that may stand inside a script element.

    Nothing in its strings ends the element or opens a comment.
    """
    return re.sub("</(script)", r"<\\/\1", text, flags=re.IGNORECASE).replace("<!--", "<\\!--")


def _filled(content: Content, *, policy: str, style: str, files: str, script: str) -> str:
    marks = {
        "POLICY": f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        "TITLE": html.escape(content.title),
        "VERSION": version("unbraid"),
        "STYLE": style,
        "DATA": script_json(to_json(content.data)),
        "FILES": files,
        "SCRIPT": script,
    }
    first, *rest = _text("page.html").split("<!-- unbraid:")
    made = [first]
    for piece in rest:  # one pass, so that what is put in is never searched for marks
        mark, _, tail = piece.partition(" -->")
        made += [marks[mark], tail]
    return "".join(made)


def _holder(name: str, text: str, source: str = "") -> str:
    beside = f' data-src="{html.escape(source)}"' if source else ""
    return f'<script type="text/plain" id="file-{html.escape(name)}"{beside}>{text}</script>'


def _put(path: Path, content: bytes) -> None:
    with whole_file(path) as temporary:
        temporary.write_bytes(content)


def _asset(name: str) -> bytes:
    return resources.files("unbraid.explorer").joinpath("assets", name).read_bytes()


def _text(name: str) -> str:
    return _asset(name).decode("utf-8")
