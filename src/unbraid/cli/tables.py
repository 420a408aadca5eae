"""Tables of scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.table import Table

from unbraid.cli.console import out
from unbraid.evaluation.loss_rows import LABEL_FREE, KLParts, kl_rows
from unbraid.evaluation.stored import Scores
from unbraid.metrics.score_table import (
    COLUMNS,
    MOST_FACTORS,
    above_ceiling,
    labeled,
    null_rows,
    said_of_nulls,
    said_once,
    without_interval,
)

_NOTES = {
    "interval": "95 %: holds the score that any number of such images would give",
    "chance": "chance: the codes shuffled",
    "untrained": "untrained: this model before its first step",
    "ceiling": "ceiling: a code that knows all that images tell",
    "null": "null: the strictest null encoder",
    "corrected": "corrected: the score where that is 0 and the best 1",
}


def make_table(*columns: str, words: bool = False) -> Table:
    """An empty table: the first column of text, the others of numbers, or with `words` of text too."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if words or number == 0 else "right")
    return table


def print_blocks(title: str, table: Table) -> None:
    """A table under its title, cut into blocks that fit the terminal."""
    out.print(title, style="bold")
    for block in blocks(table, out.width):
        out.print(block)


def blocks(table: Table, width: int) -> list[Table]:
    """The same table cut into as few blocks of columns as fit a width.

    Each block begins with the first column.
    """
    cells = [[str(column.header), *map(str, column.cells)] for column in table.columns]
    widths = [max(map(cell_len, column)) + 3 for column in cells]  # with padding and what stands between columns
    pieces: list[list[int]] = [[]]
    for number in range(1, len(cells)):
        if pieces[-1] and widths[0] + sum(widths[i] for i in pieces[-1]) + widths[number] > width:
            pieces.append([])
        pieces[-1].append(number)
    if len(pieces) == 1:
        return [table]
    made = []
    for piece in pieces:
        block = make_table(*(cells[i][0] for i in (0, *piece)))
        for row in range(table.row_count):
            block.add_row(*(cells[i][row + 1] for i in (0, *piece)))
        made.append(block)
    return made


