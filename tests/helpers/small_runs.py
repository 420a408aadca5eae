"""Small sweeps for tests: 96 images in a file, networks of one layer, a few steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from unbraid.sweep.planning import make_plan
from unbraid.sweep.points import Plan, Request, Scoring
from unbraid.sweep.store import Store

SMALL = {
    "encoder": "mlp",
    "decoder": "mlp",
    "encoder_width": 8,
    "decoder_width": 8,
    "steps": 6,
    "batch_size": 8,
    "latent_dim": 2,
    "checkpoint_every": 2,
    "log_every": 2,
}
SCORING = Scoring(64, ["mig"])


def small_file(folder: Path) -> Path:
    """96 images of a bright spot at 4 x 4 positions and 6 brightnesses, with their factors."""
    path = folder / "spots.npz"
    if not path.exists():
        x, y, light = (axis.ravel() for axis in np.meshgrid(range(4), range(4), range(6), indexing="ij"))
        images = np.zeros((96, 28, 28), np.uint8)
        for i in range(96):
            images[i, 7 * y[i] : 7 * y[i] + 7, 7 * x[i] : 7 * x[i] + 7] = 80 + 35 * light[i]
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(path, images=images, factors=np.stack([x, y, light], 1), factor_names=np.array(["x", "y", "light"]))
    return path


def requests(folder: Path, *, seeds: int = 2, model: str = "beta_vae", **options: Any) -> list[Request]:
    data = f"npz:{small_file(folder)}"
    return [Request(model, data, {**SMALL, "seed": seed, **options}) for seed in range(seeds)]


def small_plan(store: Store, *, seeds: int = 2, **options: Any) -> Plan:
    plan = make_plan(requests(store.folder.parent, seeds=seeds, **options), SCORING, [], device="cpu")
    store.write_plan(plan)
    return plan
