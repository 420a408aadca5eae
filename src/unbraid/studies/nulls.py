"""What every score stands beside: PCA, ICA, null encoders, the untrained encoder, the oracle."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from unbraid.errors import UnbraidError
from unbraid.files import read_json, write_json
from unbraid.studies.measures import Measure, Run, score_of
from unbraid.studies.results import NULLS, Results, ledger_of
from unbraid.sweep.compare.gather import Configuration
from unbraid.sweep.compare.nulls import IMAGES, score_nulls
from unbraid.sweep.compare.nulls import KINDS as CODES
from unbraid.sweep.compare.quantities import node_of, number

KINDS: Mapping[str, str] = {**CODES, "oracle": "oracle (the factors)"}
UNTRAINED = "untrained encoder"


def key_of(run: Run) -> str:
    """The same for runs on the same data with as many latents."""
    content = run.result.configuration
    name = [content["data"], content["data_options"], content.get("data_digest"), int(content["latent_dim"]), IMAGES]
    return hashlib.sha256(json.dumps(name, sort_keys=True).encode()).hexdigest()[:16]


def with_nulls(
    results: Results, places: Sequence[Path], *, keep: Path | None, progress: Callable[[int, int], None] | None = None
) -> Results:
    """The results with scores of null codes, from ledgers or computed.

    Args:
        places: ledgers.
        keep: a ledger that what had to be computed is added to; None computes nothing.
        progress: told how many kinds of data of how many are done.
    """
    kinds: dict[str, list[Run]] = {}
    for run in results.everything:
        if run.result.metrics:
            kinds.setdefault(key_of(run), []).append(run)
    found: dict[str, Mapping[str, Any]] = {}
    notes = list(results.notes)
    for done, (key, runs) in enumerate(kinds.items()):
        if progress:
            progress(done, len(kinds))
        scored = {name for run in runs for name in run.result.metrics}
        metrics = sorted(scored & set(results.study.metrics) if results.study.metrics else scored)
        known = _known(key, places)
        if keep is not None and not _has(known, metrics):
            try:
                known = {"metrics": metrics, "scores": _scored(runs[0], metrics)}
                write_json(ledger_of(keep) / NULLS / f"{key}.json", known)
            except (UnbraidError, OSError) as error:
                notes.append(f"No scores of null codes on {runs[0].result.data}: {error}")
        found[key] = known.get("scores", {})
    return replace(results, nulls=found, notes=tuple(dict.fromkeys(notes)))


def _known(key: str, places: Sequence[Path]) -> dict[str, Any]:
    for place in places:
        path = ledger_of(place) / NULLS / f"{key}.json"
        if path.is_file():
            return read_json(path, "scores of null codes")
    return {}


def _has(known: Mapping[str, Any], metrics: Sequence[str]) -> bool:
    return set(metrics) <= set(known.get("metrics", ()))


def _scored(run: Run, metrics: Sequence[str]) -> dict[str, Any]:
    one = Configuration("", {}, (run.result,), (run.folder,))
    return dict(score_nulls(one, int(run.result.configuration["latent_dim"]), metrics, list(KINDS)))


def null_rows(results: Results, runs: Sequence[Run], measures: Sequence[Measure]) -> dict[str, dict[str, float]]:
    """For each kind of null code a value for each score, NaN where there is none.

    Args:
        runs: those of one table.
        measures: its columns; those that are no scores have no null.
    """
    keys = list(dict.fromkeys(key_of(run) for run in runs if run.result.metrics))
    rows: dict[str, dict[str, float]] = {}
    for key in keys:
        own = [run for run in runs if run.result.metrics and key_of(run) == key]
        content = own[0].result.configuration
        where = f", {_data_words(content)}" if len(keys) > 1 else ""
        rows[f"{UNTRAINED}{where}"] = {one.key: _untrained(own, one.key) for one in measures}
        for kind, name in KINDS.items():
            scores = results.nulls.get(key, {}).get(kind)
            if scores:
                rows[f"{name}{where}"] = {one.key: score_of(scores, one.key) for one in measures}
    return {name: own for name, own in rows.items() if any(math.isfinite(value) for value in own.values())}


def _data_words(content: Mapping[str, Any]) -> str:
    size = content.get("image_shape") or []
    pixels = f" {size[-1]} px" if size else ""
    return f"{content['data']}{pixels}"


def _untrained(runs: Sequence[Run], key: str) -> float:
    known = [value for run in runs if math.isfinite(value := number(node_of(run.result.metrics, key).get("untrained")))]
    return sum(known) / len(known) if known else math.nan