def number(value: float | None, digits: int = 2) -> str:
    """So many decimals; a dash for what is not known or not finite."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def print_scores(scored: Scores) -> None:
    """Losses, KL per latent and metrics of a run."""
    part = "" if scored.images == scored.of_images else f", on {scored.images:,} of {scored.of_images:,} images"
    losses = make_table("nats per image", *scored.splits)
    losses.add_row("images", *(f"{found.images:,}" for found in scored.splits.values()))
    for row in scored.loss_rows():
        losses.add_row(row.label, *row.cells(number))
    print_blocks(f"Losses after {scored.step:,} steps{part}", losses)
    _print_parts(scored.kl_parts)
    print_without_labels(scored)
    _print_latents(scored)
    if scored.metrics:
        print_metrics(scored.metrics, cautions=scored.table.cautions)


def print_metrics(
    scores: Mapping[str, Any], title: str = "Metrics", cautions: Sequence[str] | None = None, **notes: str
) -> None:
    """Scores of metrics, each beside what it is to be compared with.

    Args:
        cautions: what to know when reading them; by default only what the scores themselves tell.
        notes: what the columns are, by their keys.
    """
    every = _factors(scores)
    factors = _best(every, lambda name: max((known.get(name) or 0 for known in _known(scores)), default=0))
    rows = labeled(scores)
    shown = {key: label for key, label in COLUMNS.items() if any(key in node for _, node in rows)}
    table, by_factor = make_table("metric", "score", *shown.values()), make_table("metric", *factors)
    for name, node in rows:
        table.add_row(name, number(node["score"], 3), *(_compared(node.get(key)) for key in shown))
        if "per_factor" in node or any("per_factor" in part for part in node.values() if isinstance(part, dict)):
            by_factor.add_row(name, *_by_factor(node, factors))
    print_blocks(f"{title} (higher is better; unbraid show METRIC says how to read one)", table)
    said = [note for key, note in {**_NOTES, **notes}.items() if key in shown]
    if said:
        out.print("; ".join(said).capitalize() + ".\n", style="dim")
    reasons = without_interval(scores)
    for reason, names in reasons.items():
        out.print(f"No interval for {', '.join(names)}: {reason}.", style="dim")
    new = said_once(scores, above_ceiling(scores) if cautions is None else cautions)
    for caution in new:
        out.print(caution, style="yellow")
    if reasons or new:
        out.print()
    _print_nulls(scores)
    if factors:
        print_blocks(f"By factor{_of_very_many(factors, every, 'the highest scores')}", by_factor)


def _print_nulls(scores: Mapping[str, Any]) -> None:
    head, *rows = null_rows(scores) or [[]]
    if rows:
        table = make_table(*head)
        for row in rows:
            table.add_row(*row)
        print_blocks("Null encoders, mean ± standard deviation over draws (in brackets: not subtracted)", table)
    said = said_of_nulls(scores)
    for line in said:
        out.print(line, style="dim")
    if said:
        out.print()


def _compared(value: Any) -> str:
    return "–".join(number(end, 3) for end in value) if isinstance(value, (list, tuple)) else number(value, 3)


def _by_factor(scores: Mapping[str, Any], factors: Sequence[str]) -> list[str]:
    known = scores.get("per_factor", {})
    return [number(known.get(factor), 3) for factor in factors]


def _known(metrics: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [scores["per_factor"] for scores in metrics.values() if "per_factor" in scores]


def _best(factors: Sequence[str], value: Callable[[str], float]) -> list[str]:
    """All factors, or of very many those with the highest values, in their order."""
    best = sorted(factors, key=lambda name: -value(name))[:MOST_FACTORS]
    return [name for name in factors if name in best]


def _of_very_many(shown: Sequence[str], factors: Sequence[str], what: str) -> str:
    return f", of {len(factors)} the {len(shown)} with {what}" if len(shown) < len(factors) else ""


def _factors(metrics: Mapping[str, Any]) -> list[str]:
    """Names of the factors, from the metrics that have a score for each."""
    return list(dict.fromkeys(f for scores in metrics.values() for f in scores.get("per_factor", ())))


def _print_parts(parts: KLParts | None) -> None:
    if parts is None:
        return
    table = make_table("nats per image", "")
    for row in kl_rows(parts):
        table.add_row(row.label, *row.cells(number))
    print_blocks(f"Where the KL goes, with the aggregate posterior of {parts.images:,} images", table)


def print_without_labels(scored: Scores) -> None:
    """Scores that need no factors, each with how to read it."""
    table = make_table("without labels", "", "")
    table.columns[2].justify = "left"
    for name, value in scored.without_labels.items():
        label, about = LABEL_FREE.get(name, (name, ""))
        table.add_row(label, number(value, 3), about)
    if table.row_count:
        out.print(table)


def _print_latents(scored: Scores) -> None:
    kl = scored.kl_per_dim  # empty for a posterior without a KL per latent
    n = len(scored.active)
    shares = scored.information_shares or []
    factors = (scored.factors or _factors(scored.metrics)) if shares else []
    if shares and len(shares[0]) != len(factors):  # version 0.1 did not say which column is of which factor
        factors = []
    active = [j for j in sorted(range(n), key=lambda j: -(kl[j] or 0) if kl else j) if scored.active[j]]
    every = list(factors)
    factors = _best(every, lambda name: max((shares[j][every.index(name)] or 0 for j in active), default=0))
    table = make_table("latent", *(["KL, nats"] if kl else []), "follows", *factors)
    for j in active:
        cells = [number(shares[j][every.index(name)]) for name in factors]
        follows = (scored.follows or [""] * n)[j] or "-"
        table.add_row(f"z{j}", *([number(kl[j])] if kl else []), follows, *cells)
    if active and (kl or factors):
        order = "Latents by KL" if kl else "Latents, which have no KL each"
        known = ", with the share of each factor's entropy that they know" if factors else ""
        print_blocks(f"{order}{known}{_of_very_many(factors, every, 'the largest')}", table)
    if len(active) < n:
        out.print(f"{n - len(active)} of {n} latents tell nothing about the image.\n")
