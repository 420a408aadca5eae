"""Runs by configuration: what is taken together, and what each is called."""

from __future__ import annotations

import pytest

from helpers.tiny import TINY
from unbraid.config.plan import plan
from unbraid.reporting.groups import configuration, confounded, differing, grouped, labels, option_value, run_labels


def made(model="beta_vae", **options):
    return plan(model, TINY, {"batch_size": 16, "steps": 10, **options})[0]


def test_seeds_and_how_often_a_run_is_logged_make_no_other_configuration():
    first = made(beta=4.0)
    assert configuration(first) == configuration(made(beta=4.0, seed=7, log_every=5, checkpoint_every=5, evaluate_every=2))
    for other in (
        made(beta=5.0),
        made(beta=4.0, lr=0.1),
        made(beta=4.0, latent_dim=3),
        made("vae"),
        made(beta=4.0, order="one_factor"),
    ):
        assert configuration(first) != configuration(other)


def test_labels_name_what_differs_among_runs_of_a_model():
    runs = [made(beta=4.0), made(beta=0.5), made("vae"), made(beta=4.0, seed=1)]
    assert labels(runs) == ["beta_vae, beta 4", "beta_vae, beta 0.5", "vae", "beta_vae, beta 4"]
    assert grouped(runs) == {"beta_vae, beta 4": [0, 3], "beta_vae, beta 0.5": [1], "vae": [2]}
    assert run_labels(runs) == ["beta_vae, beta 4, seed 0", "beta_vae, beta 0.5", "vae", "beta_vae, beta 4, seed 1"]
    assert labels([made("vae"), made("vae", seed=2)]) == ["vae", "vae"]
    assert labels([made("vae", latent_dim=3), made("vae", latent_dim=5)]) == ["vae, latents 3", "vae, latents 5"]


def test_the_same_run_twice_has_two_names():
    assert run_labels([made("vae"), made("vae")]) == ["vae, seed 0 (1)", "vae, seed 0 (2)"]


def test_settings_that_differ_include_those_of_one_model_alone():
    assert differing([made(beta=4.0, seed=3), made(beta=0.5, lr=0.1)]) == ["beta", "lr"]
    assert {"model", "beta"} <= set(differing([made(beta=4.0), made("vae")]))
    assert differing([made("vae"), made("vae", seed=1)]) == []


@pytest.mark.parametrize(
    ("name", "value"), [("beta", 4.0), ("latent_dim", 10.0), ("lr", 0.5), ("gamma", None), ("model", None)]
)
def test_numbers_among_the_options(name, value):
    assert option_value(made(beta=4.0, lr=0.5), name) == value


@pytest.mark.parametrize(
    ("runs", "found"),
    [
        ([{"beta": 4.0}, {"beta": 0.5}], []),
        ([{"beta": 4.0, "lr": 0.1}, {"beta": 0.5, "lr": 0.2}], ["lr"]),
        ([{"beta": 4.0, "lr": 0.1}, {"beta": 4.0, "lr": 0.2}], []),  # one objective
        ([{"beta": b, "latent_dim": d} for b in (1.0, 4.0) for d in (2, 3)], []),  # a grid
        ([{"beta": 4.0}, {"model": "vae", "steps": 20, "lr": 0.1}], ["steps", "lr"]),
        ([{"beta": 4.0, "seed": 1}, {"model": "vae", "seed": 2}], []),
    ],
)
def test_what_goes_with_the_objective_is_told_from_what_does_not(runs, found):
    assert set(confounded([made(**options) for options in runs])) == set(found)
