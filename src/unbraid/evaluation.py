"""Scores of a trained model: losses over whole splits, KL per latent, and metrics on its code table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from unbraid.codes import CodeTable
from unbraid.data.dataset import SPLITS, Dataset
from unbraid.errors import UsageError
from unbraid.figures.ranges import explained
from unbraid.interfaces import Context, Draw
from unbraid.metrics.mutual_information import factor_entropies, mutual_information_matrix
from unbraid.metrics.registry import metrics as registry
from unbraid.nn.vae import VAE
from unbraid.objectives.interface import Objective
from unbraid.randomness import torch_generator
from unbraid.training.fit import load_images
from unbraid.training.step import evaluate_step

BATCH = 256
"""Images encoded at once; a size that stays in a CPU's caches."""
FOLLOWS = 0.15
"""A latent follows a factor if it knows at least this share of the factor's entropy."""

ACTIVE = 0.05
"""A latent is active if its posterior means make up this share of its variance: about 0.026 nats of a normal code. Like the
active units of Burda et al. (2016), but relative, so that the scale of a latent does not matter (beta = 0), and above their
0.01, which calls a hundredth of a nat active."""

Progress = Callable[[int, int], None]


def choose_images(dataset: Dataset, limit: int | None) -> Int[np.ndarray, "_"]:
    """Indices to evaluate on: all, or a fixed pseudo-random part with both splits in proportion."""
    n = len(dataset)
    if limit is None or limit >= n:
        return np.arange(n)
    if limit < 2:
        raise UsageError(f"--evaluate-images is {limit}; allowed: at least 2.")
    return np.sort(np.random.default_rng(0).permutation(n)[:limit])


def _batches(index: Int[np.ndarray, "_"], size: int) -> Iterator[Int[np.ndarray, "_"]]:
    for start in range(0, len(index), size):
        yield index[start : start + size]


@torch.no_grad()
def encode_dataset(
    vae: VAE,
    dataset: Dataset,
    *,
    index: Int[np.ndarray, "_"],
    generator: torch.Generator,
    device: torch.device,
    progress: Progress | None = None,
) -> CodeTable:
    """Encode images and decode them again, at the posterior mean and at one draw."""
    was_training = vae.training
    vae.eval()
    parts: dict[str, list[np.ndarray]] = {"mean": [], "variance": [], "nll_mean": [], "nll_sample": []}
    kl_sum: torch.Tensor | None = None
    done = 0
    for batch in _batches(index, BATCH):
        images = load_images(dataset, batch, device)
        posterior = vae.encode(images)
        z = posterior.sample(generator)
        parts["mean"].append(posterior.mean.float().cpu().numpy())
        parts["variance"].append(posterior.variance.float().cpu().numpy())
        parts["nll_mean"].append(vae.likelihood.nll(vae.decode(posterior.mean), images).float().cpu().numpy())
        parts["nll_sample"].append(vae.likelihood.nll(vae.decode(z), images).float().cpu().numpy())
        per_dim = posterior.kl_per_dim(vae.prior)
        if per_dim is not None:
            kl_sum = per_dim.double().sum(0) if kl_sum is None else kl_sum + per_dim.double().sum(0)
        done += len(batch)
        if progress:
            progress(done, len(index))
    vae.train(was_training)
    n = len(index)
    has = dataset.space is not None and dataset.factors is not None
    return CodeTable(
        **{name: np.concatenate(arrays) for name, arrays in parts.items()},
        index=index.astype(np.int64),
        is_test=dataset.is_test[index],
        kl=np.zeros(0, np.float32) if kl_sum is None else (kl_sum / n).float().cpu().numpy(),
        factors=dataset.factors[index] if has and dataset.factors is not None else np.zeros((n, 0), np.int16),
        factor_names=dataset.space.names if dataset.space is not None else (),
        factor_sizes=dataset.space.sizes if dataset.space is not None else (),
        labels=dataset.labels[index] if dataset.labels is not None else np.zeros(0, np.int16),
    )


def objective_losses(
    vae: VAE,
    objective: Objective,
    dataset: Dataset,
    *,
    index: Int[np.ndarray, "_"],
    batch_size: int,
    context: Context,
    device: torch.device,
    progress: Progress | None = None,
) -> dict[str, float]:
    """Every term of the objective, averaged over images: what training minimises, on given images.

    Images are taken in batches of the training batch size, since some terms depend on it; the last batch may be shorter and
    counts for as many images as it has. Further batches of a draw are what the objective's `draws` make of the images.
    """
    sums: dict[str, float] = {}
    images: dict[str, int] = {}
    seen = 0
    for indices in objective.draws.over(dataset, index, batch_size):
        draw = Draw(tuple(load_images(dataset, part, device) for part in indices), indices)
        n = len(indices[0])
        for outcome in evaluate_step(vae, objective, draw, context):
            for name, value in outcome.values.items():
                if value.ndim == 0:
                    sums[name] = sums.get(name, 0.0) + float(value) * n
                    images[name] = images.get(name, 0) + n
        seen += n
        if progress:
            progress(seen, len(index))
    return {name: total / images[name] for name, total in sums.items()}


