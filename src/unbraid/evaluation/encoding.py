"""A data set through encoder and decoder, once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int

from unbraid.codes import CodeTable
from unbraid.data.dataset import Dataset
from unbraid.errors import UsageError
from unbraid.nn.modes import evaluation_mode
from unbraid.nn.vae import VAE
from unbraid.progress import Progress
from unbraid.training.fit import load_images

BATCH = 256
"""Images encoded at once; a size that stays in a CPU's caches."""


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
def encode_posteriors(
    vae: VAE, dataset: Dataset, *, index: Int[np.ndarray, "_"], device: torch.device
) -> tuple[Float32[np.ndarray, "n d"], Float32[np.ndarray, "n d"]]:
    """Posterior means and variances of images, and nothing else."""
    with evaluation_mode(vae):
        posteriors = [vae.encode(load_images(dataset, batch, device)) for batch in _batches(index, BATCH)]
    mean = torch.cat([posterior.mean.float() for posterior in posteriors]).cpu().numpy()
    return mean, torch.cat([posterior.variance.float() for posterior in posteriors]).cpu().numpy()


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
    parts: dict[str, list[Any]] = {"mean": [], "variance": [], "nll_mean": [], "nll_sample": []}
    kl_sum: torch.Tensor | None = None
    done = 0
    with evaluation_mode(vae):
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
    n = len(index)
    has = dataset.space is not None and dataset.factors is not None
    joined: dict[str, Any] = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    return CodeTable(
        **joined,
        index=index.astype(np.int64),
        is_test=dataset.is_test[index],
        kl=np.zeros(0, np.float32) if kl_sum is None else (kl_sum / n).float().cpu().numpy(),
        factors=dataset.factors[index] if has and dataset.factors is not None else np.zeros((n, 0), np.int16),
        factor_names=dataset.space.names if dataset.space is not None else (),
        factor_sizes=dataset.space.sizes if dataset.space is not None else (),
        labels=dataset.labels[index] if dataset.labels is not None else np.zeros(0, np.int16),
    )
