"""What training minimizes, on given images."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int

from unbraid.data.dataset import Dataset
from unbraid.nn.vae import VAE
from unbraid.objectives.moves import Objective
from unbraid.progress import Progress
from unbraid.terms import Context, Draw
from unbraid.training.fit import load_images
from unbraid.training.step import evaluate_step


class Losses(NamedTuple):
    """Means over images by name, with their units and labels.

    Units are given for those that are not in nats per image, labels for terms that name themselves.
    """

    terms: dict[str, float]
    units: dict[str, str]
    labels: dict[str, str]


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
) -> Losses:
    """Every term of the objective, averaged over images: what training minimizes, on given images.

    Images are taken in batches of the training batch size and in an order that is random, but always the same, since some terms
    depend on what a batch holds; the last batch may be shorter and counts for as many images as it has. Further batches of a
    draw are what the objective's `draws` make of the images.
    """
    sums: dict[str, float] = {}
    units: dict[str, str] = {}
    labels: dict[str, str] = {}
    images: dict[str, int] = {}
    seen = 0
    mixed = np.random.default_rng(0).permutation(index)  # neighbors of a grid look alike
    for indices in objective.draws.over(dataset, mixed, batch_size):
        draw = Draw(tuple(load_images(dataset, part, device) for part in indices), indices)
        n = len(indices[0])
        for outcome in evaluate_step(vae, objective, draw, context):
            for name, value in outcome.values.items():
                if value.ndim == 0:
                    units |= {name: outcome.units[name]} if name in outcome.units else {}
                    labels |= {name: outcome.labels[name]} if name in outcome.labels else {}
                    sums[name] = sums.get(name, 0.0) + float(value) * n
                    images[name] = images.get(name, 0) + n
        seen += n
        if progress:
            progress(seen, len(index))
    return Losses({name: total / images[name] for name, total in sums.items()}, units, labels)
