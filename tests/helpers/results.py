"""Results of runs that were never trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unbraid.sweep.code import Code
from unbraid.sweep.points import key_of
from unbraid.sweep.records import Result

CODE = Code("0.1.0", None, "d1")


def result_of(configuration: Mapping[str, Any], seed: int, told: Mapping[str, Any], **more: Any) -> Result:
    """A result of a configuration; `told` and `more` replace what is the same for all."""
    steps = configuration["steps"]
    common: dict[str, Any] = {
        "key": key_of(configuration, seed),
        "configuration": configuration,
        "seed": seed,
        "code": CODE,
        "versions": {"torch": "2"},
        "python": "3.11",
        "platform": "Linux",
        "device": "cpu",
        "threads": 1,
        "steps": steps,
        "images": steps * configuration["batch_size"],
        "train_seconds": 10.0,
        "evaluate_seconds": 1.0,
        "scored_images": 500,
        "of_images": 1000,
        "kl_parts": None,
        "warnings": [],
        "disk": 1000,
        "finished": "2026-01-01T00:00:00+00:00",
    }
    return Result(**{**common, **told, **more})
