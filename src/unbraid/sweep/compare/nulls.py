"""Codes that know nothing of training, and null encoders: what any score must be compared with."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Integer

from unbraid.errors import UnbraidError
from unbraid.files import read_json, write_json
from unbraid.metrics.nulls import KINDS as ENCODERS
from unbraid.metrics.nulls import null_codes
from unbraid.metrics.samples import Samples
from unbraid.records import finite_or_none
from unbraid.sweep.code import code_here
from unbraid.sweep.compare.gather import Configuration, data_in_words
from unbraid.sweep.compare.quantities import node_of, number

IMAGES = 5_000
"""Images that nulls are scored on, at most."""
NEGLIGIBLE = 1e-6
"""A principal component that varies less than this share of the first one is rounding."""
KINDS: Mapping[str, str] = {"pca": "PCA", "ica": "ICA", **ENCODERS}

Nulls = dict[str, Mapping[str, Any]]
"""Scores by the name of the row, as "PCA, 10 latents"."""


def untrained(configurations: Sequence[Configuration]) -> dict[str, list[Mapping[str, Any]]]:
    """Scores of each configuration's models before their first step, one per seed.

    They were stored with the results.
    """
    found: dict[str, list[Mapping[str, Any]]] = {}
    for one in configurations:
        found[one.label] = [_with_untrained(result.metrics) for result in one.results]
    return found


def _with_untrained(metrics: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for metric, found in metrics.items():
        parts = {name: value for name, value in found.items() if isinstance(value, Mapping) and "score" in value}
        made[metric] = {"score": found.get("untrained")} | {n: {"score": v.get("untrained")} for n, v in parts.items()}
    return made


def nulls_of(
    configurations: Sequence[Configuration],
    metrics: Sequence[str],
    *,
    cache: Path | None,
    notes: list[str],
    progress: Callable[[int, int], None] | None = None,
) -> Nulls:
    """PCA, ICA and a draw of each null encoder, scored as the models are, on the same data.

    They have as many latents as the models.

    Point codes have no variance, so metrics that use a posterior's take the definitions that do without.

    Args:
        configurations: whose data and numbers of latents.
        metrics: names.
        cache: a folder to keep scores in; None keeps none.
        notes: takes what could not be computed.
        progress: told how many are done.
    """
    wanted: dict[tuple[str, int], Configuration] = {}
    for one in configurations:
        content = one.results[0].configuration
        wanted.setdefault((_data_key(content), int(content["latent_dim"])), one)
    several = len({data for data, _ in wanted}) > 1
    contents = [one.results[0].configuration for one in wanted.values()]
    data = data_in_words(
        [(one["data"], {**one["data_options"], "contents": (one.get("data_digest") or "")[:8]}) for one in contents]
    )
    found: Nulls = {}
    for done, ((_, latents), one) in enumerate(wanted.items()):
        if progress:
            progress(done, len(wanted))
        try:
            scores = _of(one, latents, metrics, cache)
        except (UnbraidError, OSError) as error:
            notes.append(f"No PCA, ICA and null encoders of {data[done]}: {error}")
            continue
        suffix = f", {latents} latents" + (f", {data[done]}" if several else "")
        found |= {f"{KINDS[kind]}{suffix}": own for kind, own in scores.items()}
    return found


def _data_key(content: Mapping[str, Any]) -> str:
    return json.dumps([content["data"], content["data_options"], content.get("data_digest")], sort_keys=True)


def _of(one: Configuration, latents: int, metrics: Sequence[str], cache: Path | None) -> dict[str, Mapping[str, Any]]:
    content = one.results[0].configuration
    name = [_data_key(content), latents, sorted(metrics), IMAGES, code_here().digest]
    path = None if cache is None else cache / f"{hashlib.sha256(json.dumps(name).encode()).hexdigest()[:16]}.json"
    if path is not None and path.is_file():
        return read_json(path, "scores of null codes")
    scores = score_nulls(one, latents, metrics, list(KINDS))
    if path is not None:
        with suppress(UnbraidError):  # a read-only folder: they are computed anew next time
            write_json(path, scores)
    return scores


def score_nulls(one: Configuration, latents: int, metrics: Sequence[str], kinds: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Scores of codes that know nothing of training, by kind, on the data of a configuration.

    Args:
        one: whose data.
        latents: of the codes; a kind that cannot have so many is left out.
        metrics: names.
        kinds: "pca", "ica", a null encoder (`unbraid.metrics.nulls`), or "oracle", whose first latents are the factors and
            whose others are constant.

    Raises `UnbraidError` where the data have no factors, or have changed.
    """
    from unbraid.metrics.evaluate import evaluate
    from unbraid.metrics.samples import gather as samples_of

    images, factors, names = _data(one)
    scores: dict[str, Mapping[str, Any]] = {}
    best = samples_of(_standardized(factors), factors, factor_names=names)
    samples: Samples | None
    for kind in kinds:
        if kind in ENCODERS:
            samples = next(null_codes(kind, best, latents, 1, 0))
        else:
            codes = _oracle(factors, latents) if kind == "oracle" else _codes(kind, images, latents)
            samples = None if codes is None else samples_of(codes, factors, factor_names=names)
        if samples is not None:
            scores[kind] = finite_or_none(evaluate(samples, metrics=list(metrics), seed=0).scores)
    return scores


