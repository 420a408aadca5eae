from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal

from unbraid.distributions.likelihoods.bernoulli import Bernoulli
from unbraid.distributions.likelihoods.gaussian import Gaussian
from unbraid.distributions.likelihoods.gaussian_learned import GaussianLearned
from unbraid.distributions.likelihoods.gaussian_optimal import GaussianOptimal
from unbraid.distributions.likelihoods.laplace import Laplace
from unbraid.distributions.protocols import Likelihood
from unbraid.distributions.registry import likelihoods
from unbraid.errors import UsageError


@pytest.fixture
def pair(generator):
    output = 3 * torch.randn(5, 2, 4, 4, generator=generator, dtype=torch.float64)
    return output, torch.rand(5, 2, 4, 4, generator=generator, dtype=torch.float64)


def test_bernoulli_is_the_cross_entropy_summed_over_channels_and_pixels(pair):
    output, images = pair
    p = output.sigmoid()
    expected = -(images * p.log() + (1 - images) * (1 - p).log()).sum((1, 2, 3))
    torch.testing.assert_close(Bernoulli().nll(output, images), expected)
    torch.testing.assert_close(Bernoulli().mean(output), p)


def test_bernoulli_of_gray_pixels_is_least_at_the_truth_and_then_their_entropy():
    images = torch.full((1, 1, 2, 2), 0.25, dtype=torch.float64, requires_grad=False)
    truth = torch.logit(images)
    least = Bernoulli().nll(truth, images).item()
    assert least == pytest.approx(-4 * (0.25 * math.log(0.25) + 0.75 * math.log(0.75)))
    assert all(Bernoulli().nll(truth + shift, images).item() > least for shift in (-0.1, 0.1))


@pytest.mark.parametrize("logit", [-1e4, -90.0, 90.0, 1e4])
def test_bernoulli_is_finite_where_probabilities_saturate(logit):
    output = torch.full((1, 1, 1, 1), logit)
    wrong = torch.full((1, 1, 1, 1), float(logit < 0))
    assert Bernoulli().nll(output, wrong).item() == pytest.approx(abs(logit))
    assert Bernoulli().nll(output, 1 - wrong).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("sigma", [0.1, 1.0, 2.5])
def test_gaussian_is_the_normal_density_summed_over_channels_and_pixels(pair, sigma):
    output, images = pair
    likelihood = Gaussian(sigma=sigma, squash="none")
    expected = -Normal(output, sigma).log_prob(images).sum((1, 2, 3))
    torch.testing.assert_close(likelihood.nll(output, images), expected)
    torch.testing.assert_close(likelihood.mean(output), output)
    squashed = Gaussian(sigma=sigma)
    torch.testing.assert_close(squashed.nll(output, images), -Normal(output.sigmoid(), sigma).log_prob(images).sum((1, 2, 3)))


def test_beta_and_sigma_squared_multiply_to_one_thing(pair):
    """rec at sigma + beta KL is proportional to rec at sigma 1 + beta sigma^2 KL, up to constants."""
    output, images = pair

    def without_constant(sigma: float) -> torch.Tensor:
        constant = 32 * (math.log(sigma) + 0.5 * math.log(2 * math.pi))
        return Gaussian(sigma, None, "none").nll(output, images) - constant

    kl, beta, sigma = 7.0, 4.0, 0.3
    torch.testing.assert_close(sigma**2 * (without_constant(sigma) + beta * kl), without_constant(1.0) + beta * sigma**2 * kl)


def test_conventions_of_other_code_bases_by_name(pair):
    output, images = pair
    squares, absolute = (output - images).square().sum((1, 2, 3)), (output - images).abs().sum((1, 2, 3))
    for convention, factor in (("half_squared_error", 0.5), ("squared_error", 1.0), ("dubois", 255.0)):
        torch.testing.assert_close(Gaussian(None, convention, "none").energy(output, images), factor * squares)
    for convention, factor in (("absolute_error", 1.0), ("dubois", 3.0)):
        torch.testing.assert_close(Laplace(None, convention, "none").energy(output, images), factor * absolute)
    for likelihood, given in ((Gaussian, "--sigma"), (Laplace, "--b")):
        with pytest.raises(UsageError, match=f"Give {given} .* or --convention"):
            likelihood(0.5, "dubois")


