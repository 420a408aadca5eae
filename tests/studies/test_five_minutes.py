"""The study of five minutes trains what `--budget 5m` trains."""

from __future__ import annotations

import pytest

from unbraid.studies.reports import five_minutes as study
from unbraid.sweep.points import Request
from unbraid.sweep.resolving import resolve
from unbraid.zoo.registry import budgeted, models


@pytest.mark.parametrize("trio", study.TRIOS, ids=[trio.measured.data for trio in study.TRIOS])
def test_the_measured_arm_is_what_the_option_stands_for(trio) -> None:
    asked = Request("beta_vae", trio.measured.data, budgeted("beta_vae", trio.measured.data, "5m"))
    assert resolve(trio.measured.requests("cpu")[0]) == resolve(asked)


def test_every_data_set_with_such_settings_is_tested() -> None:
    with_settings = {data for data, lengths in models["beta_vae"].details["budgets"].items() if "5m" in lengths}
    assert with_settings == {trio.measured.data for trio in study.TRIOS}
