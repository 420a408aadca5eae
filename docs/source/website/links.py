"""A Sphinx extension that makes links of names in code: `beta_vae`, `mig`, `unbraid.metrics.mig`.

Pages stay plain Markdown: what stands in backticks and is the name of a registered thing, or the path of a public name, leads
to its page where it is first named on a page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.domains.python import ObjectEntry
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

FILE = "names.json"
"""Pages of registered things by their names, beside the sources."""


class NamesAsLinks(SphinxPostTransform):
    """Links around literals that name something, and around types of signatures that are the library's own."""

    default_priority = 5  # before Sphinx resolves references, which looks through all names for each type

    def run(self) -> None:
        pages = json.loads((Path(self.env.srcdir) / FILE).read_text(encoding="utf-8"))
        objects = self.env.get_domain("py").objects  # type: ignore[attr-defined]
        classes = _by_last_part(objects)
        for wanted in list(self.document.findall(addnodes.pending_xref)):
            if wanted.get("refdomain") == "py":
                path = classes.get(wanted["reftarget"].rpartition(".")[2], "")
                inside = [child.deepcopy() for child in wanted.children]
                wanted.replace_self([self._link(objects[path], inside)] if path else inside)
        seen: set[str] = set()
        for literal in list(self.document.findall(nodes.literal)):
            text = literal.astext()
            if text in seen or _inside(literal, (nodes.reference, nodes.title, addnodes.pending_xref, addnodes.desc_signature)):
                continue
            path = text if text in objects and "." in text else classes.get(text, "")
            if text in pages and pages[text] != self.env.docname:
                inside = [literal.deepcopy()]
                literal.replace_self(make_refnode(self.app.builder, self.env.docname, pages[text], "", inside))
            elif path:
                literal.replace_self(self._link(objects[path], [literal.deepcopy()]))
            seen.add(text)

    def _link(self, found: ObjectEntry, inside: list[nodes.Node]) -> nodes.reference:
        return make_refnode(self.app.builder, self.env.docname, found.docname, found.node_id, inside)


def _by_last_part(objects: Mapping[str, ObjectEntry]) -> dict[str, str]:
    """Paths of classes by their own names, of those whose name no other class has."""
    paths: dict[str, list[str]] = {}
    for path, found in objects.items():
        if found.objtype == "class" and not found.aliased:
            paths.setdefault(path.rpartition(".")[2], []).append(path)
    return {name: own[0] for name, own in paths.items() if len(own) == 1}


def _inside(node: nodes.Node, kinds: tuple[type[nodes.Node], ...]) -> bool:
    while node is not None:
        if isinstance(node, kinds):
            return True
        node = node.parent
    return False


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_post_transform(NamesAsLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
