"""Results of a study's runs that were never trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from helpers.results import result_of
from unbraid.files import write_json
from unbraid.studies.declaration import Arm, Budget
from unbraid.studies.results import evidence_path
from unbraid.sweep.records import Result


def made_result(
    arm: Arm,
    seed: int,
    mig: float,
    *,
    budget: Budget = "cpu",
    nll: float = 50.0,
    model_options: Mapping[str, Any] = MappingProxyType({}),
    **more: Any,
) -> Result:
    """A result of a run of an arm, with options of its model that it had by default."""
    given = arm.asked_options(budget)
    configuration = {
        "model": arm.model,
        "model_options": dict(model_options),
        "data": arm.data,
        "data_options": {"size": 32},
        "latent_dim": 3,
        **given,
    }
    told = {
        "losses": {"test": {"nll": nll, "loss": nll + 9, "terms": {"kl": 9.0}}},
        "metrics": {"mig": {"score": mig, "per_factor": {"x": mig}, "chance": 0.0, "untrained": 0.05}},
        "active": [True, True, False],
        "kl_per_dim": [8.0, 0.9, 0.1],
        "given": given,
    }
    return result_of(configuration, seed, told, **more)


def keep(ledger: Path, result: Result, *, falling: bool = False) -> None:
    """Write a result and what else is kept of the run; a loss that is `falling` has not converged."""
    path = ledger / result.key[:2] / f"{result.key}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(result))
    losses = [100.0 - step for step in range(60)] if falling else [60.0] * 60
    shares = {"factors": ["x", "y"], "shares": [[0.6, 0.2], [0.0, 0.4], [0.9, 0.9]], "active": [True, True, False]}
    curve = {"step": list(range(1, 61)), "loss": losses}
    write_json(evidence_path(ledger, result.key), {"shares": shares, "curve": curve, "mean_image": {"energy": 1_000.0}})
