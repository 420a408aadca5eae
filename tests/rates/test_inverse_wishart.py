from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import special, stats

from helpers.passes import context, make_pass
from unbraid.distributions.inverse_wishart import scale
from unbraid.distributions.posteriors.diagonal_normal import DiagonalNormal
from unbraid.distributions.posteriors.full_normal import FullNormal, FullNormalHead
from unbraid.distributions.priors.standard_normal import StandardNormal
from unbraid.distributions.priors.student_t import StudentT
from unbraid.errors import IncompatibleParts, UsageError
from unbraid.rates.inverse_wishart import InverseWishart, wishart_bound
from unbraid.rates.kl import KL
from unbraid.terms import Context, Pass


def normals(n: int, d: int, seed: int = 0, size: float = 0.7) -> FullNormal:
    draw = torch.Generator().manual_seed(seed)
    return FullNormalHead(d)(size * torch.randn(n, d + d * d, generator=draw, dtype=torch.float64))


def draws(n: int, d: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def full_pass(posterior: FullNormal, z: torch.Tensor, nu: float = 33.0) -> Pass:
    return replace(make_pass(posterior.mean), posterior=posterior, z=z, prior=StudentT(z.shape[1], nu))


def noise(seed: int = 0) -> Context:
    return replace(context(), generator=torch.Generator().manual_seed(seed))


def kl_of_inverse_wisharts(phi: np.ndarray, m: float, psi: np.ndarray, nu: float) -> float:
    """KL(IW(phi, m) || IW(psi, nu)), dense."""
    d = len(phi)
    digammas = sum(special.digamma((m + 1 - i) / 2) for i in range(1, d + 1))
    log_gammas = special.multigammaln(nu / 2, d) - special.multigammaln(m / 2, d)
    determinants = np.linalg.slogdet(phi)[1] - np.linalg.slogdet(psi)[1]
    return (
        log_gammas + (m - nu) / 2 * digammas + nu / 2 * determinants + m / 2 * np.trace(np.linalg.solve(phi, psi)) - m * d / 2
    )


def dense_bound(mean: np.ndarray, covariance: np.ndarray, other: np.ndarray, nu: float) -> float:
    """-H(q(z)) - E log p(z|S) + KL(q(S|z~) || p(S)), from determinants, inverses and digammas."""
    d = len(mean)
    psi = scale(nu, d) * np.eye(d)
    phi, m = psi + np.outer(other, other), nu + 1
    digammas = sum(special.digamma((m + 1 - i) / 2) for i in range(1, d + 1))
    mean_log_det = np.linalg.slogdet(phi)[1] - d * math.log(2) - digammas
    second = covariance + np.outer(mean, mean)
    log_likelihood = -0.5 * (d * math.log(2 * math.pi) + mean_log_det + m * np.trace(np.linalg.solve(phi, second)))
    entropy = 0.5 * (d * math.log(2 * math.pi * math.e) + np.linalg.slogdet(covariance)[1])
    return -entropy - log_likelihood + kl_of_inverse_wisharts(phi, m, psi, nu)


@pytest.mark.parametrize(("d", "nu"), [(1, 0.2), (3, 2.1), (3, 4.5), (4, 30.0), (10, 33.0), (10, 200.0)])
def test_it_equals_the_dense_form_with_its_constant(d, nu):
    q, other = normals(8, d), draws(8, d)
    rows = zip(q.mean.numpy(), q.covariance.numpy(), other.numpy(), strict=True)
    np.testing.assert_allclose(wishart_bound(q, other, nu), [dense_bound(*row, nu) for row in rows], rtol=1e-10)
    diagonal = DiagonalNormal(q.mean, q.variance.log())
    rows = zip(q.mean.numpy(), torch.diag_embed(q.variance).numpy(), other.numpy(), strict=True)
    np.testing.assert_allclose(wishart_bound(diagonal, other, nu), [dense_bound(*row, nu) for row in rows], rtol=1e-10)


def test_the_published_expression_differs_from_it_by_a_constant():
    """(nu + 1)/2 log|Phi| - log|S|/2 + (nu + 1)/2 tr[(S + mu mu' + Psi) Phi^-1], and the constant of its own."""
    d, nu, q, other = 5, 20.0, normals(6, 5), draws(6, 5)
    psi = scale(nu, d) * torch.eye(d, dtype=torch.float64)
    phi = psi + other[:, :, None] * other[:, None]
    second = q.covariance + q.mean[:, :, None] * q.mean[:, None] + psi
    trace = torch.linalg.solve(phi, second).diagonal(dim1=1, dim2=2).sum(1)
    published = 0.5 * (nu + 1) * (torch.logdet(phi) + trace) - 0.5 * torch.logdet(q.covariance)
    constant = (
        -nu / 2 * float(torch.logdet(psi))
        + special.multigammaln(nu / 2, d)
        - special.multigammaln((nu + 1) / 2, d)
        - d / 2 * (1 + math.log(2))
        - (nu + 1) * d / 2
    )
    torch.testing.assert_close(wishart_bound(q, other, nu), published + constant, rtol=1e-11, atol=1e-11)


def test_it_is_the_expectation_that_defines_it():
    """E[log q(z) q(S|z~) - log p(z|S) p(S)] by draws, every density SciPy's."""
    d, nu, n = 2, 7.0, 4000
    q, other = normals(1, d), draws(1, d)
    psi = scale(nu, d) * np.eye(d)
    phi = psi + np.outer(other[0], other[0])
    rng = np.random.default_rng(0)
    covariances = stats.invwishart(nu + 1, phi).rvs(n, random_state=rng)
    posterior = stats.multivariate_normal(q.mean[0].numpy(), q.covariance[0].numpy())
    z = posterior.rvs(n, random_state=rng)
    stacked = np.moveaxis(covariances, 0, -1)
    hyper = stats.invwishart(nu + 1, phi).logpdf(stacked) - stats.invwishart(nu, psi).logpdf(stacked)
    likelihood = [stats.multivariate_normal(np.zeros(d), s).logpdf(one) for s, one in zip(covariances, z, strict=True)]
    values = posterior.logpdf(z) + hyper - np.array(likelihood)
    assert abs(values.mean() - wishart_bound(q, other, nu).item()) < 5 * values.std() / n**0.5


@pytest.mark.parametrize("nu", [1.3, 6.0, 30.0])
def test_on_average_it_exceeds_the_kl_by_what_the_draw_of_its_own_costs(nu):
    """(nu + 1)/2 (E tr[(Psi + E zz') (Psi + z~z~')^-1] - D) >= 0; expectations over a fine grid of z~, two latents."""
    q = normals(1, 2)
    x = np.linspace(-9, 9, 301)
    w = np.exp(-0.5 * x**2)
    grid = torch.from_numpy(np.stack(np.meshgrid(x, x, indexing="ij"), -1).reshape(-1, 2))
    weight = torch.from_numpy(np.outer(w, w).ravel() / w.sum() ** 2)
    other = q.mean + grid @ q.cholesky[0].T
    many = FullNormal(q.mean.expand_as(other), q.cholesky.expand(len(other), 2, 2))
    bound, kl = (weight * wishart_bound(many, other, nu)).sum(), q.kl(StudentT(2, nu))[0]
    psi = scale(nu, 2) * torch.eye(2, dtype=torch.float64)
    second = psi + q.covariance[0] + torch.outer(q.mean[0], q.mean[0])
    traces = torch.linalg.solve(psi + other[:, :, None] * other[:, None], second.expand(len(other), 2, 2))
    excess = 0.5 * (nu + 1) * ((weight * traces.diagonal(dim1=1, dim2=2).sum(1)).sum() - 2)
    assert excess > 0.01
    assert (bound - kl).item() == pytest.approx(excess.item(), abs=1e-6)


def test_with_much_freedom_it_is_the_kl_to_a_standard_normal_in_value_and_gradient():
    head, other = FullNormalHead(4), draws(6, 4)
    numbers = 0.7 * torch.randn(6, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def found(rate) -> list[torch.Tensor]:
        leaf = numbers.clone().requires_grad_()
        made = full_pass(head(leaf), other)
        made = replace(made, prior=StandardNormal(4))
        (term,) = [term for term in rate(made, noise()).values() if term.learns]
        return [term.value.detach(), *torch.autograd.grad(term.value.sum(), leaf)]

    limit = found(KL())
    errors = [[(a - b).abs().max().item() for a, b in zip(found(InverseWishart(nu)), limit, strict=True)] for nu in (1e4, 1e5)]
    assert max(errors[0]) < 0.02
    for less, more in zip(*errors, strict=True):  # what is left falls as 1 / nu
        assert more == pytest.approx(less / 10, rel=0.02)


@pytest.mark.parametrize("nu", [2.2, 33.0])
def test_gradients_are_those_of_finite_differences(nu):
    numbers = (0.7 * draws(2, 12)).requires_grad_()
    head = FullNormalHead(3)

    def bound(numbers: torch.Tensor) -> torch.Tensor:
        q = head(numbers)
        return wishart_bound(q, q.sample(torch.Generator().manual_seed(0)), nu)

    assert torch.autograd.gradcheck(bound, numbers)


@pytest.mark.parametrize("nu", [12.0, 33.0, 1e6])
def test_in_float32_it_keeps_its_digits(nu):
    q, other = normals(20, 10), draws(20, 10)
    narrow = FullNormal(q.mean.float(), q.cholesky.float())
    torch.testing.assert_close(
        wishart_bound(narrow, other.float(), nu), wishart_bound(q, other, nu).float(), rtol=2e-5, atol=2e-4
    )


def test_the_draw_is_its_own_and_not_the_decoder_s():
    q = normals(6, 4)
    one, two = full_pass(q, draws(6, 4)), full_pass(q, draws(6, 4, seed=9))
    rate = InverseWishart()
    bounds = [rate(made, noise(seed))["kl_bound"].value for made, seed in ((one, 0), (two, 0), (one, 1))]
    assert torch.equal(bounds[0], bounds[1])
    assert not torch.equal(bounds[0], bounds[2])
    assert torch.equal(bounds[0], wishart_bound(q, q.sample(torch.Generator().manual_seed(0)), 33.0))


def test_it_shows_the_kl_at_the_decoder_s_draw_without_learning_from_it():
    one = normals(1, 3)
    q = FullNormal(one.mean.expand(20_000, 3), one.cholesky.expand(20_000, 3, 3))
    z = q.sample(torch.Generator().manual_seed(3))
    terms = InverseWishart(8.0)(full_pass(q, z, 8.0), noise())
    shown = terms["kl"].value
    assert not terms["kl"].learns
    assert terms["kl_bound"].weight == 1.0
    exact = one.kl(StudentT(3, 8.0)).item()
    assert abs(shown.mean().item() - exact) < 5 * shown.std().item() / len(shown) ** 0.5
    assert terms["kl_bound"].mean.item() > exact


def test_autocast_changes_nothing():
    numbers = draws(6, 20).float()
    values = []
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            q = FullNormalHead(4)(numbers)
            terms = InverseWishart()(full_pass(q, q.sample(torch.Generator().manual_seed(2))), noise())
        values.append({name: term.value for name, term in terms.items()})
    for name, value in values[0].items():
        assert value.dtype == torch.float32
        assert torch.equal(value, values[1][name])


def test_what_it_is_not_defined_for_is_refused_in_words():
    with pytest.raises(UsageError, match="--nu is 3; .* of 4 latents needs more than 3"):
        InverseWishart(3.0)(full_pass(normals(2, 4), draws(2, 4)), noise())

    class Points(FullNormal):
        """A posterior that names no covariance."""

        quadratic = None

    q = normals(2, 4)
    with pytest.raises(IncompatibleParts, match=r"needs a normal posterior .* not Points"):
        InverseWishart()(full_pass(Points(q.mean, q.cholesky), q.mean), noise())
