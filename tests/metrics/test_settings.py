"""The settings of metrics, where nobody gives any, are those of the publications that they are named after."""

from __future__ import annotations

import numpy as np
import pytest

from unbraid.metrics.explicitness import TEST, TRAIN
from unbraid.metrics.mig import mig
from unbraid.metrics.registry import metrics

SETTINGS = {
    "beta_vae_score": {"pairs": 64, "train_votes": 10_000, "test_votes": 5_000, "seed": 0},
    "factor_vae_score": {"batch": 64, "train_votes": 10_000, "test_votes": 5_000, "threshold": 0.05, "seed": 0},
    "mig_sup": {"bins": 20},
    "explicitness": {"seed": 0},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_that_tables_of_other_codes_have(name) -> None:
    options = metrics[name].options
    assert {option: options[option].default for option in SETTINGS[name]} == SETTINGS[name]


def test_samples_that_classifiers_learn_and_are_judged_by() -> None:
    assert (TRAIN, TEST) == (10_000, 5_000)


def test_mig_by_carbonneau_takes_ten_bins() -> None:
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 4, size=(500, 2))
    codes = factors + rng.normal(size=(500, 2))
    for definition, bins in (("carbonneau2022", 10), ("locatello2019", 20)):
        assert mig(codes, factors, definition=definition) == mig(codes, factors, definition=definition, bins=bins)
        assert mig(codes, factors, definition=definition) != mig(codes, factors, definition=definition, bins=7)