def information_shares(table: CodeTable, *, bins: int = 20) -> Float[np.ndarray, "d k"]:
    """I(z_j; v_k) / H(v_k): the share of each factor's entropy that each latent knows, from histograms of the means."""
    entropies = factor_entropies(table.factors)
    information = mutual_information_matrix(table.mean, table.factors, bins=bins)
    shares: np.ndarray = np.divide(information, entropies, out=np.zeros_like(information), where=entropies > 0)
    return shares


def follows(shares: Float[np.ndarray, "d k"], names: Sequence[str]) -> list[str]:
    """For each latent the factor it knows most of, or "" where that is less than `FOLLOWS` of the factor's entropy."""
    best = shares.argmax(1)
    return [names[k] if shares[j, k] >= FOLLOWS else "" for j, k in enumerate(best)]


def active_latents(table: CodeTable) -> Bool[np.ndarray, "d"]:
    """Whether each latent tells anything about the image; the means of one that does not are drowned by its noise."""
    return explained(table.mean, table.variance) >= ACTIVE


def choose_metrics(names: Sequence[str] | None, has_factors: bool) -> list[str]:
    """Names of metrics, checked; by default all of them, none where there are no factors."""
    if isinstance(names, str):
        raise UsageError(f"metrics is {names!r}; give a list of names.")
    if names and not has_factors:
        raise UsageError(f"Metrics ({', '.join(names)}) need factors, and this data set has none.")
    chosen = registry.names() if names is None else [registry[name].name for name in names]
    return chosen if has_factors else []


def score(table: CodeTable, names: Sequence[str]) -> dict[str, Any]:
    """Metrics of a code table, by name."""
    return {n: registry[n].factory(table.mean, table.factors, factor_names=table.factor_names) for n in names}


def losses(table: CodeTable) -> dict[str, dict[str, float]]:
    """Reconstruction of each split, at one draw and at the posterior mean, in nats per image."""
    found = {}
    for split in SPLITS:
        rows = table.is_test == (split == "test")
        if rows.any():
            found[split] = {
                "images": int(rows.sum()),
                "nll": float(table.nll_sample[rows].astype(np.float64).mean()),
                "nll_at_mean": float(table.nll_mean[rows].astype(np.float64).mean()),
            }
    return found


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
    metrics: Sequence[str] | None = None,
    progress: Callable[[str], Progress] | None = None,
) -> tuple[CodeTable, dict[str, Any]]:
    """Everything that `metrics.json` holds, and the code table it was computed from."""
    chosen = choose_metrics(metrics, dataset.space is not None)
    index = choose_images(dataset, limit)
    noise = torch_generator(seed, "evaluation", step, device=device)
    told = progress("encoding") if progress else None
    table = encode_dataset(vae, dataset, index=index, generator=noise, device=device, progress=told)
    context = Context(step, n_steps, len(dataset) - len(dataset.test), noise, training=False)
    splits = losses(table)
    for split, found in splits.items():
        rows = table.index[table.is_test == (split == "test")]
        terms = objective_losses(
            vae,
            objective,
            dataset,
            index=rows,
            batch_size=batch_size,
            context=context,
            device=device,
            progress=progress(f"losses on the {split} split") if progress else None,
        )
        if "loss" in terms:  # objectives without a joint move have a loss per player among their terms
            found["loss"] = terms.pop("loss")
        found["terms"] = terms  # type: ignore[assignment]
    result: dict[str, Any] = {
        "step": step,
        "images": len(index),
        "of_images": len(dataset),
        "splits": splits,
        "kl_per_dim": [float(value) for value in table.kl],
        "metrics": score(table, chosen),
    }
    active = active_latents(table)
    result["active"] = active.tolist()
    if table.has_factors:
        shares = information_shares(table)
        result["information_shares"] = shares.tolist()
        named = follows(shares, table.factor_names)
        result["follows"] = [name if alive else "" for name, alive in zip(named, active, strict=True)]
    return table, result


def periodic(dataset: Dataset, seed: int, device: torch.device, limit: int = 5_000) -> Callable[[VAE, int], Mapping[str, Any]]:
    """A quick evaluation for use during training, on a fixed part of the images."""
    index = choose_images(dataset, limit)

    def evaluate(vae: VAE, step: int) -> Mapping[str, Any]:
        noise = torch_generator(seed, "evaluation", step, device=device)
        table = encode_dataset(vae, dataset, index=index, generator=noise, device=device)
        values: dict[str, Any] = {"kl": float(table.kl.sum())} if len(table.kl) else {}
        for split, found in losses(table).items():
            values |= {f"{split}/nll": found["nll"], f"{split}/nll_at_mean": found["nll_at_mean"]}
        for name, scores in score(table, choose_metrics(None, table.has_factors)).items():
            values[name] = scores["score"]
        return values

    return evaluate