@pytest.mark.parametrize("b", [0.1, 1.0, 2.5])
def test_laplace_is_the_density_summed_over_channels_and_pixels(pair, b):
    output, images = pair
    expected = -torch.distributions.Laplace(output.sigmoid(), b).log_prob(images).sum((1, 2, 3))
    torch.testing.assert_close(Laplace(b).nll(output, images), expected)


@pytest.mark.parametrize("sigma", [0.004, 0.3, 1.0, 4.0])
def test_a_learned_sigma_is_the_normal_density_and_starts_where_it_should(pair, sigma):
    output, images = pair
    likelihood = GaussianLearned(sigma, "none").double()
    assert likelihood.scale.item() == pytest.approx(sigma, rel=1e-4)
    expected = -Normal(output, likelihood.scale).log_prob(images).sum((1, 2, 3))
    torch.testing.assert_close(likelihood.nll(output, images), expected)


def test_a_learned_sigma_settles_at_the_root_mean_squared_error_and_never_falls_below_its_bound(pair):
    output, images = pair
    likelihood = GaussianLearned(1.0, "none").double()
    optimizer = torch.optim.LBFGS(likelihood.parameters(), max_iter=100, tolerance_grad=1e-12, tolerance_change=1e-15)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = likelihood.nll(output, images).mean()
        value.backward()
        return value

    optimizer.step(loss)
    assert likelihood.scale.item() == pytest.approx((output - images).square().mean().sqrt().item(), rel=1e-6)
    with torch.no_grad():
        likelihood.free_log_sigma.fill_(-1000.0)
    assert likelihood.scale.item() == pytest.approx(math.exp(-6))


def test_the_optimal_sigma_is_the_minimum_over_sigma_in_value_and_gradient(pair):
    """Mean over the batch: N / 2 (log MSE + 1 + log 2 pi), with the gradient of that expression."""
    output, images = pair
    output.requires_grad_()
    closed = 16 * ((output - images).square().mean().log() + 1 + math.log(2 * math.pi))
    found = GaussianOptimal("none").double().nll(output, images).mean()
    torch.testing.assert_close(found, closed)
    torch.testing.assert_close(*(torch.autograd.grad(value, output)[0] for value in (found, closed)))
    for sigma in (0.9, 1.1):
        other = sigma * (output - images).square().mean().sqrt().item()
        assert Gaussian(other, None, "none").nll(output, images).mean() > found


def test_the_optimal_sigma_is_remembered_from_training_and_does_not_move_out_of_it(pair):
    output, images = pair
    likelihood = GaussianOptimal("none").double()
    variances = []
    for scale in (1.0, 3.0):
        likelihood.nll(scale * output, images)
        variances.append((scale * output - images).square().mean())
    torch.testing.assert_close(likelihood.variance, sum(variances) / 2)  # of the first batches the plain mean
    before = {name: value.clone() for name, value in likelihood.state_dict().items()}
    likelihood.eval()
    whole = likelihood.nll(output, images)
    torch.testing.assert_close(likelihood.nll(output[:1], images[:1]), whole[:1])  # whatever images are beside it
    expected = -Normal(output, likelihood.variance.sqrt()).log_prob(images).sum((1, 2, 3))
    torch.testing.assert_close(whole, expected)
    torch.testing.assert_close(likelihood.energy(output, images) + likelihood.normalizer(32), whole)
    torch.testing.assert_close(likelihood.energy(output[:1], images[:1]) + likelihood.normalizer(32), whole[:1])
    assert all(torch.equal(before[name], value) for name, value in likelihood.state_dict().items())


def test_the_optimal_sigma_forgets_slowly_once_a_hundred_batches_have_been_seen(pair):
    output, images = pair
    likelihood = GaussianOptimal("none").double()
    for _ in range(100):
        likelihood.nll(images + 1, images)  # variance 1
    torch.testing.assert_close(likelihood.variance, torch.ones((), dtype=torch.float64))
    likelihood.nll(images + 3, images)  # variance 9, a hundredth of it
    assert likelihood.variance.item() == pytest.approx(0.99 + 0.01 * 9)
    likelihood.energy(output, images)
    assert likelihood.variance.item() == pytest.approx(0.99 + 0.01 * 9)  # an energy is no step of training


