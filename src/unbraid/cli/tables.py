"""Tables of scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table

from unbraid.cli.console import out
from unbraid.metrics.registry import metrics
from unbraid.training.log import is_nats


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    return table


def _print(title: str, table: Table) -> None:
    out.print(title, style="bold")
    out.print(table)


def number(value: float | None, digits: int = 2) -> str:
    """So many decimals; a dash for what is not known or not finite."""
    return "-" if value is None else f"{value:.{digits}f}"


def print_scores(scored: Mapping[str, Any]) -> None:
    """Losses, KL per latent and metrics of a run."""
    part = "" if scored["images"] == scored["of_images"] else f", on {scored['images']:,} of {scored['of_images']:,} images"
    splits = scored["splits"]
    losses = _table("nats per image", *splits)
    losses.add_row("images", *(f"{found['images']:,}" for found in splits.values()))
    losses.add_row("reconstruction, sampled z", *(number(found["nll"]) for found in splits.values()))
    losses.add_row("reconstruction, mean z", *(number(found["nll_at_mean"]) for found in splits.values()))
    if any(found.get("nll_constant") for found in splits.values()):
        losses.add_row("  of it constant", *(number(found["nll_constant"]) for found in splits.values()))
    names = dict.fromkeys(name for found in splits.values() for name in found["terms"] if name != "nll")
    for name in names:
        losses.add_row(
            name if is_nats(name) else f"{name} (no nats)", *(number(found["terms"].get(name)) for found in splits.values())
        )
    if all("loss" in found for found in splits.values()):
        losses.add_row("total loss", *(number(found["loss"]) for found in splits.values()))
    losses.add_row("-log p(x), at most", *(_upper_bound(found["log_p_bound"]) for found in splits.values()))
    _print(f"Losses after {scored['step']:,} steps{part}", losses)
    _print_parts(scored)
    _print_latents(scored)
    if scored["metrics"]:
        factors = _factors(scored["metrics"])
        table = _table("metric", "score", "chance", *factors)
        for name, scores in scored["metrics"].items():
            table.add_row(name, number(scores["score"], 3), _chance(name, scores), *_by_factor(scores, factors))
            for part, found in scores.items():
                if isinstance(found, dict) and "score" in found:  # of metrics that are several, like DCI
                    table.add_row(f"  {part}", number(found["score"], 3), "", *_by_factor(found, factors))
        _print("Metrics (at most 1, higher is better; unbraid show METRIC says how to read one)", table)


def _by_factor(scores: Mapping[str, Any], factors: Sequence[str]) -> list[str]:
    known = scores.get("per_factor", {})
    return [number(known.get(factor), 3) for factor in factors]


def _chance(name: str, scores: Mapping[str, Any]) -> str:
    """What a code that knows nothing scores: as measured with the metric, else as its registration begins to say."""
    if "chance" in scores:
        return number(scores["chance"], 2)
    said = str(metrics[name].details["chance"]) if name in metrics else ""
    return said.split(";")[0].split(",")[0].replace("near ", "~")


def _factors(metrics: Mapping[str, Any]) -> list[str]:
    """Names of the factors, from the metrics that have a score for each."""
    return list(dict.fromkeys(f for scores in metrics.values() for f in scores.get("per_factor", ())))


def _upper_bound(bound: Mapping[str, Any]) -> str:
    return f"{number(None if bound['value'] is None else -bound['value'])} ± {number(bound['error'])}"


def _print_parts(scored: Mapping[str, Any]) -> None:
    parts = scored.get("kl_parts")
    if not parts:
        return
    table = _table("nats per image", "")
    table.add_row("KL", number(parts["kl"]))
    for name, label in (("mi", "mutual information"), ("tc", "total correlation")):
        table.add_row(f"  {label}", f"{number(parts[name]['value'])} ± {number(parts[name]['error'])}")
    table.add_row("  dimension-wise KL", number(parts["dimension_wise_kl"]))
    _print(f"Where the KL goes, with the aggregate posterior of {parts['images']:,} images", table)


def _print_latents(scored: Mapping[str, Any]) -> None:
    kl = scored["kl_per_dim"]
    if not kl:
        return
    shares = scored.get("information_shares")
    factors = _factors(scored["metrics"]) if shares else []
    active = [j for j in sorted(range(len(kl)), key=lambda j: -kl[j]) if scored["active"][j]]
    table = _table("latent", "KL, nats", "follows", *factors)
    for j in active:
        cells = [f"{shares[j][k]:.2f}" for k in range(len(factors))] if shares else []
        table.add_row(f"z{j}", f"{kl[j]:.2f}", scored.get("follows", [""] * len(kl))[j] or "-", *cells)
    if active:
        _print("Latents by KL" + (", with the share of each factor's entropy that they know" if factors else ""), table)
    if len(active) < len(kl):
        out.print(f"{len(kl) - len(active)} of {len(kl)} latents tell nothing about the image.\n")
