"""DIP-VAE's covariances and penalties."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from helpers.passes import context, make_pass
from unbraid.rates.dip import DipI, DipII, covariance_of_means

F64 = torch.float64


def with_covariance(covariance: torch.Tensor) -> torch.Tensor:
    """A batch whose covariance, divided by its size, is exactly the given one, around a mean of 3."""
    x = torch.randn(50, len(covariance), generator=torch.Generator().manual_seed(0), dtype=F64)
    x = x - x.mean(0)
    white = torch.linalg.solve_triangular(torch.linalg.cholesky(x.T @ x / 50), x.T, upper=False)
    return (torch.linalg.cholesky(covariance) @ white).T + 3


C = torch.tensor([[2.0, 0.5, 0.1], [0.5, 1.5, -0.3], [0.1, -0.3, 0.7]], dtype=F64)


@pytest.mark.parametrize(("rate", "prefix"), [(DipI(7.0, 11.0), "dip_i"), (DipII(7.0, 11.0), "dip_ii")])
def test_penalties_of_a_known_covariance_count_ordered_pairs(rate, prefix):
    """lambda_od * 2 (.5^2 + .1^2 + .3^2) + lambda_d (1 + .25 + .09); II with variances that complete the same diagonal."""
    noise = torch.tensor([0.2, 0.4, 0.1], dtype=F64) if prefix == "dip_ii" else torch.zeros(3, dtype=F64)
    mean = with_covariance(C - torch.diag(noise))
    logvar = (noise if prefix == "dip_ii" else torch.ones(3, dtype=F64)).log().expand(50, 3)
    terms = rate(make_pass(mean, logvar), context())
    assert terms[f"{prefix}_off_diagonal"].value.item() == pytest.approx(2 * (0.25 + 0.01 + 0.09), rel=1e-12)
    assert terms[f"{prefix}_diagonal"].value.item() == pytest.approx(1 + 0.25 + 0.09, rel=1e-12)
    assert (terms[f"{prefix}_off_diagonal"].weight, terms[f"{prefix}_diagonal"].weight) == (7.0, 11.0)


def test_the_identity_costs_nothing():
    mean = with_covariance(torch.eye(3, dtype=F64))
    for term in DipI()(make_pass(mean), context()).values():
        assert term.value.item() == pytest.approx(0, abs=1e-20)
    halved = make_pass(with_covariance(0.5 * torch.eye(3, dtype=F64)), torch.full((50, 3), 0.5, dtype=F64).log())
    for term in DipII()(halved, context()).values():
        assert term.value.item() == pytest.approx(0, abs=1e-20)


def test_two_is_one_where_the_posterior_has_no_width():
    made = make_pass(with_covariance(C), torch.full((50, 3), -60.0, dtype=F64))
    one, two = DipI(3.0, 4.0)(made, context()), DipII(3.0, 4.0)(made, context())
    for name in ("off_diagonal", "diagonal"):
        torch.testing.assert_close(one[f"dip_i_{name}"].value, two[f"dip_ii_{name}"].value, rtol=1e-14, atol=0)


def test_two_uses_the_covariance_of_the_latents_themselves():
    """By the law of total covariance: that of a great many draws."""
    draw = torch.Generator().manual_seed(4)
    mean, logvar = with_covariance(C), torch.randn(50, 3, generator=draw, dtype=F64)
    made = make_pass(mean, logvar)
    draws = torch.cat([made.posterior.sample(draw) for _ in range(8000)])
    covariance = torch.cov(draws.T, correction=0)
    found = DipII()(made, context())
    off = covariance - torch.diag(covariance.diagonal())
    assert found["dip_ii_off_diagonal"].value.item() == pytest.approx(off.square().sum().item(), abs=0.06)
    assert found["dip_ii_diagonal"].value.item() == pytest.approx((covariance.diagonal() - 1).square().sum().item(), abs=0.1)


@pytest.mark.parametrize("batch", [2, 3])
def test_the_covariance_of_batches_falls_short_by_one_in_b(batch):
    """Over all batches drawn with replacement from four images its mean is (B - 1) / B of the population's."""
    images = torch.tensor([[0.0, 1.0], [2.0, -1.0], [0.5, 0.5], [-3.0, 2.0]], dtype=F64)
    batches = [covariance_of_means(images[list(rows)]) for rows in product(range(4), repeat=batch)]
    expected = covariance_of_means(images) * (batch - 1) / batch
    torch.testing.assert_close(torch.stack(batches).mean(0), expected, rtol=1e-13, atol=1e-14)
