"""Time to quality: seconds of training until MIG is .4 on ellipses, beside the same model in a plain loop.

    python benchmarks/time_to_quality.py [--seeds 5]

`unbraid train beta_vae ellipses`, and the same networks, initial weights, loss, schedule, optimizer and batches in the step of
plain.py, each a process of its own with one thread. Every 250 steps the clock stands still while MIG of 5,000 images is taken.
Seconds are the processor's, of which a busy machine needs more too: let it be idle. Ours include the log and checkpoints, both
include drawing the data. A seed is not the same run on both sides: images and noise come in another order. What is measured is
written to benchmarks/results/time_to_quality.json at once and is not measured again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from racing import RESULTS, keep, table
from torch import nn

NAME = "time_to_quality"
TARGET, EVERY, SCORED = 0.4, 250, 5_000
STEPS, LR, BETAS, WARMUP, BATCH = 4_500, 2e-3, (20.0, 4.0), 0.9, 64
"""Of the plain loop; ours has them as the defaults of `beta_vae` on `ellipses`."""
SIDES = ("unbraid", "plain")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--alone", nargs=2, metavar=("SIDE", "SEED"), help="one side and seed, its steps to standard output")
    parser.add_argument("--steps", type=int, default=STEPS, help="at most; fewer only to try the benchmark")
    given = parser.parse_args()
    if given.alone:
        torch.set_num_threads(1)
        side, seed = given.alone
        {"unbraid": unbraid_side, "plain": plain_side}[side](int(seed), given.steps)
        return
    found = stored()
    for seed in range(given.seeds):
        for side in SIDES:
            if str(seed) not in found.setdefault(side, {}):
                found[side][str(seed)] = alone(side, seed, given.steps)
                about = {"target": TARGET, "every": EVERY, "steps": given.steps, "scored": SCORED}
                keep(NAME, {**about, "rows": rows(found), "sides": found})
    print(table(["side", "seeds", "reached", "steps", "seconds", "seconds per 1,000 steps"], rows(found)))


def stored() -> dict[str, Any]:
    path = RESULTS / f"{NAME}.json"
    return dict(json.loads(path.read_text())["sides"]) if path.is_file() else {}


def alone(side: str, seed: int, steps: int) -> list[list[float]]:
    """Steps, seconds and MIG of one run, in a process of its own."""
    command = [sys.executable, __file__, "--alone", side, str(seed), "--steps", str(steps)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    shown = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment).stdout
    marks: list[list[float]] = [json.loads(line) for line in shown.splitlines() if line.startswith("[")]
    print(f"{side} {seed}: {marks[-1]}", flush=True)
    return marks


def rows(found: dict[str, Any]) -> list[list[str]]:
    """One row per side: medians over the seeds that reached the target."""
    made = []
    for side, seeds in found.items():
        reached = [marks[-1] for marks in seeds.values() if marks[-1][2] >= TARGET]
        pace = 1000 * np.median([marks[-1][1] / marks[-1][0] for marks in seeds.values()])
        middle = np.median(reached, axis=0) if reached else None
        shown = ["", ""] if middle is None else [f"{middle[0]:,.0f}", f"{middle[1]:.0f}"]
        made.append([side, str(len(seeds)), str(len(reached)), *shown, f"{pace:.1f}"])
    return made


class Clock:
    """Seconds of this process, without those spent on scoring.

    Args:
        codes: means of the posteriors of images, by the model as it is.
    """

    def __init__(self, codes: Callable[[torch.Tensor], torch.Tensor]) -> None:
        from unbraid.data.dataset import load_dataset

        dataset = load_dataset("ellipses")
        chosen = np.random.default_rng(0).choice(len(dataset), SCORED, replace=False)
        self._codes, self._images = codes, torch.from_numpy(dataset.images.floats(chosen))
        self._factors, self._paused = dataset.factors[chosen], time.process_time()

    def reached(self, step: int) -> bool:
        """Whether the target is; prints step, seconds and MIG."""
        from unbraid.metrics import mig

        began = time.process_time()
        with torch.no_grad():
            score = float(mig(self._codes(self._images).numpy(), self._factors)["score"])
        print(json.dumps([step, began - self._paused, score]), flush=True)
        self._paused += time.process_time() - began
        return score >= TARGET


def unbraid_side(seed: int, steps: int) -> None:
    from unbraid.api import train
    from unbraid.errors import Interrupted
    from unbraid.training.checkpoint import list_checkpoints, read_checkpoint
    from unbraid.training.fit import Silent
    from unbraid.training.run import open_run
    from unbraid.tune_process import tune_process

    tune_process()
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "run"

        def codes(images: torch.Tensor) -> torch.Tensor:
            run = open_run(folder)
            vae = run.experiment.build()
            vae.load_state_dict(read_checkpoint(list_checkpoints(run.checkpoints)[-1]).weights)
            return vae.eval().encode(images).mean

        clock = Clock(codes)

        class Watching(Silent):
            def advance(self, step: int, entry: object, images_per_second: float) -> None:
                if step % EVERY == 0 and clock.reached(step):
                    raise Interrupted("reached")

        try:
            options = {} if steps == STEPS else {"steps": steps}
            train(
                "beta_vae",
                "ellipses",
                out=folder,
                device="cpu",
                monitor=Watching(),
                seed=seed,
                checkpoint_every=EVERY,
                **options,
            )
        except Interrupted:
            pass


def plain_side(seed: int, steps: int) -> None:
    from plain import bound, burgess, draw

    from unbraid.data.dataset import load_dataset

    clock = Clock(lambda images: draw(encoder, images)[0])
    torch.manual_seed(seed)
    encoder, decoder = burgess(32)
    for layer in [*encoder, *decoder]:
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
    dataset = load_dataset("ellipses")
    images = torch.from_numpy(dataset.images.floats(slice(None)))
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=LR)
    order = torch.randperm(len(images))
    for step in range(steps):
        if (step + 1) * BATCH % len(images) < BATCH:
            order = torch.randperm(len(images))
        first = step * BATCH % (len(images) - BATCH)
        beta = BETAS[0] + (BETAS[1] - BETAS[0]) * min(1.0, step / (WARMUP * steps))
        loss, _ = bound(encoder, decoder, images[order[first : first + BATCH]], beta)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if (step + 1) % EVERY == 0 and clock.reached(step + 1):
            return


if __name__ == "__main__":
    main()
