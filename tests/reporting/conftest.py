"""Runs that were never trained, of any shape, with their pages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

import unbraid
from helpers.tiny import TINY
from unbraid.codes import CodeTable
from unbraid.config.plan import plan
from unbraid.data.dataset import Dataset
from unbraid.data.storage import ByteImages
from unbraid.files import write_json
from unbraid.log_entry import Entry
from unbraid.model import Model
from unbraid.records import finite_or_none, to_json
from unbraid.reporting.page import render
from unbraid.reporting.view import RunView
from unbraid.training.run import CODES, METRICS, Run

STEPS = 100


def log_of(latent_dim: int, entries: int = 20, kl: float = 1.0) -> list[Entry]:
    """A log in which the loss falls and settles."""
    log: list[Entry] = []
    for step in range(STEPS // entries, STEPS + 1, STEPS // entries):
        values = {
            "loss": 50 + 500 / step,
            "nll": 40 + 500 / step,
            "kl": 10.0,
            "kl_per_dim": [kl * j for j in range(latent_dim)],
        }
        log.append(Entry(kind="train", step=step, values=values, time=0.0, units={}))
    log.append(Entry(kind="evaluation", step=STEPS, values={"kl": 9.0, "test/nll": 41.0, "mig": 0.1}, time=0.0, units={}))
    return log


@dataclass
class Case:
    """A run with everything that a page is made from."""

    run: Run
    model: Model
    table: CodeTable
    scored: dict[str, Any]
    dataset: Dataset
    log: Sequence[Entry] = field(default_factory=list)

    def view(self) -> RunView:
        """The run as pages read it from its folder, where its files are written; the model and the data are given."""
        self.run.folder.mkdir(exist_ok=True)
        self.run.log.write_text("".join(json.dumps(to_json(entry)) + "\n" for entry in self.log))
        write_json(self.run.folder / METRICS, finite_or_none(self.scored))
        self.table.save(self.run.folder / CODES)
        view = RunView(self.run, self.dataset)
        vars(view)["model"] = self.model  # there is no checkpoint to read it from
        return view

    def page(self) -> str:
        """The page as text."""
        return render(self.view())


@lru_cache
def evaluated(image_shape, latent_dim: int, limit, **options) -> tuple[Model, CodeTable, dict[str, Any], Dataset]:
    """An untrained model, its codes and scores, and the data set."""
    experiment, dataset = plan("beta_vae", TINY, {"steps": STEPS, "batch_size": 16, "latent_dim": latent_dim, **options})
    if image_shape is not None:
        pixels = np.random.default_rng(0).integers(0, 256, (60, *image_shape)).astype(np.uint8)
        dataset = Dataset("noise", ByteImages(pixels), np.arange(48, 60), labels=np.zeros(60, np.int16))
        experiment = replace(experiment, image_shape=image_shape, n_train=48)
    model = Model(experiment.build(), experiment, step=STEPS)
    table, scores = model.evaluate_with_codes(dataset, limit=limit)
    return model, table, to_json(scores), dataset


@pytest.fixture
def make_case(tmp_path):
    """A run on the tiny ellipses, or on random images of another shape that have no factors."""

    def make(*, image_shape=None, latent_dim: int = 4, limit=None, **options) -> Case:
        model, table, scored, dataset = evaluated(image_shape, latent_dim, limit, **options)
        run = Run(tmp_path / "run", model.experiment)
        return Case(run, model, table, deepcopy(scored), dataset, log_of(latent_dim))

    return make


@pytest.fixture
def own_latents_table(make_case):
    """The tiny ellipses with codes in which z1, z2 and z3 are x, y and scale, and z0 is dead."""
    case = make_case()
    rng = np.random.default_rng(0)
    mean = np.zeros((len(case.table), 4), np.float32)
    mean[:, 0] = 0.001 * rng.normal(size=len(mean))
    for latent, factor in ((1, "x"), (2, "y"), (3, "scale")):
        mean[:, latent] = case.table.factors[:, case.table.factor_names.index(factor)]
    variance = np.full_like(mean, 0.01)
    variance[:, 0] = 1.0
    kl = np.array([0.0, 1.5, 3.0, 2.0], np.float32)
    case.table = replace(case.table, mean=mean, variance=variance, kl=kl)
    del case.scored["information_shares"]
    return case


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Folders of four runs of a few steps, all scored: two seeds of beta 1, one of beta 4, with 3 latents; beta 4 with 2."""
    folder = tmp_path_factory.mktemp("runs")
    shared = {"steps": 12, "batch_size": 16, "log_every": 3, "device": "cpu"}
    wanted = [(1.0, 3, 0), (1.0, 3, 1), (4.0, 3, 0), (4.0, 2, 0)]
    made = []
    for beta, latents, seed in wanted:
        out = folder / f"beta{beta:g}-latents{latents}-{seed}"
        followed = 0 if made else 6
        unbraid.train("beta_vae", TINY, out=out, beta=beta, latent_dim=latents, seed=seed, evaluate_every=followed, **shared)
        unbraid.evaluate(out, metrics=["mig", "dci", *(["linear_probe"] if beta == 1 else [])], device="cpu")
        made.append(out)
    return made
