"""What a sweep leaves for each run: a result, or what went wrong."""

from __future__ import annotations

from typing import Any

import msgspec

from unbraid.sweep.code import Code

FORMAT = 1


class Result(msgspec.Struct, frozen=True):
    """A finished and scored run: one file of the ledger."""

    key: str
    """Hash of the configuration with its seed."""
    configuration: dict[str, Any]
    """Everything that makes the run, without the seed and without where data lie."""
    seed: int
    code: Code
    versions: dict[str, str]
    python: str
    platform: str
    device: str
    threads: int
    steps: int
    images: int
    """Images the model was trained on, repeats included."""
    train_seconds: float
    evaluate_seconds: float
    scored_images: int
    of_images: int
    losses: dict[str, Any]
    """By split, in nats per image, as `metrics.json` has them."""
    metrics: dict[str, Any]
    """Scores by metric, each with its per-factor values."""
    active: list[bool]
    kl_per_dim: list[float | None]
    kl_parts: dict[str, Any] | None
    warnings: list[str]
    disk: int
    """Bytes of the run folder."""
    finished: str
    """Date and time, in UTC."""
    without_labels: dict[str, float | None] = {}
    """Scores that need no factors, by name."""
    given: dict[str, Any] = {}
    """The options that were given, without the seed; the others have their defaults."""
    format: int = FORMAT

    @property
    def model(self) -> str:
        """The model's name."""
        return str(self.configuration.get("model", "?"))

    @property
    def data(self) -> str:
        """The data set's name."""
        return str(self.configuration.get("data", "?"))


class Failure(msgspec.Struct, frozen=True):
    """An attempt at a run that ended with an error."""

    key: str
    error: str
    """Kind and first line."""
    traceback: str
    host: str
    when: str
    code: Code
    format: int = FORMAT