def test_the_optimal_sigma_is_a_constant_to_energies_in_training(pair):
    """Of an energy alone it is not at the minimum: with its own gradient the mean would be N / 2, whatever the images."""
    output, images = pair
    output.requires_grad_()
    likelihood = GaussianOptimal("none").double()
    energy = likelihood.energy(output, images)
    variance = (output - images).square().mean().item()
    assert energy.mean().item() == pytest.approx(32 / 2)
    (gradient,) = torch.autograd.grad(energy.sum(), output)
    torch.testing.assert_close(gradient, (output - images).detach() / variance)


def test_an_untrained_optimal_sigma_is_one(pair):
    likelihood = GaussianOptimal("none").double().eval()
    torch.testing.assert_close(likelihood.nll(*pair), Gaussian(1.0, None, "none").nll(*pair))


def test_the_scale_is_one_unless_given(pair):
    output, images = pair
    torch.testing.assert_close(Gaussian(squash="none").energy(output, images), (output - images).square().sum((1, 2, 3)) / 2)
    torch.testing.assert_close(Laplace(squash="none").energy(output, images), (output - images).abs().sum((1, 2, 3)))
    assert GaussianLearned().scale.item() == pytest.approx(1, rel=1e-6)


def test_constants_of_large_images_keep_their_digits():
    n, scale = 3 * 64 * 64, 0.1
    assert Gaussian(scale).normalizer(n).item() == pytest.approx(n * math.log(scale * math.sqrt(2 * math.pi)), rel=1e-14)
    assert Laplace(scale).normalizer(n).item() == pytest.approx(n * math.log(2 * scale), rel=1e-14)


def test_the_optimal_sigma_of_perfect_images_is_its_bound():
    images = torch.full((2, 1, 2, 2), 0.5)
    likelihood = GaussianOptimal(squash="none")
    likelihood.nll(images, images)
    assert likelihood.scale.item() == pytest.approx(math.exp(-6))


@pytest.mark.parametrize("entry", list(likelihoods), ids=lambda entry: entry.name)
def test_every_likelihood_is_an_energy_that_is_never_negative_and_what_no_reconstruction_changes(entry, pair):
    output, images = pair
    likelihood = entry.factory(**entry.resolve({})).double().eval()
    assert isinstance(likelihood, Likelihood)
    energy = likelihood.energy(output, images)
    assert (energy >= 0).all()
    torch.testing.assert_close(energy + likelihood.normalizer(32), likelihood.nll(output, images))
    alone = likelihood.nll(output[:1], images[:1])
    torch.testing.assert_close(alone, likelihood.nll(output, images)[:1])
    perfect = (images > 0.5).double()
    best = likelihood.energy(torch.logit(perfect.clamp(1e-12, 1 - 1e-12)), perfect)
    torch.testing.assert_close(best, torch.zeros_like(best), rtol=0, atol=1e-6)


@pytest.mark.parametrize("entry", list(likelihoods), ids=lambda entry: entry.name)
def test_every_likelihood_gives_nats_per_image_in_float32_at_least(entry):
    likelihood = entry.factory(**entry.resolve({}))
    output = torch.zeros(3, 2 * likelihood.outputs_per_channel, 4, 4, dtype=torch.bfloat16)
    nll = likelihood.nll(output, torch.full((3, 2, 4, 4), 0.5))
    assert nll.shape == (3,)
    assert nll.dtype == torch.float32
    assert likelihood.mean(output).shape == (3, 2, 4, 4)
    assert 0 <= likelihood.mean(output.float()).min() <= likelihood.mean(output.float()).max() <= 1
    likelihood.eval()
    nll = likelihood.nll(output, torch.full((3, 2, 4, 4), 0.5))
    doubled = likelihood.nll(output.repeat(1, 1, 2, 1), torch.full((3, 2, 8, 4), 0.5))
    torch.testing.assert_close(doubled, 2 * nll)  # a sum over pixels, never a mean


def test_sigma_must_be_positive():
    with pytest.raises(UsageError, match=r"--sigma of likelihood 'gaussian' is 0"):
        likelihoods["gaussian"].resolve({"sigma": 0.0})
