"""The API reference: every public function, class and documented constant of the library, read from its sources.

A name is public where it has no underscore before it. It stands under the shortest path that it is imported by: a name that
a package brings together in its `__init__` stands there, any other in its own module. A page per room of the library.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from unbraid.registries import REGISTRIES
from website.docstrings import summary, to_markdown

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "src" / "unbraid"
IMPORT = re.compile(r"^ *from (unbraid[\w.]*) import \(?([\w, \n]+)\)?", re.MULTILINE)
MODULES = "_modules"
"""Ends the names of pages with what a package does not bring together."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Public:
    """A public name: the module that defines it, the shortest path to it, and what it is."""

    name: str
    module: str
    path: str
    node: ast.stmt
    docstring: str

    @property
    def room(self) -> str:
        """The package or module below `unbraid`, "unbraid" itself for what it brings together."""
        parts = self.path.split(".")
        return parts[1] if len(parts) > 2 else "unbraid"


def public_names() -> list[Public]:
    """All of them, in the order of their modules and of the source."""
    modules = _modules()
    shortest = _brought_together(modules)
    found = []
    for module, tree in modules.items():
        for name, node, docstring in _definitions(tree):
            found.append(Public(name, module, shortest.get(f"{module}.{name}", f"{module}.{name}"), node, docstring))
    return found


