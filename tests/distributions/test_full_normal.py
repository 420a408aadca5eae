from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch.distributions import MultivariateNormal, kl_divergence

from unbraid.distributions.posteriors.diagonal_normal import DiagonalNormal
from unbraid.distributions.posteriors.full_normal import FullNormal, FullNormalHead
from unbraid.distributions.priors.standard_normal import StandardNormal
from unbraid.distributions.priors.student_t import StudentT
from unbraid.distributions.protocols import NormalPosterior
from unbraid.errors import IncompatibleParts

D = 4


def params(n: int = 30, d: int = D, seed: int = 1, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(n, d + d * d, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def posterior(n: int = 30, d: int = D, seed: int = 1) -> FullNormal:
    return FullNormalHead(d)(params(n, d, seed))


def torch_s(q: FullNormal) -> MultivariateNormal:
    return MultivariateNormal(q.mean, q.covariance)


def test_the_head_is_the_published_one():
    """S = L L' + 1e-4 I; L has the lower triangle of A and softplus + 1e-4 on its diagonal. By loops."""
    numbers = params(5, 3)
    q = FullNormalHead(3)(numbers)
    assert FullNormalHead(3).n_params == 12
    assert torch.equal(q.mean, numbers[:, :3])
    for row, covariance in zip(numbers.numpy(), q.covariance.numpy(), strict=True):
        a, lower = row[3:].reshape(3, 3), np.zeros((3, 3))
        for i in range(3):
            lower[i, i] = math.log(1 + math.exp(a[i, i])) + 1e-4
            lower[i, :i] = a[i, :i]
        np.testing.assert_allclose(covariance, lower @ lower.T + 1e-4 * np.eye(3), rtol=1e-12)


def test_numbers_beyond_a_thousand_count_as_a_thousand():
    at, below, beyond = (FullNormalHead(1)(torch.tensor([[0.0, a]], dtype=torch.float64)).variance for a in (1e3, 999.0, 1e9))
    assert at.item() == beyond.item() == pytest.approx(1e6, rel=1e-6)
    assert below.item() == pytest.approx(999.0**2, rel=1e-6)


def test_variance_is_the_diagonal_and_the_forms_are_those_of_the_covariance():
    q = posterior()
    v = torch.randn(30, D, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    torch.testing.assert_close(q.covariance, q.cholesky @ q.cholesky.mT)
    torch.testing.assert_close(q.variance, q.covariance.diagonal(dim1=1, dim2=2))
    torch.testing.assert_close(q.quadratic(v), torch.einsum("bi,bij,bj->b", v, q.covariance, v))
    torch.testing.assert_close(q.log_determinant(), torch.logdet(q.covariance))
    diagonal = DiagonalNormal(v, v)
    torch.testing.assert_close(diagonal.quadratic(v), torch.einsum("bi,bij,bj->b", v, torch.diag_embed(v.exp()), v))
    torch.testing.assert_close(diagonal.log_determinant(), torch.logdet(torch.diag_embed(v.exp())))
    assert isinstance(q, NormalPosterior)
    assert isinstance(diagonal, NormalPosterior)


def test_samples_are_the_mean_and_noise_of_its_precision():
    q = posterior()
    noise = torch.randn(30, D, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = q.mean + torch.einsum("bij,bj->bi", q.cholesky, noise)
    torch.testing.assert_close(q.sample(torch.Generator().manual_seed(0)), expected)


def test_log_prob_equals_that_of_scipy(generator):
    q = posterior()
    z = q.sample(generator)
    expected = [stats.multivariate_normal(*q_s).logpdf(at) for *q_s, at in zip(q.mean, q.covariance, z, strict=True)]
    np.testing.assert_allclose(q.log_prob(z), expected, rtol=1e-10)


def test_kl_equals_that_of_torch_and_of_independent_latents():
    q = posterior()
    prior = MultivariateNormal(torch.zeros(D, dtype=torch.float64), torch.eye(D, dtype=torch.float64))
    torch.testing.assert_close(q.kl(StandardNormal(D)), kl_divergence(torch_s(q), prior), rtol=1e-10, atol=1e-12)
    independent = FullNormal(q.mean, torch.diag_embed(q.variance.sqrt()))
    diagonal = DiagonalNormal(q.mean, q.variance.log())
    torch.testing.assert_close(independent.kl(StandardNormal(D)), diagonal.kl(StandardNormal(D)))
    assert q.kl_per_dim(StandardNormal(D)) is None


@pytest.mark.parametrize("nu", [0.5, 3.0, 40.0])
def test_kl_to_student_s_t_equals_an_integral(nu):
    """One latent, under SciPy's own t: equal steps under a normal converge faster than any power of the step."""
    q, prior = posterior(5, 1), StudentT(1, nu)
    t = stats.t(df=nu, scale=math.sqrt(prior.scale / nu))
    x = np.linspace(-12, 12, 4001)
    w = np.exp(-0.5 * x**2)
    for mean, deviation, kl in zip(q.mean[:, 0], q.variance.sqrt()[:, 0], q.kl(prior), strict=True):
        z = float(mean) + float(deviation) * x
        expected = (w @ (stats.norm(float(mean), float(deviation)).logpdf(z) - t.logpdf(z))) / w.sum()
        assert float(kl) == pytest.approx(expected, abs=1e-7)


def test_kl_to_student_s_t_of_dependent_latents_equals_an_integral():
    q, prior = posterior(6, 2), StudentT(2, 5.5)
    x = np.linspace(-9, 9, 301)
    w = np.exp(-0.5 * x**2)
    grid = torch.from_numpy(np.stack(np.meshgrid(x, x, indexing="ij"), -1).reshape(-1, 2))
    weight = torch.from_numpy(np.outer(w, w).ravel() / w.sum() ** 2)
    for i in range(6):
        z = q.mean[i] + grid @ q.cholesky[i].T
        one = FullNormal(q.mean[i].expand(len(z), 2), q.cholesky[i].expand(len(z), 2, 2))
        expected = (weight * (one.log_prob(z) - prior.log_prob(z))).sum()
        assert q.kl(prior)[i].item() == pytest.approx(expected.item(), abs=1e-7)


@pytest.mark.parametrize("prior", [StandardNormal(3), StudentT(3, 2.5), StudentT(3, 50.0)])
def test_gradients_of_kl_and_log_prob_are_those_of_finite_differences(prior):
    numbers, head = params(2, 3).requires_grad_(), FullNormalHead(3)
    z = torch.randn(2, 3, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda p: head(p).kl(prior), numbers)
    assert torch.autograd.gradcheck(lambda p: head(p).log_prob(z), numbers)
    assert torch.autograd.gradcheck(lambda p: head(p).sample(torch.Generator().manual_seed(0)), numbers)


def test_samples_have_the_posterior_s_mean_and_covariance(generator):
    n, one = 200_000, posterior(1, 3)
    q = FullNormal(one.mean.expand(n, 3), one.cholesky.expand(n, 3, 3))
    z = q.sample(generator)
    covariance = one.covariance[0]
    assert ((z.mean(0) - one.mean[0]).abs() < 5 * (one.variance[0] / n).sqrt()).all()
    # variance of a sample covariance of normals: (S_ii S_jj + S_ij^2) / n
    error = ((one.variance[0][:, None] * one.variance[0] + covariance.square()) / n).sqrt()
    assert ((torch.cov(z.T) - covariance).abs() < 5 * error).all()
    assert covariance[0, 1].abs() > 0.1  # or correlation would not be tested


def test_autocast_and_half_precision_change_nothing(generator):
    numbers = params(dtype=torch.float32)
    plain = FullNormalHead(D)(numbers)
    state = generator.get_state()
    expected = [plain.cholesky, plain.covariance, plain.variance, plain.sample(generator), plain.kl(StudentT(D, 9.0))]
    with torch.autocast("cpu", torch.bfloat16):
        q = FullNormalHead(D)(numbers)
        generator.set_state(state)
        found = [q.cholesky, q.covariance, q.variance, q.sample(generator), q.kl(StudentT(D, 9.0))]
        log_prob = q.log_prob(found[3])
    assert all(torch.equal(one, other) for one, other in zip(expected, found, strict=True))
    assert torch.equal(log_prob, plain.log_prob(found[3]))
    assert FullNormalHead(D)(numbers.bfloat16()).cholesky.dtype == torch.float32


@pytest.mark.parametrize("level", [-1e9, -50.0, 0.0, 50.0, 1e9])
def test_extremes_stay_finite_and_no_variance_is_below_the_published_one(level, generator):
    numbers = torch.full((2, 3 + 9), level)
    numbers[:, :3], numbers[1, 4:] = 30.0, -level
    numbers = numbers.requires_grad_()
    q = FullNormalHead(3)(numbers)
    z = q.sample(generator)
    kls = [q.kl(prior) for prior in (StandardNormal(3), StudentT(3, 2.1), StudentT(3, 1e5))]
    for value in (z, q.variance, q.log_prob(z), *kls):
        assert torch.isfinite(value).all()
    sum(kl.sum() for kl in kls).backward()
    assert torch.isfinite(numbers.grad).all()
    assert (torch.linalg.eigvalsh(q.cholesky.double() @ q.cholesky.double().mT) > 0.99e-4).all()


def test_a_spoilt_encoder_gives_nan_and_no_error_of_its_own():
    numbers = torch.full((1, 6), math.nan)
    assert FullNormalHead(2)(numbers).kl(StandardNormal(2)).isnan().all()
    assert FullNormalHead(2)(numbers).kl(StudentT(2, 9.0)).isnan().all()


def test_kl_against_an_unknown_prior_is_refused():
    class Other(torch.nn.Module):
        def log_prob(self, z): ...

        def sample(self, n, generator): ...

    with pytest.raises(IncompatibleParts, match="not against Other"):
        posterior().kl(Other())


def test_posteriors_of_batches_join():
    q = posterior()
    halves = [FullNormal(q.mean[part], q.cholesky[part]) for part in (slice(20), slice(20, None))]
    joined = halves[0].cat(halves)
    assert torch.equal(joined.mean, q.mean)
    assert torch.equal(joined.cholesky, q.cholesky)


def test_marginals_are_means_and_the_diagonal_of_the_covariance():
    numbers = params(5, 3)
    (mean, variance), whole = FullNormalHead(3).marginals(numbers), FullNormalHead(3)(numbers)
    torch.testing.assert_close(mean, whole.mean)
    torch.testing.assert_close(variance, whole.covariance.diagonal(dim1=1, dim2=2))
