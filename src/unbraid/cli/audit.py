"""unbraid audit FILE"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unbraid.cli.arguments import METRICS, out_option, overwrite_option
from unbraid.cli.parse import HelpShown, option, parse, positional
from unbraid.cli.scored_files import (
    COLUMNS,
    SEED,
    about,
    chosen_metrics,
    destination,
    in_words,
    listed,
    out_about,
    periods_of,
    read,
    samples_of,
)
from unbraid.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from unbraid.data.codes.arrays import CodeArrays
    from unbraid.metrics.audit import AuditTable

ENDING = ".audit.json"
_ARGUMENTS = (
    positional("file", "run folder, or .npz, .csv, .tsv, .parquet, .h5ad or .zarr file of codes and factors", required=True),
    *COLUMNS,
    METRICS,
    option("quick", bool, False, "leave out definitions that take minutes"),
    SEED,
    out_option(out_about(ENDING), "Options"),
    overwrite_option("replace the file of scores", "Options"),
)
_ABOUT = (
    "Score codes by every definition of every metric, side by side, each beside its chance, the score of a perfect code, and "
    "whose published numbers it can be compared with."
)


def run(tokens: list[str]) -> int:
    """Run the command; returns the exit code."""
    try:
        given = parse("audit", _ABOUT, _ARGUMENTS, tokens)
    except HelpShown:
        return 0
    from unbraid.cli.console import err, out, stages
    from unbraid.files import write_json
    from unbraid.metrics.audit import audit, variants
    from unbraid.metrics.evaluate import choose

    metrics: Any = chosen_metrics(given)
    slow = [f"{name} by {variant.name}" for name in choose(metrics) for variant in variants(name) if variant.slow]
    path = Path(given["file"]).expanduser()
    codes, arrays = (
        _codes_of_run(path, given) if path.is_dir() and path.suffix.lower() != ".zarr" else (path, read(path, given))
    )
    target = destination(given, codes, ENDING)
    for line in in_words(arrays):
        out.print(line)
    if slow and not given.get("quick"):
        err.print(f"These take minutes, and --quick leaves them out: {', '.join(slow)}.")
    samples, seed = samples_of(arrays), given.get("seed", 0)
    table = audit(samples, metrics=metrics, quick=given.get("quick", False), seed=seed, progress=stages())
    _print(table)
    write_json(  # after they were shown, should that fail
        target,
        {
            **about(codes.name, samples, arrays.values_of_factors),
            "seed": seed,
            "metrics": table.scores,
            "information": table.information,
        },
    )
    out.print(f"Scores: {target}")
    return 0


def _codes_of_run(folder: Path, given: Mapping[str, Any]) -> tuple[Path, CodeArrays]:
    """The code table of a run, and its file.

    Variances are left out where some are 0, as for deterministic encoders.
    """
    from unbraid.codes import CodeTable
    from unbraid.data.codes.arrays import CodeArrays
    from unbraid.training.run import CODES, CONFIG

    if not (folder / CODES).is_file():
        if not (folder / CONFIG).is_file():
            raise UsageError(
                f"The folder {folder} is no run: it holds no {CODES} and no {CONFIG}. Give a run folder or a file."
            )
        raise UsageError(
            f"The folder {folder} holds no {CODES}; make them first: unbraid evaluate {folder}, or give a file of codes."
        )
    table = CodeTable.load(folder / CODES)
    wanted = listed(given, "factors") or table.factor_names
    for name in wanted:
        if name not in table.factor_names:
            raise UnknownName("factor", name, table.factor_names, where=str(folder))
    kept = [k for k, name in enumerate(table.factor_names) if name in wanted]
    if not kept or given.get("latents"):
        raise UsageError(
            f"The codes of {folder} are of data without factors, and scores compare codes with factors."
            if not kept
            else f"--latents names columns of a table, and {folder} is a run."
        )
    factors, periods = table.factors[:, kept], periods_of(given)
    lines = [table.factor_names[k] for k in kept if not table.factor_sizes[k]]
    if listed(given, "classes") or any(name not in lines for name in (*listed(given, "continuous"), *periods)):
        raise UsageError(
            f"The run {folder} says which of its factors are continuous ({', '.join(lines) or 'none'}); --cyclic NAME=PERIOD "
            "says which of these are angles."
        )
    return folder / CODES, CodeArrays(
        codes=table.mean.astype(np.float64),
        factors=factors.astype(np.int64) if all(table.factor_sizes[k] for k in kept) else factors,
        factor_names=tuple(table.factor_names[k] for k in kept),
        latent_names=tuple(f"z{j}" for j in range(table.latent_dim)),
        factor_sizes=tuple(table.factor_sizes[k] for k in kept),
        variance=table.variance.astype(np.float64) if (table.variance > 0).all() else None,
        periods=periods,
    )


def _print(table: AuditTable) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from unbraid.cli.console import out
    from unbraid.cli.tables import make_table, number

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_column("definition", no_wrap=True)
    for column in ("score", "chance", "ceiling"):
        shown.add_column(column, justify="right", no_wrap=True)
    shown.add_column("comparable to numbers reported by", overflow="fold")
    metric = ""
    for name, definition, node in table.rows():
        if definition and name != metric:
            metric = name
            shown.add_row(Text(name, style="bold"))
        values = [number(node[key], 3) if key in node else "" for key in ("score", "chance", "ceiling")]
        reason = f"({node['left_out']}) " if "left_out" in node else ""
        shown.add_row(f"  {definition or name}", *values, reason + node.get("comparable", ""))
    out.print(
        "Every definition of every metric; chance and ceiling, what a perfect code scores, are of the same one", style="bold"
    )
    out.print(shown)
    head, *rows = table.information_rows() or [[]]
    if rows:
        below = make_table(*head)
        for row in rows:
            below.add_row(*row)
        out.print(table.information_title)
        out.print(below)
