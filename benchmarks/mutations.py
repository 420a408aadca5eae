"""The small changes that `mutants.py` makes to a module: one wrong operator, sign, number, axis, index or argument each.

Left alone: what is written for people: docstrings, annotations, `Option`, `Variant`, decorators, `__repr__`, messages, text,
and `strict` of `zip`, which guards those who change the code.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

OPERATORS = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
    ast.Pow: ("**", "*"),
    ast.MatMult: ("@", "*"),
    ast.BitOr: ("|", "&"),
    ast.BitAnd: ("&", "|"),
    ast.BitXor: ("^", "|"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
    ast.And: ("and", "or"),
    ast.Or: ("or", "and"),
}
COMPARISONS = {
    ast.Lt: ("<", ("<=", ">")),
    ast.LtE: ("<=", ("<", ">")),
    ast.Gt: (">", (">=", "<")),
    ast.GtE: (">=", (">", "<")),
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
    ast.Is: ("is", ("is not",)),
    ast.IsNot: ("is not", ("is",)),
    ast.In: ("in", ("not in",)),
    ast.NotIn: ("not in", ("in",)),
}
PREFIXES = {ast.USub: "-", ast.Not: "not", ast.Invert: "~"}
PAIRS = (
    ("sum", "mean"),
    ("min", "max"),
    ("minimum", "maximum"),
    ("argmin", "argmax"),
    ("any", "all"),
    ("floor", "ceil"),
    ("zeros", "ones"),
    ("zeros_like", "ones_like"),
    ("tril", "triu"),
    ("exp", "expm1"),
    ("log", "log1p"),
    ("std", "var"),
    ("cumsum", "cumprod"),
)
SWAPS = {a: b for pair in PAIRS for a, b in (pair, pair[::-1])}
UNWRAPPED = {
    "abs",
    "clip",
    "clamp",
    "sqrt",
    "square",
    "log",
    "exp",
    "maximum",
    "minimum",
    "sort",
    "softplus",
    "sigmoid",
    "detach",
}
TURNED = {"T", "mT"}
FOR_PEOPLE = {"Option", "Variant", "Published", "Registry", "warn"}
KEYWORDS_FOR_PEOPLE = {"repr", "stacklevel", "strict"}


@dataclass(frozen=True)
class Mutant:
    """A change of the bytes from `start` to `end` of a module.

    Args:
        function: the outermost function around it, empty for what runs at import.
        line: its first line.
        reach: the lines that matter: its own; all of the function whose default or the class whose field it is; else all.
    """

    function: str
    line: int
    reach: range
    start: int
    end: int
    new: str

    def apply(self, source: bytes) -> bytes:
        """The changed module."""
        return source[: self.start] + self.new.encode() + source[self.end :]

    def shown(self, source: bytes) -> str:
        """The changed lines before and after, in one line."""
        first = source.rfind(b"\n", 0, self.start) + 1
        last = source.find(b"\n", self.end)
        before, after = source[first : self.start], source[self.end : last]
        old = before + source[self.start : self.end] + after
        return " => ".join(" ".join(text.decode().split()) for text in (old, before + self.new.encode() + after))


def mutants(source: bytes) -> list[Mutant]:
    """All mutants of a module, in the order of its text."""
    finder = _Finder(source)
    finder.visit(ast.parse(source))
    found = {(m.start, m.end, m.new): m for m in finder.found}
    return sorted(found.values(), key=lambda m: (m.start, m.end, m.new))


class _Finder(ast.NodeVisitor):
    """Walks through what is computed, and notes what could be changed."""

    def __init__(self, source: bytes) -> None:
        self.source, self.found = source, list[Mutant]()
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.classes, self.function = list[str](), ""
        self.reach = range(1, len(self.starts) + 1)

    def start(self, node: ast.expr | ast.stmt | ast.keyword) -> int:
        return self.starts[node.lineno - 1] + node.col_offset

    def end(self, node: ast.expr | ast.stmt | ast.keyword) -> int:
        return self.starts[node.end_lineno - 1] + node.end_col_offset

    def text(self, node: ast.expr) -> str:
        return self.source[self.start(node) : self.end(node)].decode()

    def note(self, start: int, end: int, new: str) -> None:
        line, last = (self.source.count(b"\n", 0, place) + 1 for place in (start, end))
        reach = range(line, last + 1) if self.function else self.reach
        self.found.append(Mutant(self.function, line, reach, start, end, new))

    def replace_between(self, left: ast.expr, right: ast.expr, old: str, new: str) -> None:
        """Change an operator between two operands."""
        gap = self.source[self.end(left) : self.start(right)].decode()
        word = rf"\b{old}\b".replace(" ", r"\s+") if old[0].isalpha() else re.escape(old)
        match = re.search(word, re.sub(r"#.*", lambda m: " " * len(m[0]), gap))
        if match:
            self.note(self.end(left) + match.start(), self.end(left) + match.end(), new)

    # what is walked through

    def visit_body(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self.visit(statement)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name == "__repr__":
            return
        around, self.reach = self.reach, range(node.body[0].lineno, node.end_lineno + 1)
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.visit(default)
        self.reach = around
        outermost = not self.function
        if outermost:
            self.function = ".".join((*self.classes, node.name))
        self.visit_body(node.body)
        if outermost:
            self.function = ""

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        around, self.reach = self.reach, range(node.body[0].lineno, node.end_lineno + 1)
        self.classes.append(node.name)
        self.visit_body(node.body)
        self.classes.pop()
        self.reach = around

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None:
        """Messages are for people."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Text is for people."""

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self.note(self.start(node), self.end(node), "None")
        self.generic_visit(node)

    # what is changed

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if self.function or not isinstance(node.op, ast.BitOr):  # outside functions `|` joins types
            self.replace_between(node.left, node.right, *OPERATORS[type(node.op)])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for left, right in zip(node.values, node.values[1:], strict=False):
            self.replace_between(left, right, *OPERATORS[type(node.op)])
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.replace_between(node.target, node.value, *OPERATORS[type(node.op)])
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        for left, operator, right in zip((node.left, *node.comparators), node.ops, node.comparators, strict=False):
            old, news = COMPARISONS[type(operator)]
            for new in news:
                self.replace_between(left, right, old, new)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if prefix := PREFIXES.get(type(node.op)):
            self.note(self.start(node), self.start(node) + len(prefix), "")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            news = [not value]
        elif isinstance(value, int):
            news = [value + 1, *([value - 1] if value > 0 else [])] if value < 10 else [2 * value]
        elif isinstance(value, float):
            news = [2 * value if value else 1.0]
        else:
            return
        for new in news:
            self.note(self.start(node), self.end(node), repr(new))

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in FOR_PEOPLE:
            return
        if name in SWAPS:
            self.note(self.end(node.func) - len(name), self.end(node.func), SWAPS[name])
        if name in UNWRAPPED:
            inner = node.args[0] if node.args else node.func.value if isinstance(node.func, ast.Attribute) else None
            method = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") not in {"np", "torch", "math"}
            inner = node.func.value if method else inner
            if inner is not None:
                self.note(self.start(node), self.end(node), f"({self.text(inner)})")
        self.without_keywords(node)
        for child in (
            node.func,
            *node.args,
            *(keyword.value for keyword in node.keywords if keyword.arg not in KEYWORDS_FOR_PEOPLE),
        ):
            self.visit(child)

    def without_keywords(self, node: ast.Call) -> None:
        parts = sorted((*node.args, *node.keywords), key=self.start)
        for i, part in enumerate(parts):
            if isinstance(part, ast.keyword) and part.arg and part.arg not in KEYWORDS_FOR_PEOPLE:
                start, end = self.start(part), self.end(part)
                if i:
                    start = self.source.rindex(b",", self.end(parts[i - 1]), start)
                elif i + 1 < len(parts):
                    end = self.source.index(b",", end) + 1
                self.note(start, end, "")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr in TURNED:
            self.note(self.end(node) - len(node.attr) - 1, self.end(node), "")
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.slice, ast.Tuple) and len(node.slice.elts) == 2:
            first, second = node.slice.elts
            if self.text(first) != self.text(second) and any(
                isinstance(e, ast.Slice) or self.text(e) == "None" for e in (first, second)
            ):
                self.note(self.start(first), self.end(second), f"{self.text(second)}, {self.text(first)}")
        self.generic_visit(node)

    def negate(self, test: ast.expr) -> None:
        if not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp):
            text = self.text(test)
            self.note(
                self.start(test), self.end(test), f"(not ({text}))" if isinstance(test, ast.NamedExpr) else f"(not {text})"
            )

    def visit_If(self, node: ast.If) -> None:
        self.negate(node.test)
        self.generic_visit(node)

    visit_IfExp = visit_While = visit_If  # noqa: N815 - names of ast

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self.negate(test)
        self.generic_visit(node)

    def visit_Break(self, node: ast.Break) -> None:
        self.note(self.start(node), self.end(node), "continue")

    def visit_Continue(self, node: ast.Continue) -> None:
        self.note(self.start(node), self.end(node), "break")
