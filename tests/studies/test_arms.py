"""Arms of studies do not depend on measured defaults, which change."""

from __future__ import annotations

import pytest

from unbraid.studies.registry import studies
from unbraid.zoo.registry import tuned


@pytest.mark.parametrize("name", studies.names())
def test_arms_say_all_that_has_a_measured_default(name) -> None:
    for arm in studies[name].factory().arms:
        missing = tuned(arm.model, arm.data).keys() - arm.options.keys() - {"steps"}
        assert not missing, f"{arm.name}: {missing}"
