"""A bound on log p(x), from many draws of each image's posterior."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Int

from unbraid.data.dataset import Dataset
from unbraid.evaluation.encoding import BATCH
from unbraid.evaluation.loss_rows import Bound
from unbraid.nn.modes import evaluation_mode
from unbraid.nn.vae import VAE
from unbraid.progress import Progress
from unbraid.training.fit import load_images


@torch.no_grad()
def importance_weighted_bound(
    vae: VAE,
    dataset: Dataset,
    *,
    index: Int[np.ndarray, "_"],
    draws: int,
    generator: torch.Generator,
    device: torch.device,
    progress: Progress | None = None,
) -> Bound:
    r"""The importance-weighted bound of Burda et al. (2016), equation 8, in nats per image.

    .. math:: \log p(x) \ge E \log \frac1K \sum_{k=1}^K \frac{p(x|z_k)\, p(z_k)}{q(z_k|x)}, \quad z_k \sim q(z|x)

    With one draw it is the evidence lower bound; it grows with the number K of draws towards log p(x), which it equals for
    every K where q(z|x) is the true posterior. Constants of the likelihood are included. For gray pixels under a Bernoulli
    likelihood p(x|z) is no density, and neither is p(x).
    """
    bounds: list[torch.Tensor] = []
    with evaluation_mode(vae):
        for start in range(0, len(index), BATCH):
            images = load_images(dataset, index[start : start + BATCH], device)
            posterior = vae.encode(images)
            log_weights = []
            for _ in range(draws):
                z = posterior.sample(generator)
                log_joint = vae.prior.log_prob(z) - vae.likelihood.nll(vae.decode(z), images)
                log_weights.append((log_joint - posterior.log_prob(z)).double())
            bounds.append(torch.logsumexp(torch.stack(log_weights), dim=0) - math.log(draws))
            if progress:
                progress(min(start + BATCH, len(index)), len(index))
    values = torch.cat(bounds).cpu().numpy()
    error = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf
    return Bound(float(values.mean()), error, len(values), draws)
