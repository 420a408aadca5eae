"""What every score stands beside: PCA, ICA, null encoders, the untrained encoder, the oracle."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from unbraid.errors import UnbraidError
from unbraid.files import read_json, write_json
from unbraid.reporting.numbers import plain
from unbraid.studies.measures import Measure, Run, score_of, untrained_score
from unbraid.studies.results import NULLS, Results, ledger_of
from unbraid.sweep.compare.gather import Configuration, differing
from unbraid.sweep.compare.nulls import IMAGES, score_nulls
from unbraid.sweep.compare.nulls import KINDS as CODES

KINDS: Mapping[str, str] = {**CODES, "oracle": "oracle (the factors)"}
ABOUT: Mapping[str, str] = {
    "pca": "PCA of the pixels with as many components as the models have latents",
    "ica": "ICA of as many",
    "random": "a random code",
    "linear": "a random linear map of the factors",
    "copied": "a code that has one of them in every latent",
    "oracle": "an oracle that has the factors as latents",
}
"""What each kind is."""
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
                metrics = sorted({*metrics, *known.get("metrics", ())})  # those of another study stay
                known = {"metrics": metrics, "kinds": list(KINDS), "scores": _scored(runs[0], metrics)}
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
    return set(metrics) <= set(known.get("metrics", ())) and set(KINDS) <= set(known.get("kinds", ()))


def _scored(run: Run, metrics: Sequence[str]) -> dict[str, Any]:
    one = Configuration("", {}, (run.result,), (run.folder,))
    return dict(score_nulls(one, int(run.result.configuration["latent_dim"]), metrics, list(KINDS)))


def null_rows(results: Results, runs: Sequence[Run], measures: Sequence[Measure]) -> dict[str, dict[str, float]]:
    """For each kind of null code a value for each score, NaN where there is none.

    Rows say by what they differ: the data, the number of latents, of untrained encoders which.

    Args:
        runs: those of one table.
        measures: its columns; those that are no scores have no null.
    """
    scored = [run for run in runs if run.result.metrics]
    kinds = _grouped(scored, key_of)
    data = _words_apart([_data_words(own[0]) for own in kinds.values()])
    encoders = _grouped(scored, _encoder)
    which = dict(zip(encoders, _words_apart([_encoder_words(own[0]) for own in encoders.values()]), strict=True))
    rows: dict[str, dict[str, float]] = {}
    for (key, own), where in zip(kinds.items(), data, strict=True):
        for encoder, alike in _grouped(own, _encoder).items():
            rows[f"{UNTRAINED}{which[encoder]}{where}"] = {one.key: _untrained(alike, one.key) for one in measures}
        for kind, name in KINDS.items():
            scores = results.nulls.get(key, {}).get(kind)
            if scores:
                rows[f"{name}{where}"] = {one.key: score_of(scores, one.key) for one in measures}
    return {name: own for name, own in rows.items() if any(math.isfinite(value) for value in own.values())}


def _grouped(runs: Sequence[Run], by: Callable[[Run], str]) -> dict[str, list[Run]]:
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(by(run), []).append(run)
    return found


def _data_words(run: Run) -> dict[str, str]:
    """What kinds of null codes are told apart by, in words."""
    content = run.result.configuration
    size = content.get("image_shape") or []
    return {
        "data": str(content["data"]),
        "size": f"{size[-1]} px" if size else "",
        "latents": f"{content['latent_dim']} latents",
        **_option_words({name: value for name, value in content["data_options"].items() if name != "size"}),
    }


CODES_OF: Mapping[str, str] = {"qlae": "quantized", "chyvae": "with covariances"}
"""Models whose encoders have outputs of another kind, and so begin as other encoders."""


def _encoder(run: Run) -> str:
    return ", ".join(_encoder_words(run).values())


def _encoder_words(run: Run) -> dict[str, str]:
    """What untrained encoders are told apart by, in words."""
    content = run.result.configuration
    codes = CODES_OF.get(content["model"], "")
    return {"encoder": str(content.get("encoder", "")), "codes": codes, **_option_words(content.get("encoder_options") or {})}


def _option_words(options: Mapping[str, Any]) -> dict[str, str]:
    return {name: f"{name.replace('_', ' ')} {plain(value)}" for name, value in options.items() if value is not None}


def _words_apart(kinds: Sequence[Mapping[str, str]]) -> list[str]:
    """For each kind its words that tell it from the others, as in ", ellipses, 10 latents".

    The first word does where it is enough.
    """
    found = []
    for one in kinds:
        first = next(iter(one))
        like = [other for other in kinds if other[first] == one[first]]
        names = [first] if len(like) < len(kinds) else []
        names += [name for name in differing(like) if name in one]
        found.append("".join(f", {one[name]}" for name in names if one[name]))
    return found


def _untrained(runs: Sequence[Run], key: str) -> float:
    """The mean over seeds, of which each counts once however many models begin with it."""
    by_seed: dict[int, list[float]] = {}
    for run in runs:
        value = untrained_score(run, key)
        if math.isfinite(value):
            by_seed.setdefault(run.result.seed, []).append(value)
    return fmean(fmean(own) for own in by_seed.values()) if by_seed else math.nan
