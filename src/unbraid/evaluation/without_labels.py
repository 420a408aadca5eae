"""Scores of a trained model that need no labels: its decoder's Jacobian, and PIPE."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from unbraid.codes import CodeTable
from unbraid.distributions.protocols import Images, Latents
from unbraid.errors import UsageError, warn
from unbraid.metrics.between_models import LEAST_KL
from unbraid.metrics.decoder_columns import column_overlap, ima_contrast
from unbraid.nn.jacobian import jacobian_columns
from unbraid.nn.modes import evaluation_mode
from unbraid.nn.vae import VAE
from unbraid.progress import Progress
from unbraid.randomness import seeded_construction

JACOBIANS = 128
"""Images at whose codes the decoder is differentiated."""
AT_ONCE = 32
PIPE_IMAGES, PIPE_SEEN, PIPE_BATCH, PIPE_LR = 10_000, 50_000, 32, 1e-4
"""Images that are reconstructed at most; what the classifier sees before it is judged, and how it learns, as published."""
Codes = Literal["uniform", "permuted"]


def informative(table: CodeTable) -> Int[np.ndarray, "_"]:
    """Latents that tell of the image.

    Those with a mean KL above 0.01 nats; where there is no KL for each, those that are not constant.
    """
    return np.flatnonzero(table.kl > LEAST_KL if len(table.kl) else np.ptp(table.mean, axis=0) > 0)


def decoder_scores(vae: VAE, table: CodeTable, *, device: torch.device) -> dict[str, float | None]:
    """`column_overlap` and `ima_contrast` of a decoder's Jacobian.

    They are means over 128 of the encoded images, at their posterior means, and of informative latents. Without two of these,
    or for a decoder that has no forward-mode derivatives, there are none.
    """
    latents = informative(table)
    if len(latents) < 2:
        return {}
    rows = np.sort(np.random.default_rng(0).permutation(len(table))[:JACOBIANS])
    try:
        jacobian = decoder_jacobian(vae, table.mean[rows], latents, device=device)
    except (RuntimeError, NotImplementedError) as error:
        warn(
            f"The decoder has no forward-mode derivatives, so there is no overlap of its columns: {str(error).splitlines()[0]}"
        )
        return {}
    used = np.abs(jacobian).max((0, 1)) > 0
    if used.sum() < 2 or not np.isfinite(jacobian).all():
        return {}
    moved = jacobian[:, :, used]
    moved = moved[(np.abs(moved).max(1) > 0).all(1)]  # a rectifier may hold an image still
    if not len(moved):
        return {}
    return {"column_overlap": float(column_overlap(moved).mean()), "ima_contrast": float(ima_contrast(moved).mean())}


@torch.no_grad()
def decoder_jacobian(
    vae: VAE, codes: Float[np.ndarray, "n d"], latents: Int[np.ndarray, "latent"], *, device: torch.device
) -> Float32[np.ndarray, "n value latent"]:
    """How the mean of p(x|z) changes with some latents at some codes."""

    def image(z: Latents) -> Images:
        return vae.likelihood.mean(vae.decode_for_derivatives(z))

    found = []
    with evaluation_mode(vae):
        for start in range(0, len(codes), AT_ONCE):
            z = torch.as_tensor(codes[start : start + AT_ONCE], dtype=torch.float32, device=device)
            found.append(jacobian_columns(image, z, latents.tolist()).mT.cpu().numpy())
    return np.concatenate(found)


@torch.no_grad()
def pipe(
    vae: VAE,
    table: CodeTable,
    *,
    codes: Codes = "uniform",
    seed: int,
    seen: int = PIPE_SEEN,
    device: torch.device,
    progress: Progress | None = None,
) -> float:
    r"""PIPE: whether codes with independent latents decode to images like reconstructions.

    In full: posterior indifference projection equivalence.

    .. math:: \min(1,\; 2\, (1 - \mathrm{accuracy}))

    The accuracy is that of a convolutional classifier that tells reconstructions, at posterior means, from decodings of codes
    whose latents are drawn independently: "uniform" between the least and the largest mean of each latent, as published, or
    "permuted", each latent's means in an order of their own.

    Range 0 to 1; more is better. 1 if no image tells which it is: a decoder that ignores its latents scores 1 as well, so that
    it is no measure of how much they know. "uniform" takes another distribution of a single latent for dependence.
    The classifier sees 50,000 images, of half of up to 10,000 reconstructions and as many decodings, and is judged on the other
    half. For 64 pixels it is the published one; of other sides it has as many convolutions as leave 4 to 7 pixels.
    Source: Estermann and Wattenhofer (2023), DAVA, ICLR; their code, which makes 50,000 images of each kind.
    Raises `UsageError` for fewer than 20 images.
    """
    if len(table) < 20:
        raise UsageError(f"PIPE of {len(table)} images; allowed: at least 20.")
    rng = np.random.default_rng([seed, 1])
    rows = rng.permutation(len(table))[:PIPE_IMAGES]  # in no order: halves of a grid would show other factors
    mean = table.mean[rows].astype(np.float64)
    if codes == "uniform":
        drawn = rng.uniform(table.mean.min(0), table.mean.max(0), size=mean.shape)
    else:
        drawn = rng.permuted(mean, axis=0)
    with evaluation_mode(vae):
        images = [
            torch.cat([vae.likelihood.mean(vae.decode(part)).cpu() for part in _parts(values, device)])
            for values in (mean, drawn)
        ]
    return indifference(*images, seed=seed, seen=seen, device=device, progress=progress)


def _parts(values: Float[np.ndarray, "n d"], device: torch.device) -> Iterator[Float[Tensor, "batch d"]]:
    for start in range(0, len(values), 256):
        yield torch.as_tensor(values[start : start + 256], dtype=torch.float32, device=device)


@torch.enable_grad()
def indifference(
    first: Images,
    second: Float[Tensor, "batch channel height width"],
    *,
    seed: int,
    seen: int = PIPE_SEEN,
    device: torch.device | None = None,
    progress: Progress | None = None,
) -> float:
    """How little a classifier can tell two sets of images apart: min(1, 2 (1 - accuracy)).

    It learns from one half of each, and is judged on the other. The sets have as many images.

    Args:
        seen: images that it learns from, repeats included, in batches of 32.
    """
    half = len(first) // 2
    learned = torch.cat([first[:half], second[:half]])
    kinds = torch.cat([torch.zeros(half), torch.ones(half)])
    with seeded_construction(seed):
        network = classifier(first.shape[1], min(first.shape[2:])).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=PIPE_LR)
    draw = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(learned), generator=draw)
    size, place = min(PIPE_BATCH, len(learned)), 0
    steps = max(1, seen // size)
    for step in range(steps):
        if place + size > len(order):
            order, place = torch.randperm(len(learned), generator=draw), 0
        batch, place = order[place : place + size], place + size
        optimizer.zero_grad()
        loss = binary_cross_entropy_with_logits(network(learned[batch].to(device))[:, 0], kinds[batch].to(device))
        torch.autograd.backward(loss)
        optimizer.step()
        if progress:
            progress(step + 1, steps)
    network.eval()
    with torch.no_grad():
        right = [
            ((network(part.to(device))[:, 0] > 0).cpu() == bool(kind)).float()
            for kind, own in enumerate((first, second))
            for part in torch.split(own[half:], 256)
        ]
    return min(1.0, 2 * (1 - float(torch.cat(right).mean())))


def classifier(channels: int, side: int) -> nn.Sequential:
    """Convolutions of stride 2 until 4 to 7 pixels are left, and a hidden layer; batch normalization."""
    layers: list[nn.Module] = []
    widths = iter((32, 32, 64, 64))
    inputs = channels
    while side >= 8:
        width = next(widths, 64)
        layers += [nn.Conv2d(inputs, width, 4, 2, 1), nn.BatchNorm2d(width), nn.ReLU()]
        inputs, side = width, side // 2
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(min(side, 4)), nn.Flatten(), nn.Linear(inputs * min(side, 4) ** 2, 512),
        nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 1),
    )  # fmt: skip
