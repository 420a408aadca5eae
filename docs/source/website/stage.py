"""The sources of the website in one folder: written pages, generated ones, and the navigation."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from website.api_pages import api_pages
from website.cli_pages import cli_page
from website.links import FILE as NAMES
from website.live import shown
from website.registry_pages import linked_names, registry_pages

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
BUILD = DOCS / "_build"
FRONT = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
"""Pages outside docs/, and their names on the website."""
FILES = ("LICENSE", "CITATION.cff")
"""Files that pages link to, which are no pages."""
FENCE = re.compile(r"^( *)(`{3,}|~{3,}).*?^\1\2`* *$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(\]\(|(?:src|href)=\")([^)\s\"#:]+)(?=[)\s\"#])")


def stage(folder: Path) -> None:
    """Write all sources into a folder; files that stay the same are not touched, so that Sphinx reads what changed alone.

    A page that is both written and generated is the written one, with the generated below it.
    """
    generated, made_files = registry_pages()
    generated |= api_pages() | cli_page()
    written = pages()
    texts = {name: linked(path, written) for name, path in written.items()}
    texts |= {name: f"{texts[name]}\n{text}" if name in texts else text for name, text in generated.items()}
    texts["gallery.md"] = shown(texts["gallery.md"])
    texts = navigated(texts, sections())
    for name, text in texts.items():
        write(folder / name, text.encode())
    files = {name: (ROOT / name).read_bytes() for name in FILES} | made_files
    files |= {path.relative_to(DOCS).as_posix(): path.read_bytes() for path in (DOCS / "images").rglob("*") if path.is_file()}
    files[NAMES] = json.dumps(linked_names()).encode()
    for name, content in files.items():
        write(folder / name, content)
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if path.relative_to(folder).as_posix() not in {*texts, *files}:
            path.unlink()


def sections() -> list[dict[str, Any]]:
    """The navigation as it is written down."""
    told: list[dict[str, Any]] = yaml.safe_load((DOCS / "navigation.yml").read_text(encoding="utf-8"))
    return told


def write(path: Path, content: bytes) -> None:
    """Write a file where it is not there with this content."""
    if not path.is_file() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def pages() -> dict[str, Path]:
    """The written pages by their names on the website."""
    skipped = (BUILD, DOCS / "source", DOCS / "ledger")
    found = {name: ROOT / file for file, name in FRONT.items()}
    for path in sorted(DOCS.rglob("*.md")):
        if not path.is_relative_to(skipped[0]) and not path.is_relative_to(skipped[1]) and not path.is_relative_to(skipped[2]):
            found[path.relative_to(DOCS).as_posix()] = path
    return found


def linked(page: Path, written: Mapping[str, Path]) -> str:
    """The text of a page whose relative links lead to the pages of the website."""
    places = {path.resolve(): name for name, path in written.items()}
    own = places[page.resolve()]

    def lead(match: re.Match[str]) -> str:
        target = (page.parent / match[2]).resolve()
        if target in places:
            there = places[target]
        elif target.is_dir() and target.is_relative_to(DOCS):
            there = f"{target.relative_to(DOCS).as_posix()}/index.md"
        elif target.is_relative_to(DOCS):
            there = target.relative_to(DOCS).as_posix()
        else:
            there = target.relative_to(ROOT).as_posix()
        return match[1] + relative(there, own)

    return outside_code(page.read_text(encoding="utf-8"), lambda text: LINK.sub(lead, text))


def relative(name: str, page: str) -> str:
    """The link from a page to another name of the website."""
    return Path(os.path.relpath(name, Path(page).parent)).as_posix()


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """A text whose parts outside fenced code are changed."""
    parts, end = [], 0
    for block in FENCE.finditer(text):
        parts += [change(text[end : block.start()]), block[0]]
        end = block.end()
    return "".join([*parts, change(text[end:])])


def title_of(text: str) -> str:
    """The first heading of a page."""
    return re.search(r"^# (.*)$", text, re.MULTILINE)[1]  # type: ignore[index]


def summary_of(text: str) -> str:
    """The first sentence below the first heading, where a paragraph of words comes first."""
    below = re.search(r"^# .*\n+((?:[^\n]+\n?)+)", text, re.MULTILINE)
    if below is None or not re.match(r"[A-Z*`\[\"“]", below[1]):
        return ""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(below[1].split()))
    return re.split(r"(?<=[.:?])\s", words, maxsplit=1)[0].rstrip(":")


def navigated(texts: Mapping[str, str], sections: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """All pages, those that open a section with its pages below them."""
    texts, sections = dict(texts), list(sections)
    named = {name for section in sections for name in [section["page"], *section["pages"]]} | {"index.md"}
    below: dict[str, list[str]] = {}
    for section in sections:
        own: list[str] = []
        for name in section["pages"]:
            if "*" in name:
                own += sorted(
                    page
                    for page in texts
                    if Path(page).match(name) and page.count("/") == name.count("/") and page not in named
                )
            elif name in texts or any(name == other["page"] and expanded(other, texts) for other in sections):
                own.append(name)
        if own or section["page"] in texts:
            below[section["page"]] = own
    sections = [section for section in sections if section["page"] in below]
    placed = {name for own in below.values() for name in own} | set(below) | {"index.md"}
    below["about/index.md"] += sorted(set(texts) - placed)
    tops = [section for section in sections if section["page"] not in {name for own in below.values() for name in own}]
    for section in reversed(sections):  # pages inside others first, so that their titles are known
        page, own = section["page"], below[section["page"]]
        if page not in texts:
            items = [
                f"- [{title_of(texts[name])}]({relative(name, page)})"
                + (f": {said}" if (said := summary_of(texts[name])) else "")
                for name in own
            ]
            texts[page] = "\n".join([f"# {section['title']}", "", section["about"], "", *items, ""])
        texts[page] += toctree([(None, relative(name, page)) for name in own])
    texts["index.md"] += toctree([(section["title"], section["page"]) for section in tops])
    return texts


def expanded(section: Mapping[str, Any], texts: Mapping[str, str]) -> bool:
    """Whether a section has pages."""
    return any(Path(page).match(name) for name in section["pages"] for page in texts)


def toctree(entries: Iterable[tuple[str | None, str]]) -> str:
    """A hidden list of pages, each with a title of its own or None."""
    lines = [f"{title} <{name}>" if title else name for title, name in entries]
    return "\n".join(["", "```{toctree}", ":hidden:", "", *lines, "```", ""]) if lines else ""
