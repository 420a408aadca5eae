"""Scores of many metrics as one table."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

REFERENCES = ("chance", "untrained", "ceiling")
"""What a score is compared with, in the order in which tables show it."""
MOST_FACTORS = 12
"""Columns of tables and heat maps; of more factors those are shown that are known best."""
NULLS = ("null", "corrected")
"""The strictest null encoder's mean score, and the score corrected for it (`unbraid.metrics.nulls`)."""
COLUMNS: Mapping[str, str] = {"interval": "95 %", **{name: name for name in (*REFERENCES, *NULLS)}}
"""Everything that stands beside a score in a table, by its key, with its head."""


ABOVE = 0.02
"""Scores so far above their ceiling are remarked upon; less is noise."""


def relative(node: Mapping[str, Any]) -> float | None:
    """A score on a scale where chance is 0 and the ceiling 1.

    It is None where these are not known or equal.
    """
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
    """Every score of some metrics with its name.

    A metric that is several, whose own score only repeats that of its first part, has a row for each part, as in "dci
    completeness". Other parts stand below the metric they belong to, indented.
    """
    found = []
    for name, result in scores.items():
        (_, own), *parts = nodes(result)
        several = bool(parts) and parts[0][1]["score"] == own.get("score")
        found += (
            [(f"{name} {part}", node) for part, node in parts]
            if several
            else [(name, own), *((f"  {part}", node) for part, node in parts)]
        )
    return found


def without_interval(scores: Mapping[str, dict[str, Any]]) -> dict[str, list[str]]:
    """Reasons why scores have no interval, with the names of these scores."""
    found: dict[str, list[str]] = {}
    for name, node in labeled(scores):
        if "no_interval" in node:
            found.setdefault(node["no_interval"], []).append(name.strip())
    return found


def said_once(scores: Mapping[str, dict[str, Any]], cautions: Sequence[str]) -> list[str]:
    """Cautions without those that are the reason for a missing interval, which is told with that."""
    reasons = without_interval(scores)
    return [caution for caution in cautions if caution.rstrip(".") not in reasons]


def null_rows(scores: Mapping[str, dict[str, Any]]) -> list[list[str]]:
    """What null encoders score, mean ± standard deviation over draws: a head, and a row for each score.

    Empty where there are none. Brackets stand around what a score is not corrected for.
    """
    rows = [(name, node["nulls"]) for name, node in labeled(scores) if node.get("nulls")]
    kinds = list(dict.fromkeys(kind for _, nulls in rows for kind in nulls))
    return (
        [["metric", *kinds], *([name, *(_null(nulls.get(kind, {})) for kind in kinds)] for name, nulls in rows)] if rows else []
    )


def _null(null: Mapping[str, Any]) -> str:
    if null.get("mean") is None:
        return ""
    spread = "" if null.get("sd") is None else f" ± {null['sd']:.3f}"
    said = f"{null['mean']:.3f}{spread}"
    return said if "corrected" in null else f"({said})"


def said_of_nulls(scores: Mapping[str, dict[str, Any]]) -> list[str]:
    """How scores are corrected for null encoders, by which, and why some are not."""
    rows = [(name.strip(), node) for name, node in labeled(scores) if node.get("nulls")]
    if not rows:
        return []
    by_kind: dict[str, list[str]] = {}
    reasons: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for name, node in rows:
        if "corrected" in node:
            by_kind.setdefault(node["null_of"], []).append(name)
        for kind, null in node["nulls"].items():
            if "not_corrected" in null:
                reasons.setdefault((kind, null["not_corrected"]), []).append((name, null.get("draws_needed", 0)))
    how = (
        "Corrected: (score - null) / (largest score - null), for the null encoder that scores most among those that leave room"
    )
    subtracted = "; ".join(f"{kind} of {', '.join(names)}" for kind, names in by_kind.items())
    return [
        *([f"{how}: {subtracted}."] if subtracted else []),
        *(f"Not corrected for {kind}: {_with_draws(names)}; {reason}." for (kind, reason), names in reasons.items()),
    ]


def _with_draws(names: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{name} (about {needed:,} draws would)" if needed else name for name, needed in names)


def above_ceiling(scores: Mapping[str, dict[str, Any]]) -> list[str]:
    """What to say of scores that are above their ceilings."""
    above = [name.strip() for name, node in labeled(scores) if _is_above(node)]
    if not above:
        return []
    return [
        f"Above the ceiling: {', '.join(above)}. The ceiling is what the factors themselves score as codes. It is no bound "
        "where factors depend on each other, have few samples per value, or are cyclic, since a latent cuts an angle open: "
        "codes that know less, or take two latents, then score more."
    ]


def _is_above(node: Mapping[str, Any]) -> bool:
    ceiling = node.get("ceiling")
    return ceiling is not None and any(
        value is not None and value > ceiling + ABOVE for value in (node["score"], node.get("untrained"))
    )


@dataclass(frozen=True, eq=False)
class ScoreTable(Mapping[str, dict[str, Any]]):
    """Scores by name of the metric; printed, a table.

    `table["mig"]` holds `score` and, where they were asked for, `interval` (95 %), `chance`, `ceiling`, `untrained`,
    `per_factor`, `per_factor_ceiling`, `per_latent`, and what null encoders score (`nulls`, `null`, `null_of`, `corrected`, see
    `unbraid.metrics.nulls.attach_nulls`); a metric that is several holds its parts under their names. A score
    without an interval has `no_interval`, the reason.

    Args:
        scores: results of the metrics.
        samples: how many samples were scored.
        factor_names: names of the factors.
        doubts: what to know of the samples when reading the scores, a sentence each.
    """

    scores: dict[str, dict[str, Any]]
    samples: int
    factor_names: tuple[str, ...]
    doubts: tuple[str, ...] = ()

    @property
    def cautions(self) -> tuple[str, ...]:
        """What to know when reading the scores: of the samples, and of scores above their ceilings."""
        return (*self.doubts, *above_ceiling(self.scores))

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
        table = self._table()
        about = f"{self.samples:,} samples" + (
            "; intervals hold the population's score in 95 % of cases" if "interval" in table[0] else ""
        )
        return "\n".join([about, *in_columns(table, right=range(1, len(table[0]))), *self._said()])

    def _repr_html_(self) -> str:
        said = "".join(f"<p>{escape(one)}</p>" for one in self._said())
        return f"<p>{self.samples:,} samples</p>{html_table(self._table())}{said}"

    def _table(self) -> list[list[str]]:
        rows = self.rows()
        shown = [name for name in COLUMNS if any(name in node for _, node in rows)]
        table = [["metric", "score", *shown, *self.factor_names]]
        for name, node in rows:
            by_factor = [_number(node.get("per_factor", {}).get(factor)) for factor in self.factor_names]
            table.append([name, _number(node["score"]), *(_cell(node.get(column)) for column in shown), *by_factor])
        return table

    def _said(self) -> list[str]:
        """What stands below the table."""
        reasons = [f"No interval for {', '.join(names)}: {reason}." for reason, names in without_interval(self.scores).items()]
        return [*reasons, *said_of_nulls(self.scores), *said_once(self.scores, self.cautions)]


def in_columns(table: Sequence[Sequence[str]], right: Container[int]) -> list[str]:
    """Lines of cells under each other, those of some columns to the right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


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
