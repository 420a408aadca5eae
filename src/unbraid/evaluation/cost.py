"""What scoring costs: how many images by default, which metrics, and about how long it takes.

What is scored by default follows from the configuration and the step alone, never from a measured time, so that runs which
differ in their seed are scored alike. On one CPU core metrics then take at most about a fifth of the time of training, or
`ALWAYS` seconds where training takes less. A run that was trained briefly is scored on fewer images; metrics that train
classifiers are left to `unbraid evaluate` where they would take longer than that.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.utils.flop_counter import FlopCounterMode

from unbraid.config.experiment import Experiment
from unbraid.evaluation.evaluate import BOUND_DRAWS, BOUND_IMAGES
from unbraid.log_entry import Entry
from unbraid.metrics.registry import metrics

SHARE = 1 / 5
"""Of the time of training that metrics take by default."""
ALWAYS = 10.0
"""Seconds that metrics may take however short the training was."""
SEEN_PER_IMAGE = 50
"""One image is scored for so many that training saw, the same one several times."""
FEWEST, MOST = 1_000, 100_000
"""Images that are scored by default, where there are as many."""
METRICS_SECONDS, SECONDS_PER_IMAGE, LEARNED_FROM = 1.2, 2.5e-4, 15_000
"""Time of the core metrics of 10 latents and 4 factors with all that they are compared with, on one CPU core: constant, per
image, and up to how many images, since no probe learns from more (docs/estimates.md has the measurements)."""
LATENTS, FACTORS = 10, 4
PER_LATENT = 0.01
"""Share of that time that each further latent adds. It is proportional to the number of factors."""
INTERVAL_SHARE = 0.1
"""Of the metrics' time that each half sample takes for their intervals."""
PASSES = 3
"""Encoder and decoder together see each scored image so often; a step of training costs as much per image."""
SPEED = 4e10
"""Operations per second of training on one CPU core (docs/speed.md: 36 to 55 thousand million)."""


def images_by_default(experiment: Experiment, step: int) -> int:
    """How many images are scored by default."""
    return min(MOST, max(FEWEST, step * experiment.batch_size // SEEN_PER_IMAGE))


def metrics_by_default(experiment: Experiment, step: int, images: int, factors: int) -> list[str] | None:
    """Names of the metrics computed after training by default; None for the core.

    Where the core would take too long, these are the metrics that only compute and train nothing.

    Args:
        images: that are scored.
        factors: how many the data set has.
    """
    if estimated_metrics(images, experiment.latent_dim, factors) <= max(ALWAYS, SHARE * estimated_training(experiment, step)):
        return None
    return [entry.name for entry in metrics if not entry.details.get("sampled") and not entry.details.get("downstream")]


def estimated_training(experiment: Experiment, step: int) -> float:
    """Seconds that training up to a step takes on one CPU core, by the operations of encoder and decoder.

    A step counts as three passes, one forward and two backward; further networks and passes of a model are left out.
    """
    vae = experiment.build().eval()
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        vae.encode(torch.zeros(1, *experiment.image_shape))
        vae.decode(torch.zeros(1, experiment.latent_dim))
    return float(PASSES * counter.get_total_flops() * step * experiment.batch_size / SPEED)


def estimated_metrics(images: int, latents: int = LATENTS, factors: int = FACTORS, intervals: int = 0) -> float:
    """Seconds that the core metrics take on one CPU core."""
    size = (1 + PER_LATENT * (latents - LATENTS)) * factors / FACTORS
    return (METRICS_SECONDS + SECONDS_PER_IMAGE * min(images, LEARNED_FROM)) * size * (1 + INTERVAL_SHARE * intervals)


def measured_training(log: Sequence[Entry], experiment: Experiment, step: int) -> float:
    """Seconds that training took up to a step, by the speed that its log tells; 0 where it tells none."""
    speeds = [entry.images_per_second for entry in log if entry.images_per_second]
    return step * experiment.batch_size / speeds[-1] if speeds else 0.0


def expected_scoring(images: int, seconds_per_image: float, metrics: float) -> float:
    """About how many seconds all of scoring takes.

    Args:
        images: that are scored.
        seconds_per_image: of training.
        metrics: seconds of these.
    """
    bound = 2 * min(BOUND_IMAGES, images) * BOUND_DRAWS / 2  # two splits, by the decoder alone
    return (PASSES * images + bound) / PASSES * seconds_per_image + metrics
