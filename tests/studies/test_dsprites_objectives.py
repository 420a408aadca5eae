"""Measures of the study of dSprites that need no run."""

from __future__ import annotations

import math

import msgspec
import pytest

from helpers.study_results import made_result
from unbraid.studies.measures import Run
from unbraid.studies.reports import dsprites_objectives as study


def run_of(*kl_per_dim: float) -> Run:
    return Run(msgspec.structs.replace(made_result(study.VAE, 0, 0.1), kl_per_dim=list(kl_per_dim)))


def test_a_kl_that_falls_alike_in_all_latents_varies_less_and_is_as_uneven() -> None:
    large, small, even = run_of(8.0, 4.0, 0.0), run_of(4.0, 2.0, 0.0), run_of(2.0, 2.0, 2.0)
    assert study.VAR_KL.of(large) == pytest.approx(4 * study.VAR_KL.of(small))
    assert study.UNEVEN_KL.of(large) == study.UNEVEN_KL.of(small) == pytest.approx(math.sqrt(32 / 3) / 4)
    assert study.UNEVEN_KL.of(even) == 0
    assert math.isnan(study.UNEVEN_KL.of(run_of(0.0, 0.0)))