def _oracle(factors: Integer[np.ndarray, "n k"], latents: int) -> Float[np.ndarray, "n d"] | None:
    """The factors, each scaled to variance 1, beside constant latents; None for more factors than latents."""
    n, k = factors.shape
    return None if latents < k else np.hstack([_standardized(factors), np.zeros((n, latents - k))])


def _standardized(factors: Integer[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
    """Factors of mean 0 and variance 1; those of one value are 0."""
    values = factors.astype(np.float64)
    spread = values.std(0)
    found: Float[np.ndarray, "n k"] = (values - values.mean(0)) / np.where(spread > 0, spread, 1.0)
    return found


def _data(one: Configuration) -> tuple[Float32[np.ndarray, "n pixels"], np.ndarray, tuple[str, ...]]:
    from unbraid.config.experiment import load_known
    from unbraid.evaluation.encoding import choose_images

    content = one.results[0].configuration
    options = dict(content["data_options"])
    folder = next((folder for folder in one.folders if folder is not None), None)
    if content.get("data_digest") and folder is not None:
        options = dict(read_json(folder / "config.json", "configuration")["data_options"])
    dataset, digest = load_known(content["data"], options)
    if digest != content.get("data_digest", ""):
        raise UnbraidError("the data have changed since.")
    if dataset.factors is None or dataset.space is None:
        raise UnbraidError("the data have no factors.")
    index = choose_images(dataset, IMAGES)
    images = dataset.images.floats(index).reshape(len(index), -1).astype(np.float32)
    classes = [k for k, factor in enumerate(dataset.space.factors) if not factor.continuous]
    if not classes:
        raise UnbraidError("the factors of the data are all continuous.")
    names = tuple(dataset.space.names[k] for k in classes)
    return images, dataset.factors[index][:, classes].astype(np.int64), names


def _codes(kind: str, images: Float32[np.ndarray, "n pixels"], latents: int) -> Float[np.ndarray, "n d"] | None:
    """Codes of images; None where the images have fewer directions than there are latents."""
    from sklearn.decomposition import PCA, FastICA
    from sklearn.exceptions import ConvergenceWarning

    if latents > min(images.shape):
        return None
    components = np.asarray(PCA(latents, random_state=0).fit_transform(images), dtype=np.float64)
    if kind == "pca":
        return components
    if components.std(0).min() <= NEGLIGIBLE * components.std(0).max():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last iterate is as good a baseline
        # ICA begins with these components; given pixels it begins with all of them, and divides by those that never change
        return np.asarray(FastICA(latents, random_state=0, max_iter=400, tol=1e-3).fit_transform(components))


def value_of(scores: Mapping[str, Any], key: str) -> float:
    """A score of a null by the key of a quantity."""
    return number(node_of(scores, key).get("score"))