def met_by_users() -> list[Public]:
    """The names that users meet: what a package brings together, what is registered, and what a written page imports."""
    registered = {
        f"{entry.factory.__module__}.{entry.factory.__qualname__}" for all_of in REGISTRIES.values() for entry in all_of
    }
    written = (path for path in [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"] if "_build" not in path.parts)
    imported = {
        f"{found[1]}.{name}"
        for path in written
        for found in IMPORT.finditer(path.read_text(encoding="utf-8"))
        for name in re.findall(r"\w+", found[2])
    }
    return [
        one
        for one in public_names()
        if one.path.rpartition(".")[0] != one.module or {one.path, f"{one.module}.{one.name}"} & (registered | imported)
    ]


def has_example(one: Public) -> bool:
    """Whether its docstring, or that of one of its methods, has an example."""
    own = one.node.body if isinstance(one.node, ast.ClassDef) else []
    texts = [one.docstring, *(ast.get_docstring(member) or "" for member in own if isinstance(member, Function))]
    return any(">>> " in text for text in texts)


@cache
def _modules() -> Mapping[str, ast.Module]:
    """The sources of all modules by their names."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        if any(part.startswith("_") and part != "__init__" for part in parts):
            continue
        name = ".".join(part for part in parts if part != "__init__")
        found[name] = _Plain().visit(ast.parse(path.read_text(encoding="utf-8")))
    return found


class _Plain(ast.NodeTransformer):
    """Leaves of `Annotated[kind, notes]` the kind alone, as signatures show it."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == "Annotated" and isinstance(node.slice, ast.Tuple):
            return node.slice.elts[0]
        return node


def _brought_together(modules: Mapping[str, ast.Module]) -> dict[str, str]:
    """Paths of names that packages import for their users, by the paths that define them."""
    packages = {".".join(path.parent.relative_to(PACKAGE.parent).parts) for path in PACKAGE.rglob("__init__.py")}
    shortest: dict[str, str] = {}
    for package in sorted(packages, key=lambda one: -one.count(".")):  # the shortest last
        for node in _for_users(modules[package]):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{package}."):
                for name in node.names:
                    public = name.asname or name.name
                    if not public.startswith("_"):
                        shortest[_origin(modules, node.module, name.name)] = f"{package}.{public}"
    return shortest


def _for_users(package: ast.Module) -> list[ast.stmt]:
    """The imports of a package for its users: those for type checkers alone where the names are imported when they are used."""
    typed = [node for node in package.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    return typed[0].body if typed else package.body


def _origin(modules: Mapping[str, ast.Module], module: str, name: str) -> str:
    """The path that a name is defined by, where a module may have it from another."""
    for node in modules[module].body if module in modules else ():
        if isinstance(node, ast.ImportFrom) and node.module and name in [one.asname or one.name for one in node.names]:
            return _origin(modules, node.module, name)
    return f"{module}.{name}"


def _definitions(tree: ast.Module) -> Iterator[tuple[str, ast.stmt, str]]:
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if not node.name.startswith("_") and not _is_overload(node):
                yield node.name, node, ast.get_docstring(node) or ""
        elif said := _string(after):
            for name in _assigned(node):
                yield name, node, said


def _is_overload(node: Function | ast.ClassDef) -> bool:
    """Whether it is one of the forms of a function, which is defined as a whole below them."""
    return any(ast.unparse(mark).endswith("overload") for mark in node.decorator_list)


def _string(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return node.value.value
    return ""


def _assigned(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [one.id for one in targets if isinstance(one, ast.Name) and not one.id.startswith("_")]


def api_pages() -> dict[str, str]:
    """The pages of the reference by their names on the website."""
    modules = _modules()
    every = public_names()
    together = {one.room for one in every if one.path.rpartition(".")[0] == _dotted(one.room)}
    rooms: dict[str, list[Public]] = {}
    for one in every:
        is_apart = one.room in together and one.path.rpartition(".")[0] != _dotted(one.room)
        rooms.setdefault(f"{one.room}{MODULES}" if is_apart else one.room, []).append(one)
    pages = {f"reference/api/{room}.md": "\n\n".join(_room(room, names, modules)) + "\n" for room, names in rooms.items()}
    lines = [_row(room, rooms[room], modules) for room in sorted(rooms, key=lambda room: (room != "unbraid", room))]
    pages["reference/api/index.md"] = "\n".join([*_INDEX, *lines, ""])
    return pages


def _row(room: str, names: list[Public], modules: Mapping[str, ast.Module]) -> str:
    about = _summary(modules[_dotted(room)])
    return f"| [{_title(room)}]({room}.md) | {about} | {len(names)} | {sum(map(has_example, names))} |"


_INDEX = [
    "# API",
    "",
    "Every public name, by room. Most users need `unbraid`, `unbraid.metrics`, `unbraid.figures` and `unbraid.data` alone.",
    "",
    "What packages bring together, what is registered and what these pages import has an example, which tests run. Examples",
    "take for granted:",
    "",
    "```python",
    "import numpy as np",
    "import torch",
    "import unbraid",
    "from pathlib import Path",
    "```",
    "",
    "Folders `runs/first`, `runs/beta1` and `runs/beta4` hold small runs of ellipses, `model` is the first of them, and",
    "`images` are five of its images. In examples of terms of a loss `made` is a pass of two images with posterior means",
    "(1, 0) and (-1, 0) and variances 1, and `context` is step 50 of 100.",
    "",
    "| module | what it holds | names | with an example |",
    "| --- | --- | --: | --: |",
]


def _dotted(room: str) -> str:
    return "unbraid" if room == "unbraid" else f"unbraid.{room.removesuffix(MODULES)}"


def _title(room: str) -> str:
    return f"{_dotted(room)}, by module" if room.endswith(MODULES) else _dotted(room)


def _docstring(modules: Mapping[str, ast.Module], room: str) -> str:
    return ast.get_docstring(modules[_dotted(room)]) or ""


def _summary(tree: ast.Module) -> str:
    return summary(ast.get_docstring(tree)).replace("|", "\\|")


def _room(room: str, names: list[Public], modules: Mapping[str, ast.Module]) -> Iterator[str]:
    yield f"# {_title(room)}"
    yield "What the package does not bring together." if room.endswith(MODULES) else to_markdown(_docstring(modules, room))
    places = sorted({one.path.rpartition(".")[0] for one in names}, key=lambda place: (place.count("."), place))
    for place in places:
        if place != _dotted(room):
            yield f"## {place}"
            yield to_markdown(ast.get_docstring(modules[place]))
        for one in sorted((one for one in names if one.path.rpartition(".")[0] == place), key=_order):
            yield from _described(one)


def _order(one: Public) -> tuple[int, str]:
    kind = 2 if isinstance(one.node, (ast.Assign, ast.AnnAssign)) else 1 if isinstance(one.node, ast.ClassDef) else 0
    return kind, one.name.lower()


def _described(one: Public) -> Iterator[str]:
    if isinstance(one.node, ast.ClassDef):
        inside = [to_markdown(one.docstring), *_members(one.node)]
        yield _directive("class", one.path + _construction(one.node), inside, one, fence="``````")
    elif isinstance(one.node, Function):
        yield _directive("function", one.path + _signature(one.node), [to_markdown(one.docstring)], one, fence="`````")
    else:
        yield _directive("data", one.path, [to_markdown(one.docstring)], one, fence="`````")


def _directive(kind: str, head: str, inside: list[str], one: Public | None, *, fence: str) -> str:
    full = f"{one.module}.{one.name}" if one else ""
    options = [f":canonical: {full}"] if one and full != one.path else []
    return "\n".join([f"{fence}{{py:{kind}}} {head}", *options, "", "\n\n".join(part for part in inside if part), fence])


def _members(node: ast.ClassDef) -> Iterator[str]:
    for member in node.body:
        if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)) and (
            (not member.name.startswith("_") and not _is_overload(member))
            or (member.name == "__call__" and ast.get_docstring(member))
        ):
            marks = {ast.unparse(mark) for mark in member.decorator_list}
            if {"property", "cached_property"} & marks:
                typed = [f":type: {ast.unparse(member.returns)}"] if member.returns else []
                yield _nested("property", member.name, typed, member)
            else:
                options = [f":{mark}:" for mark in ("classmethod", "staticmethod") if mark in marks]
                yield _nested("method", member.name + _signature(member, bound="staticmethod" not in marks), options, member)


def _nested(kind: str, head: str, options: list[str], member: Function) -> str:
    return "\n".join([f"`````{{py:{kind}}} {head}", *options, "", to_markdown(ast.get_docstring(member)), "`````"])


def _signature(node: Function, *, bound: bool = False) -> str:
    arguments = node.args
    if bound:
        arguments = ast.parse(f"def f({ast.unparse(arguments)}): ...").body[0].args  # type: ignore[attr-defined]
        (arguments.posonlyargs or arguments.args)[:1] = []
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"({ast.unparse(arguments)}){returns}"


def _construction(node: ast.ClassDef) -> str:
    """The arguments of a class: those of its `__init__`, or its fields where it is made of fields."""
    for member in node.body:
        if isinstance(member, ast.FunctionDef) and member.name == "__init__":
            return _signature(member, bound=True).partition(" -> ")[0]
    made_of_fields = any("dataclass" in ast.unparse(mark) for mark in node.decorator_list) or any(
        ast.unparse(base).endswith(("Struct", "NamedTuple", "Record")) for base in node.bases
    )
    if not made_of_fields:
        return ""
    fields = [one for one in node.body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)]
    said = [
        f"{one.target.id}: {ast.unparse(one.annotation)}" + (f" = {ast.unparse(one.value)}" if one.value else "")  # type: ignore[union-attr]
        for one in fields
        if not one.target.id.startswith("_") and "ClassVar" not in ast.unparse(one.annotation)  # type: ignore[union-attr]
    ]
    return f"({', '.join(said)})"
