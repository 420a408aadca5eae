"""Scores of many metrics as one table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

COLUMNS = ("interval", "chance", "untrained", "ceiling")


def relative(node: Mapping[str, Any]) -> float | None:
    """How far a score is on the way from chance to the ceiling; None where these are not known or the same."""
    if "chance" not in node or "ceiling" not in node or node["ceiling"] - node["chance"] < 1e-3:
        return None
    return float((node["score"] - node["chance"]) / (node["ceiling"] - node["chance"]))


def nodes(result: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """A metric's result and its parts, those of its values that have a score, with the names of the parts."""
    yield "", result
    for name, part in result.items():
        if isinstance(part, dict) and "score" in part:
            yield name, part


def labeled(scores: Mapping[str, dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Every score of some metrics with its name, parts below the metric they belong to and indented."""
    return [(f"  {part}" if part else name, node) for name, result in scores.items() for part, node in nodes(result)]


@dataclass(frozen=True, eq=False)
class ScoreTable(Mapping[str, dict[str, Any]]):
    """Scores by name of the metric; printed, a table.

    `table["mig"]` holds `score` and, where they were asked for, `interval` (95 %), `chance`, `ceiling`, `untrained`,
    `per_factor`, `per_factor_ceiling`, `per_latent`; a metric that is several holds its parts under their names.

    Args:
        scores: results of the metrics.
        samples: how many samples were scored.
        factor_names: names of the factors.
    """

    scores: dict[str, dict[str, Any]]
    samples: int
    factor_names: tuple[str, ...]

    def __getitem__(self, name: str) -> dict[str, Any]:
        return self.scores[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.scores)

    def __len__(self) -> int:
        return len(self.scores)

    def rows(self) -> list[tuple[str, dict[str, Any]]]:
        """Every score with its name, parts below the metric they belong to and indented."""
        return labeled(self.scores)

    def __str__(self) -> str:
        rows = self.rows()
        shown = [name for name in COLUMNS if any(name in node for _, node in rows)]
        table = [["metric", "score", *shown, *self.factor_names]]
        for name, node in rows:
            by_factor = node.get("per_factor", {})
            table.append(
                [
                    name,
                    _number(node["score"]),
                    *(_cell(node.get(column)) for column in shown),
                    *(_number(by_factor.get(factor)) for factor in self.factor_names),
                ]
            )
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in table]
        about = f"{self.samples:,} samples" + ("; intervals hold 95 %" if "interval" in shown else "")
        return "\n".join([about, *lines])

    def _repr_html_(self) -> str:
        rows = self.rows()
        shown = [name for name in COLUMNS if any(name in node for _, node in rows)]
        table = [["metric", "score", *shown, *self.factor_names]]
        for name, node in rows:
            by_factor = [_number(node.get("per_factor", {}).get(factor)) for factor in self.factor_names]
            table.append([name, _number(node["score"]), *(_cell(node.get(column)) for column in shown), *by_factor])
        return f"<p>{self.samples:,} samples</p>{html_table(table)}"


def html_table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of text, the first of them the head, as notebooks show them."""
    lines = []
    for number, row in enumerate(rows):
        kinds = ["td" if number and place else "th" for place in range(len(row))]
        cells = "".join(f"<{kind}>{escape(cell)}</{kind}>" for kind, cell in zip(kinds, row, strict=True))
        lines.append(f"<tr>{cells}</tr>")
    return f"<table>{''.join(lines)}</table>"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _cell(value: Any) -> str:
    return " to ".join(map(_number, value)) if isinstance(value, (list, tuple)) else _number(value)
