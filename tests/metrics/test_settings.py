"""The settings of metrics, where nobody gives any, are those of the publications that they are named after."""

from __future__ import annotations

import pytest

from unbraid.metrics.explicitness import TEST, TRAIN
from unbraid.metrics.registry import metrics

SETTINGS = {
    "beta_vae_score": {"pairs": 64, "train_votes": 10_000, "test_votes": 5_000, "seed": 0},
    "factor_vae_score": {"batch": 64, "train_votes": 10_000, "test_votes": 5_000, "threshold": 0.05, "seed": 0},
    "mig": {"bins": 20},
    "mig_sup": {"bins": 20},
    "explicitness": {"seed": 0},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_that_tables_of_other_codes_have(name) -> None:
    options = metrics[name].options
    assert {option: options[option].default for option in SETTINGS[name]} == SETTINGS[name]


def test_samples_that_classifiers_learn_and_are_judged_by() -> None:
    assert (TRAIN, TEST) == (10_000, 5_000)
