"""The linear VAE, whose optimum is known exactly.

Data x ~ N(0, diag lambda), a linear encoder and decoder, a Gaussian likelihood of standard deviation sigma. At the optimum
of rec + beta KL a dimension is active iff lambda > beta sigma^2; then its KL is 1/2 log(lambda / (beta sigma^2)), its squared
error beta sigma^2 and its posterior variance beta sigma^2 / lambda; else KL 0 and squared error lambda.
"""

from __future__ import annotations

import math

import pytest
import torch

from helpers.linear_vae_theory import optimum, shown, trained
from unbraid.objectives.elbo import ELBO
from unbraid.rates.capacity import Capacity
from unbraid.rates.kl import KL
from unbraid.terms import AUTOENCODER, Context, Draw


@pytest.mark.parametrize(("beta", "active"), [(1.0, 4), (4.0, 2), (20.0, 0)])
def test_beta_vae_reaches_the_exact_optimum(beta, active):
    vae, images = trained(ELBO((KL(beta),)))
    kl, errors = shown(vae, images)
    expected_kl, expected_errors = optimum(beta)
    assert int((expected_kl > 1e-9).sum()) == active
    torch.testing.assert_close(errors, expected_errors, rtol=0.02, atol=0.01)
    torch.testing.assert_close(kl.sort(descending=True).values, expected_kl, rtol=0.02, atol=0.02)
    assert int((kl > 0.05).sum()) == active  # which dimensions collapse


def test_known_example_of_the_closed_form():
    kl, errors = optimum(4.0)
    assert kl[0].item() == pytest.approx(math.log(2))
    assert errors[0].item() == pytest.approx(1.0)


def test_capacity_is_reached_by_the_water_level_that_spends_it():
    capacity = 2.5
    vae, images = trained(ELBO((Capacity(10.0, 0.0, capacity, duration=0.2),)), steps=1200)
    kl, errors = shown(vae, images)
    assert kl.sum().item() == pytest.approx(capacity, abs=0.05)
    low, high = 1e-3, 20.0
    for _ in range(60):  # the beta whose optimum spends exactly this much
        beta = (low * high) ** 0.5
        low, high = (beta, high) if optimum(beta)[0].sum() > capacity else (low, beta)
    torch.testing.assert_close(errors, optimum(beta)[1], rtol=0.06, atol=0.03)


def test_beta_zero_is_an_autoencoder_whose_variance_collapses():
    vae, images = trained(ELBO((KL(0.0),)), steps=500)
    kl, errors = shown(vae, images)
    assert torch.isfinite(kl).all()
    assert errors.max() < 0.02
    q = vae.encode(images)
    assert (q.variance.mean(0) / q.mean.var(0)).max() < 0.01  # the noise vanishes beside the signal
    (move,) = ELBO((KL(0.0),)).moves(vae, Draw((images,)), Context(0, 1, 1, torch.Generator()))
    assert torch.isfinite(move.loss)
    assert move.players == AUTOENCODER
