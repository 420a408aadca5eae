"""Everything that is measured of a trained model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Int

from unbraid.codes import CodeTable
from unbraid.data.dataset import Dataset
from unbraid.evaluation.bound import importance_weighted_bound
from unbraid.evaluation.encoding import Progress, choose_images, encode_dataset, encode_posteriors
from unbraid.evaluation.losses import objective_losses
from unbraid.evaluation.scores import (
    active_latents,
    choose_metrics,
    follows,
    information_shares,
    losses,
    of_images,
    posterior_samples,
    quick_scores,
    samples_of,
)
from unbraid.metrics.aggregate_posterior import kl_decomposition
from unbraid.metrics.evaluate import REFERENCE_SAMPLES
from unbraid.metrics.evaluate import evaluate as evaluate_metrics
from unbraid.nn.vae import VAE
from unbraid.objectives.moves import Objective
from unbraid.randomness import derived_seed, torch_generator
from unbraid.terms import Context

BOUND_IMAGES = 256
BOUND_DRAWS = 64
"""Images of each split and draws of each for the bound on log p(x): its standard error is a few tenths of a nat."""


def evaluate_model(
    vae: VAE,
    objective: Objective,
    dataset: Dataset,
    *,
    seed: int,
    step: int,
    n_steps: int,
    batch_size: int,
    device: torch.device,
    limit: int | None = None,
    metrics: str | Sequence[str] | None = None,
    intervals: int = 0,
    untrained: VAE | None = None,
    progress: Callable[[str], Progress] | None = None,
) -> tuple[CodeTable, dict[str, Any]]:
    """Everything that `metrics.json` holds, and the code table it was computed from.

    Args:
        limit: images to score at most.
        metrics: "core" (by default), "all", or names.
        intervals: halves of the images that intervals are made from, see `unbraid.metrics.evaluate`.
        untrained: the model before its first step, whose scores are shown beside.
    """
    chosen = choose_metrics(metrics, dataset.space is not None)
    index = choose_images(dataset, limit)
    noise = torch_generator(seed, "evaluation", step, device=device)
    told = progress("encoding") if progress else None
    table = encode_dataset(vae, dataset, index=index, generator=noise, device=device, progress=told)
    context = Context(step, n_steps, len(dataset) - len(dataset.test), noise, training=False)
    splits: dict[str, dict[str, Any]] = {}
    for split, found in losses(table).items():
        rows = table.index[table.is_test == (split == "test")]
        terms = objective_losses(
            vae,
            objective,
            dataset,
            index=rows,
            batch_size=batch_size,
            context=replace(context, n_data=len(dataset.split(split))),
            device=device,
            progress=progress(f"losses on the {split} split") if progress else None,
        )
        bound = importance_weighted_bound(
            vae,
            dataset,
            index=np.sort(np.random.default_rng(0).permutation(rows)[:BOUND_IMAGES]),
            draws=BOUND_DRAWS,
            generator=torch_generator(seed, "bound", step, device=device),
            device=device,
            progress=progress(f"bound on log p(x), {split} split") if progress else None,
        )
        overall = {"loss": terms.pop("loss")} if "loss" in terms else {}  # where no move is joint each player has its own
        constant = float(vae.likelihood.normalizer(math.prod(dataset.shape)))
        splits[split] = {**found, "nll_constant": constant, **overall, "terms": terms, "log_p_bound": asdict(bound)}
    result: dict[str, Any] = {
        "step": step,
        "images": len(index),
        "of_images": len(dataset),
        "splits": splits,
        "kl_per_dim": [float(value) for value in table.kl],
        "metrics": {},
    }
    active = active_latents(table)
    result["active"] = active.tolist()
    if len(table.kl):  # latents are independent given an image, and normal
        result["kl_parts"] = _kl_parts(table, seed, step)
    if chosen:
        samples = samples_of(table)
        told = progress("metrics") if progress else None
        references = _references(dataset, index, untrained, device)
        result["metrics"] = evaluate_metrics(
            samples, metrics=chosen, seed=seed, intervals=intervals, **references, progress=told
        ).scores
        shares = information_shares(samples)
        result["information_shares"] = shares.tolist()
        named = follows(shares, table.factor_names)
        result["follows"] = [name if alive else "" for name, alive in zip(named, active, strict=True)]
    return table, result


def _references(dataset: Dataset, index: Int[np.ndarray, "_"], untrained: VAE | None, device: torch.device) -> dict[str, Any]:
    """What scores are compared with: how many images there are, the best codes there can be, an untrained encoder's codes."""
    assert dataset.factors is not None
    assert dataset.space is not None
    found = of_images(dataset, index)
    if untrained is None:
        return found
    rows = np.sort(np.random.default_rng(0).permutation(index)[:REFERENCE_SAMPLES])
    mean, variance = encode_posteriors(untrained, dataset, index=rows, device=device)
    return {**found, "untrained": posterior_samples(mean, variance, dataset.factors[rows], dataset.space.names)}


def _kl_parts(table: CodeTable, seed: int, step: int) -> dict[str, Any]:
    """The KL and its three parts under the aggregate posterior of all images encoded, as `metrics.json` holds them."""
    rng = np.random.default_rng(derived_seed(seed, "aggregate", step))
    parts = asdict(kl_decomposition(table.mean, table.variance, rng=rng))
    return {**parts, "dimension_wise_kl_per_dim": parts["dimension_wise_kl_per_dim"].tolist()}


def periodic(dataset: Dataset, seed: int, device: torch.device, limit: int = 2_000) -> Callable[[VAE, int], Mapping[str, Any]]:
    """A quick evaluation for use during training, on a fixed part of the images; without metrics that train classifiers."""
    index = choose_images(dataset, limit)

    def evaluate(vae: VAE, step: int) -> Mapping[str, Any]:
        noise = torch_generator(seed, "evaluation", step, device=device)
        table = encode_dataset(vae, dataset, index=index, generator=noise, device=device)
        values: dict[str, Any] = {"kl": float(table.kl.sum())} if len(table.kl) else {}
        for split, found in losses(table).items():
            values |= {f"{split}/nll": found["nll"], f"{split}/nll_at_mean": found["nll_at_mean"]}
        return values | (quick_scores(samples_of(table)) if table.has_factors else {})

    return evaluate
