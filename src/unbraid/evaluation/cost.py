"""What scoring costs: how many images by default, which metrics, and about how long it takes.

By default scoring takes about a fifth of the time of training, or `ALWAYS` seconds where training took less. A run that was
trained briefly is scored on fewer images; metrics that train classifiers are left to `unbraid evaluate` where they would take
longer than that.
"""

from __future__ import annotations

from collections.abc import Sequence

from unbraid.config.experiment import Experiment
from unbraid.evaluation.evaluate import BOUND_DRAWS, BOUND_IMAGES
from unbraid.log_entry import Entry
from unbraid.metrics.registry import metrics

SHARE = 1 / 5
"""Of the time of training that scoring takes by default."""
ALWAYS = 20.0
"""Seconds that scoring may take however short the training was."""
SEEN_PER_IMAGE = 50
"""One image is scored for so many that training saw, the same one several times."""
FEWEST, MOST = 1_000, 100_000
"""Images that are scored by default, where there are as many."""
METRICS_SECONDS, SECONDS_PER_IMAGE, LEARNED_FROM = 4.0, 4e-3, 15_000
"""Time of the core metrics with all that they are compared with, on one CPU core: constant, per image, and up to how many
images, since no probe learns from more."""
INTERVAL_SHARE = 0.15
"""Of the metrics' time that each half sample takes for their intervals."""
PASSES = 3
"""Encoder and decoder together see each scored image so often; a step of training costs as much per image."""


def images_by_default(experiment: Experiment, step: int) -> int:
    """How many images are scored unless told otherwise.

    A function of the run alone, so that seeds are scored alike.
    """
    return min(MOST, max(FEWEST, step * experiment.batch_size // SEEN_PER_IMAGE))


def seconds_of_training(log: Sequence[Entry], experiment: Experiment, step: int) -> float:
    """About how long training took up to a step, by the speed that its log tells; 0 where it tells none."""
    speeds = [entry.images_per_second for entry in log if entry.images_per_second]
    return step * experiment.batch_size / speeds[-1] if speeds else 0.0


def seconds_of_metrics(images: int, intervals: int = 0) -> float:
    """About how long the core metrics take."""
    return (METRICS_SECONDS + SECONDS_PER_IMAGE * min(images, LEARNED_FROM)) * (1 + INTERVAL_SHARE * intervals)


def seconds_of_scoring(images: int, seen: int, training: float, intervals: int = 0) -> float:
    """About how long all of scoring takes.

    Args:
        images: that are scored.
        seen: images that training saw.
        training: seconds that this took.
        intervals: halves of the images.
    """
    bound = 2 * min(BOUND_IMAGES, images) * BOUND_DRAWS / 2  # two splits, by the decoder alone
    passes = (PASSES * images + bound) / PASSES * training / max(seen, 1)
    return passes + seconds_of_metrics(images, intervals)


def affordable(images: int, training: float) -> list[str] | None:
    """Metrics that only compute, where the core takes too long for a training of so many seconds.

    Else None, for the core.
    """
    if seconds_of_metrics(images) <= max(ALWAYS, SHARE * training):
        return None
    return [entry.name for entry in metrics if not entry.details.get("sampled") and not entry.details.get("downstream")]
