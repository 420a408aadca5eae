"""All models on a GPU: do they agree with the CPU, resume bit for bit, and how fast are they.

    python benchmarks/device.py [--device cuda] [--only agreement resume speed population] [--models vae factor_vae]

- agreement: two steps of every model with the same weights, images and noise on both; the largest relative difference of a
  logged term at each step. The second step also sees what the optimizer made of rounding.
- resume: four steps with a stop after two, against four without, by deterministic kernels of cuDNN; whether the last
  checkpoints are the same, byte by byte.
- speed: images a second of `unbraid train`, 64 pixels, with 64 and with 1,024 images a step.
- population: seeds of a VAE as one batch of models (`torch.func`), in images a second of all, beside one alone.

Writes benchmarks/results/device.json; parts that are not asked for stay as they were. A long run with all checks is a study:
`unbraid study dsprites-published --budget paper`.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from racing import RESULTS, keep, table
from torch import Tensor
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn.functional import binary_cross_entropy_with_logits

from unbraid.api import train
from unbraid.errors import Interrupted
from unbraid.nn.fast.allowed import plain_layers
from unbraid.nn.registry import decoders, encoders
from unbraid.randomness import seeded_construction
from unbraid.training.checkpoint import list_checkpoints
from unbraid.training.fit import Silent
from unbraid.training.log import read_log
from unbraid.zoo.registry import models

DRAWS = ("randn", "rand", "randperm", "randint")
"""How objectives and posteriors draw."""
TOLERANCES = {1: 1e-4, 2: 2e-2}
"""By step. Adam's first move has the sign of the gradient, so that one near 0 may go either way."""
SIZES = (64, 1_024)
LATENTS, SHAPE = 10, (1, 64, 64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--models", nargs="+", default=[entry.name for entry in models])
    parser.add_argument("--steps", type=int, default=200, help="that speeds are taken over")
    parser.add_argument("--seeds", type=int, default=8, help="of a population")
    given = parser.parse_args()
    path = RESULTS / "device.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    found.pop("machine", None)
    for part in given.only:
        found[part] = PARTS[part](given)
        found["device"] = about(given.device)
        keep("device", found)
        head, rows = found[part]["head"], found[part]["rows"]
        print(f"\n{part}\n\n{table(head, rows)}", flush=True)


def about(device: str) -> str:
    return torch.cuda.get_device_name(device) if torch.device(device).type == "cuda" else device


def agreement(given: argparse.Namespace) -> dict[str, Any]:
    rows = []
    for model in given.models:
        own, other = (terms_of(model, device) for device in ("cpu", given.device))
        differ = {step: difference(own[step], other[step]) for step in TOLERANCES}
        good = all(differ[step] <= allowed for step, allowed in TOLERANCES.items())
        rows.append([f"`{model}`", *(f"{value:.1e}" for value in differ.values()), "yes" if good else "**no**"])
    return {"head": ["model", "step 1", "step 2", "agrees"], "rows": rows}


def terms_of(model: str, device: str) -> dict[int, dict[str, Any]]:
    """The terms of the first two steps, with noise that was drawn on the CPU."""
    with tempfile.TemporaryDirectory() as folder, noise_of_the_cpu(), torch.backends.cudnn.flags(allow_tf32=False):
        run = Path(folder) / "run"
        train(model, "ellipses", out=run, device=device, progress=False, batch_size=16, steps=2, seed=0, log_every=1)
        return {entry.step: dict(entry.values) for entry in read_log(run / "log.jsonl") if entry.kind == "train"}


def difference(own: dict[str, Any], other: dict[str, Any]) -> float:
    """The largest relative difference of terms; infinite where names differ or a term is no number."""
    if own.keys() != other.keys():
        return math.inf
    one, two = (np.concatenate([np.ravel(terms[name]) for name in own]) for terms in (own, other))
    relative = np.abs(one - two) / np.maximum(np.abs(one), 1.0)
    return float(np.nan_to_num(relative, nan=math.inf).max())


@contextmanager
def noise_of_the_cpu() -> Iterator[None]:
    """Within this context generators of a device stand for ones of the CPU with the same seed."""
    twins: dict[int, tuple[int, torch.Generator]] = {}

    def twin(generator: torch.Generator) -> torch.Generator:
        seed, found = twins.get(id(generator), (None, None))
        if found is None or seed != generator.initial_seed():
            found = torch.Generator().manual_seed(generator.initial_seed())
            twins[id(generator)] = generator.initial_seed(), found
        return found

    def drawing_there(draw: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def drawn(*size: Any, generator: torch.Generator | None = None, device: Any = None, **more: Any) -> Tensor:
            if generator is None or generator.device.type == "cpu":
                return draw(*size, generator=generator, device=device, **more)
            return draw(*size, generator=twin(generator), **more).to(device or generator.device)

        return drawn

    with mock.patch.multiple(torch, **{name: drawing_there(getattr(torch, name)) for name in DRAWS}):
        yield


class StopAfter(Silent):
    """Stops a run after some steps, as Ctrl-C does."""

    def __init__(self, step: int) -> None:
        self._step = step

    def advance(self, step: int, entry: object, images_per_second: float) -> None:
        if step == self._step:
            raise Interrupted("stopped")


def resume(given: argparse.Namespace) -> dict[str, Any]:
    rows = []
    for model in given.models:
        with tempfile.TemporaryDirectory() as folder, torch.backends.cudnn.flags(deterministic=True):
            options = {"device": given.device, "progress": False, "batch_size": 16, "steps": 4, "seed": 0}
            straight, stopped = Path(folder) / "straight", Path(folder) / "stopped"
            train(model, "ellipses", out=straight, **options)
            try:
                train(model, "ellipses", out=stopped, monitor=StopAfter(2), **options)
            except Interrupted:
                train(model, "ellipses", out=stopped, **options)
            else:
                raise SystemExit(f"{model} did not stop after two steps")
            rows.append([f"`{model}`", "yes" if end_of(straight) == end_of(stopped) else "**no**"])
    return {"head": ["model", "same bits"], "rows": rows}


def end_of(run: Path) -> list[bytes]:
    """Weights and optimizers at the end of a run."""
    newest = list_checkpoints(run / "checkpoints")[-1]
    return [(newest / name).read_bytes() for name in ("model.safetensors", "training.safetensors")]


def speed(given: argparse.Namespace) -> dict[str, Any]:
    rows = [[f"`{model}`", *(f"{images_per_second(model, size, given):,.0f}" for size in SIZES)] for model in given.models]
    return {"head": ["model", *(f"{size:,} a step" for size in SIZES)], "rows": rows}


def images_per_second(model: str, size: int, given: argparse.Namespace) -> float:
    """Over the second half of the steps, when all kernels are chosen."""
    with tempfile.TemporaryDirectory() as folder:
        run, half = Path(folder) / "run", max(given.steps // 2, 1)
        options = {"batch_size": size, "steps": 2 * half, "log_every": half, "size": 64}
        train(model, "ellipses", out=run, device=given.device, progress=False, **options)
        first, last = (entry for entry in read_log(run / "log.jsonl") if entry.kind == "train")
    return size * half / (last.step * size / last.images_per_second - first.step * size / first.images_per_second)


def population(given: argparse.Namespace) -> dict[str, Any]:
    rows = []
    for seeds in (1, given.seeds):
        trained = Population(range(seeds), given.device)
        images = torch.rand(64, *SHAPE, device=given.device).round()
        for _ in range(3):
            float(trained.step(images).sum())  # waits for the device
        began = time.perf_counter()
        for _ in range(given.steps):
            loss = trained.step(images)
        float(loss.sum())
        rows.append([str(seeds), f"{seeds * 64 * given.steps / (time.perf_counter() - began):,.0f}"])
    return {"head": ["seeds", "images/s of all"], "rows": rows}


class Population:
    """VAEs that differ in their seed alone, trained as one batch of models."""

    def __init__(self, seeds: Sequence[int], device: str, lr: float = 1e-3) -> None:
        networks = []
        for seed in seeds:
            with seeded_construction(seed):
                pair = encoders["burgess"].factory(SHAPE, 2 * LATENTS), decoders["burgess"].factory(LATENTS, SHAPE)
            networks.append(torch.nn.ModuleList(pair).to(device))
        self.parameters, _ = stack_module_state(networks)
        self._network = networks[0]
        self._noise = [torch.Generator(device).manual_seed(seed) for seed in seeds]
        self._optimizer = torch.optim.Adam(self.parameters.values(), lr)

    def step(self, images: Tensor) -> Tensor:
        """One step of all on the same images; the loss of each, in nats per image."""
        shape = len(images), LATENTS
        noise = torch.stack([torch.randn(shape, generator=own, device=images.device) for own in self._noise])
        with plain_layers():
            gradients, losses = vmap(grad(self._loss, has_aux=True), in_dims=(0, None, 0))(self.parameters, images, noise)
        for name, parameter in self.parameters.items():
            parameter.grad = gradients[name]
        self._optimizer.step()
        return losses

    def _loss(self, parameters: dict[str, Tensor], images: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        encoder, decoder = (
            {name.removeprefix(f"{part}."): value for name, value in parameters.items() if name.startswith(f"{part}.")}
            for part in "01"
        )
        mean, logvar = functional_call(self._network[0], encoder, (images,)).chunk(2, 1)
        logits = functional_call(self._network[1], decoder, (mean + (logvar / 2).exp() * noise,))
        nll = binary_cross_entropy_with_logits(logits, images, reduction="sum") / len(images)
        loss = nll + 0.5 * (mean**2 + logvar.exp() - 1 - logvar).sum(1).mean()
        return loss, loss.detach()


PARTS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "agreement": agreement,
    "resume": resume,
    "speed": speed,
    "population": population,
}


if __name__ == "__main__":
    main()
