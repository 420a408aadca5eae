"""What a ledger keeps of a run beside its scores: numbers and small pictures, made once.

With it a study's page is made anew without the run, its data or PyTorch.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unbraid.log_entry import Entry
from unbraid.reporting.latents import Latent
from unbraid.reporting.view import RunView

POINTS = 60
"""Of a loss curve."""
COLUMNS = 11
"""Images of a row."""
LARGEST_PICTURE = 60_000
"""Bytes of a PNG."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Something to keep of a run.

    Args:
        name: under which the ledger keeps it.
        make: from the run, as JSON has it; None where this run has no such thing.
        first_seed_only: keep it of one run of each arm.
    """

    name: str
    make: Callable[[RunView], Any]
    first_seed_only: bool = False


def _shares(view: RunView) -> dict[str, Any] | None:
    shares = view.shares
    if shares is None:
        return None
    return {
        "factors": list(view.table.scored_names),
        "shares": [[round(float(value), 4) for value in row] for row in shares],
        "active": list(view.scored["active"]),
    }


SHARES = Evidence("shares", _shares)
"""The share of each factor's entropy that each latent knows."""


def stretches(entries: Sequence[Entry], values: Mapping[str, Sequence[Any]]) -> dict[str, Any] | None:
    """Quantities over training, each point the mean of a stretch at the step at which it ends.

    Args:
        entries: of the log.
        values: by name, what each entry has of a quantity: a number, or several whose mean is taken.
    """
    if not entries:
        return None
    groups = np.array_split(np.arange(len(entries)), min(POINTS, len(entries)))
    found: dict[str, Any] = {"step": [entries[int(group[-1])].step for group in groups]}
    for name, own in values.items():
        means = np.array([float(np.mean(one)) for one in own])
        found[name] = [round(float(means[group].mean()), 4) for group in groups]
    return found


def _curve(view: RunView) -> dict[str, Any] | None:
    entries = [entry for entry in view.log if entry.kind == "train" and "loss" in entry.values]
    names = [name for name in ("loss", "nll", "kl") if entries and name in entries[0].values]
    return stretches(entries, {name: [entry.values.get(name, np.nan) for entry in entries] for name in names})


CURVE = Evidence("curve", _curve)
"""Loss, reconstruction and KL over training, each point the mean of a stretch."""


TRAINING_IMAGES = 20_000
"""Whose mean is taken, at most."""
_BATCH = 1_000


def _mean_image(view: RunView) -> dict[str, float] | None:
    import torch

    held_out = view.table.index[view.table.is_test]
    if not len(held_out):
        return None
    data, likelihood = view.dataset, view.model.vae.likelihood
    rows = np.sort(np.random.default_rng(0).permutation(data.train)[:TRAINING_IMAGES])
    mean = torch.from_numpy(data.images.floats(rows).mean(0, keepdims=True, dtype=np.float64))
    output = mean if getattr(likelihood, "squash", "sigmoid") == "none" else torch.logit(mean, 1e-6)
    total = 0.0
    for start in range(0, len(held_out), _BATCH):
        images = torch.from_numpy(data.images.floats(held_out[start : start + _BATCH])).double()
        total += float(likelihood.energy(output.expand_as(images), images).sum().detach())
    return {"energy": round(total / len(held_out), 4)}


MEAN_IMAGE = Evidence("mean_image", _mean_image)
"""How far the mean of the training images is from held-out ones: its energy under the run's likelihood, in nats per image."""


def _spectrum(view: RunView) -> dict[str, Any]:
    from unbraid.data.examples import example_images
    from unbraid.figures.power_spectra import spectrum

    rows = example_images(view.dataset, 200)
    own, theirs = spectrum(view.reconstructed(rows)), spectrum(view.dataset.images.bytes(rows))
    return {
        "checkerboard": own.checkerboard / theirs.checkerboard if theirs.checkerboard else None,
        "fine": own.fine / theirs.fine if theirs.fine else None,
        "total": own.total / theirs.total if theirs.total else None,
    }


SPECTRUM = Evidence("spectrum", _spectrum)
"""Power of reconstructions, as a share of that of the images: at waves of 2 pixels, of up to 4 pixels, and in all."""


def _weights(view: RunView) -> dict[str, Any]:
    from unbraid.figures.weights import near_zero

    edges = np.linspace(-0.5, 0.5, 51)
    found: dict[str, Any] = {"edges": [round(float(edge), 3) for edge in edges]}
    for name in ("encoder", "decoder"):
        own = np.concatenate([p.detach().cpu().numpy().ravel() for p in view.model.vae.networks[name].parameters()])
        counts = np.histogram(np.clip(own, -0.5, 0.5), edges)[0]
        found[name] = {
            "shares": [round(float(value), 6) for value in counts / len(own)],
            "near_zero": near_zero(own),
            "count": len(own),
        }
    return found


WEIGHTS = Evidence("weights", _weights)
"""A histogram of the weights of both networks, and the share of them within ±0.01."""


def picture(images: Any) -> dict[str, Any]:
    """Rows of images as a PNG in base64."""
    from unbraid.figures.grids import SEPARATOR, gap_of, png_within, shrink, strip

    rows = [strip(shrink(row, 64)) for row in images]
    line = np.full_like(rows[0][: gap_of(rows[0].shape[0])], SEPARATOR)
    pixels = np.concatenate([part for row in rows for part in (line, row)][1:])
    shown = base64.b64encode(png_within(pixels, LARGEST_PICTURE)).decode("ascii")
    return {"png": shown, "width": pixels.shape[1], "height": pixels.shape[0]}


def named(latents: Iterable[Latent]) -> list[str]:
    """Latents with the factors they follow, as in "z3 scale", numbered from 1 as the reports do."""
    return [f"z{one.index + 1} {one.factor.replace('_', ' ')}".strip() for one in latents]


def _reconstructions(view: RunView) -> dict[str, Any] | None:
    from unbraid.data.examples import example_images

    if not view.dataset.redistributable:
        return None
    rows = example_images(view.dataset, COLUMNS)
    return picture([view.dataset.images.bytes(rows), view.reconstructed(rows)])


RECONSTRUCTIONS = Evidence("reconstructions", _reconstructions, first_seed_only=True)
"""Held-out images, and below them what the model makes of them."""


def _traversals(view: RunView) -> dict[str, Any] | None:
    from unbraid.reporting.traversals import along, code_of, values_of

    if not view.dataset.redistributable:
        return None
    code, _ = code_of(view, "posterior")
    order = [one.index for one in view.latents]
    rows = along(view, code, values_of(view, COLUMNS), order)
    return {**picture(rows), "labels": named(view.latents)}


TRAVERSALS = Evidence("traversals", _traversals, first_seed_only=True)
"""Each latent moved over its range from one image, most informative first; numbered from 1, as reports do."""
