"""Pages parsed, with what must hold of every page."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "link", "hr", "input"}


class Reader(HTMLParser):
    """Collects what matters of a page and notices tags that are not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.images: list[dict] = []
        self.headings: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.references += [found[name] for name in ("src", "href", "xlink:href", "srcset", "data", "action") if name in found]
        self.references += re.findall(r"url\(([^)]*)\)", " ".join(value or "" for value in found.values()))
        if tag == "img":
            self.images.append(found)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        if self.open and self.open[-1] in ("h1", "h2", "h3"):
            self.headings.append(data)
        if "style" not in self.open:
            self.text += data
        else:
            self.references += re.findall(r"url\(([^)]*)\)|@import\s+(\S+)", data)


def read(page: str) -> Reader:
    """The page parsed, after what must hold of every page has been checked."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert not reader.wrong
    assert not reader.open
    assert len(reader.ids) == len(set(reader.ids)), "ids must differ"
    for reference in reader.references:
        assert reference.startswith(("#", "data:image/png;base64,")), reference
        assert not reference.startswith("#") or reference[1:] in reader.ids, reference
    assert all(image.get("alt") for image in reader.images)
    assert "<script" not in page
    assert len(page) < 3_000_000
    for mark in ("NaN", ">nan", " nan", "None", "Undefined", "{{", "{%"):
        assert mark not in reader.text, mark
    reader.text = " ".join(reader.text.split())
    return reader
