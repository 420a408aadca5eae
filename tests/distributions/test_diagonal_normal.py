from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from unbraid.distributions.posteriors.diagonal_normal import DiagonalNormal, DiagonalNormalHead
from unbraid.distributions.priors.standard_normal import StandardNormal
from unbraid.errors import IncompatibleParts


def posterior(n: int = 50, d: int = 4) -> DiagonalNormal:
    draw = torch.Generator().manual_seed(1)
    mean = torch.randn(n, d, generator=draw, dtype=torch.float64)
    return DiagonalNormal(mean, 2 * torch.randn(n, d, generator=draw, dtype=torch.float64))


@pytest.mark.parametrize(
    ("mean", "logvar", "kl"),
    [(0.0, 0.0, 0.0), (1.0, 0.0, 0.5), (0.0, math.log(4), 0.5 * (3 - math.log(4))), (-2.0, -1.0, 0.5 * (4 + math.exp(-1)))],
)
def test_kl_has_its_closed_form(mean, logvar, kl):
    q = DiagonalNormal(torch.full((1, 1), mean, dtype=torch.float64), torch.full((1, 1), logvar, dtype=torch.float64))
    assert q.kl(StandardNormal(1)).item() == pytest.approx(kl, rel=1e-14, abs=1e-15)


def test_kl_equals_that_of_torch_and_its_parts_sum_to_it():
    q = posterior()
    expected = kl_divergence(Normal(q.mean, q.variance.sqrt()), Normal(0.0, 1.0))
    torch.testing.assert_close(q.kl_per_dim(StandardNormal(4)), expected, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(q.kl(StandardNormal(4)), expected.sum(1), rtol=1e-12, atol=1e-14)


def test_kl_gradients_are_mean_and_half_the_excess_variance():
    q = posterior()
    mean, logvar = q.mean.requires_grad_(), q.logvar.requires_grad_()
    DiagonalNormal(mean, logvar).kl(StandardNormal(4)).sum().backward()
    torch.testing.assert_close(mean.grad, mean.detach())
    torch.testing.assert_close(logvar.grad, 0.5 * (logvar.detach().exp() - 1))


def test_kl_keeps_its_digits_near_the_prior():
    # exp(l) - 1 - l = l^2 / 2 + ..., which cancels to nothing in float32 unless expm1 is used
    logvar = torch.full((1, 1), 1e-3)
    kl = DiagonalNormal(torch.zeros(1, 1), logvar).kl(StandardNormal(1)).item()
    assert kl == pytest.approx(0.25e-6, rel=1e-2)


def test_log_prob_equals_that_of_torch(generator):
    q = posterior()
    z = q.sample(generator)
    expected = Independent(Normal(q.mean, q.variance.sqrt()), 1).log_prob(z)
    torch.testing.assert_close(q.log_prob(z), expected, rtol=1e-12, atol=1e-12)


def test_samples_have_the_posterior_s_moments(generator):
    n = 200_000
    q = DiagonalNormal(torch.tensor([[1.0, -2.0]]).expand(n, 2), torch.tensor([[0.0, math.log(0.25)]]).expand(n, 2))
    z = q.sample(generator)
    error = z.mean(0) - torch.tensor([1.0, -2.0])
    assert (error.abs() < 5 * q.variance[0].sqrt() / n**0.5).all()
    assert (z.var(0) / q.variance[0] - 1).abs().max() < 5 * (2 / n) ** 0.5


def test_samples_are_the_mean_and_noise_of_its_precision():
    q = posterior()
    noise = torch.randn(50, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(q.sample(torch.Generator().manual_seed(0)), q.mean + q.variance.sqrt() * noise)


def test_samples_carry_gradients_to_mean_and_logvar(generator):
    mean, logvar = torch.zeros(3, 2, requires_grad=True), torch.full((3, 2), 0.5, requires_grad=True)
    z = DiagonalNormal(mean, logvar).sample(generator)
    z.sum().backward()
    torch.testing.assert_close(mean.grad, torch.ones(3, 2))
    torch.testing.assert_close(logvar.grad, 0.5 * z.detach())  # dz/dlogvar = (z - mean) / 2


def test_params_are_means_then_logvars_and_extremes_stay_finite(generator):
    q = DiagonalNormalHead(2)(torch.tensor([[1.0, 2.0, -1e9, 1e9]]))
    assert q.mean.tolist() == [[1.0, 2.0]]
    assert q.logvar.tolist() == [[-30.0, 20.0]]
    assert DiagonalNormalHead(7).n_params == 14
    assert DiagonalNormalHead(7)(torch.arange(14.0)[None]).logvar.tolist() == [list(range(7, 14))]
    for value in (q.kl(StandardNormal(2)), q.sample(generator), q.log_prob(q.sample(generator)), q.variance):
        assert torch.isfinite(value).all()


def test_half_precision_params_become_float32():
    assert DiagonalNormalHead(2)(torch.zeros(1, 4, dtype=torch.bfloat16)).mean.dtype == torch.float32


def test_kl_against_an_unknown_prior_is_refused():
    class Other(torch.nn.Module):
        def log_prob(self, z): ...

        def sample(self, n, generator): ...

    with pytest.raises(IncompatibleParts, match="not against Other"):
        posterior().kl(Other())
    assert posterior().kl_per_dim(Other()) is None


def test_posteriors_of_batches_join():
    q = posterior()
    halves = [DiagonalNormal(q.mean[part], q.logvar[part]) for part in (slice(20), slice(20, None))]
    joined = halves[0].cat(halves)
    assert torch.equal(joined.mean, q.mean)
    assert torch.equal(joined.logvar, q.logvar)


def test_standard_normal_prior(generator):
    prior = StandardNormal(3)
    z = prior.sample(100_000, generator)
    assert z.shape == (100_000, 3)
    assert z.mean(0).abs().max() < 5 / 100_000**0.5
    expected = Independent(Normal(torch.zeros(3), torch.ones(3)), 1).log_prob(z)
    torch.testing.assert_close(prior.log_prob(z), expected)
