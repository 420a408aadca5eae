"""Estimates of the aggregate posterior and of the parts of the KL, against enumeration and closed forms."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import permutations

import pytest
import torch

from helpers.passes import context, make_pass, sampled_pass
from unbraid.distributions.posteriors.diagonal_normal import DiagonalNormal
from unbraid.errors import IncompatibleParts, UsageError
from unbraid.nn.fast.allowed import allow_fast_kernels, plain_layers
from unbraid.rates import mixtures
from unbraid.rates.aggregate import log_aggregate, stratified_weights
from unbraid.rates.decomposed import Decomposed
from unbraid.rates.kl import KL
from unbraid.rates.total_correlation import TotalCorrelation
from unbraid.terms import Context, Pass

F64 = torch.float64
ESTIMATORS = ["mss", "mws", "plain"]


def population(n: int = 5, d: int = 2) -> tuple[DiagonalNormal, torch.Tensor]:
    """Posteriors of a whole data set of n images, and one draw from each."""
    draw = torch.Generator().manual_seed(7)
    mean = 2 * torch.randn(n, d, generator=draw, dtype=F64)
    logvar = torch.randn(n, d, generator=draw, dtype=F64) - 1
    return DiagonalNormal(mean, logvar), mean + (0.5 * logvar).exp() * torch.randn(n, d, generator=draw, dtype=F64)


def normal_density(z: torch.Tensor, q: DiagonalNormal) -> torch.Tensor:
    """q(z_d | x_n) for one z, by torch's own normal: (component, latent)."""
    return torch.distributions.Normal(q.mean, q.variance.sqrt()).log_prob(z).exp()


@pytest.mark.parametrize(("batch", "n_data"), [(2, 2), (5, 5), (5, 100), (64, 61_440)])
def test_stratified_weights_are_chens_and_their_rows_add_up_to_one(batch, n_data):
    weights = stratified_weights(batch, n_data, torch.zeros((), dtype=F64))
    others = batch - 1
    for i in range(batch):
        for j in range(batch):
            expected = 1 / n_data if j == i else (n_data - others) / (n_data * others) if j == (i + 1) % batch else 1 / others
            assert weights[i, j].item() == pytest.approx(expected, rel=1e-15)
    torch.testing.assert_close(weights.sum(1), torch.ones(batch, dtype=F64), rtol=1e-14, atol=0)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_weights_are_where_the_latents_are(estimator):
    away = torch.empty(3, 2, device="meta", dtype=F64)
    joint, per_latent = log_aggregate(away, DiagonalNormal(away, away), 10, estimator)
    assert joint.device == per_latent.device == away.device


def test_stratified_weights_need_two_images_and_no_more_than_there_are():
    for batch, n_data in ((1, 10), (11, 10)):
        with pytest.raises(UsageError, match="batches of 2 images to the 10"):
            stratified_weights(batch, n_data, torch.zeros(()))


def test_one_matrix_of_weights_serves_the_joint_and_every_latent():
    """With one latent the two mixtures are one, whatever the weights."""
    q, z = population(d=1)
    for estimator in ESTIMATORS:
        joint, per_latent = log_aggregate(z, q, 100, estimator)
        torch.testing.assert_close(joint, per_latent[:, 0], rtol=1e-13, atol=0)


@pytest.mark.parametrize("batch", [2, 3, 4])
@pytest.mark.parametrize("row", [0, 1])
def test_the_stratified_estimate_is_unbiased_over_all_batches(batch, row):
    """For the sample of image 0 in a given row, over every ordered choice of the other images."""
    q, z = population()
    exact = normal_density(z[0], q)
    found = []
    for others in permutations(range(1, 5), batch - 1):
        rows = [*others[:row], 0, *others[row:]]
        joint, per_latent = log_aggregate(z[rows], DiagonalNormal(q.mean[rows], q.logvar[rows]), 5, "mss")
        found.append(torch.cat([joint[row, None], per_latent[row]]).exp())
    estimate = torch.stack(found).mean(0)
    torch.testing.assert_close(estimate[0], exact.prod(1).mean(), rtol=1e-12, atol=0)
    torch.testing.assert_close(estimate[1:], exact.mean(0), rtol=1e-12, atol=0)


def test_the_plain_estimate_of_a_whole_population_is_exact_and_the_weighted_one_its_nth_part():
    q, z = population()
    exact = torch.stack([torch.cat([normal_density(zi, q).prod(1).mean()[None], normal_density(zi, q).mean(0)]) for zi in z])
    for estimator, share in (("plain", 1.0), ("mws", 1 / 1000)):
        joint, per_latent = log_aggregate(z, q, 1000, estimator)
        torch.testing.assert_close(torch.cat([joint[:, None], per_latent], 1).exp(), exact * share, rtol=1e-12, atol=0)


@pytest.mark.parametrize("estimator", ["plain", "mws"])
def test_the_order_of_images_does_not_matter_to_plain_and_weighted_estimates(estimator):
    q, z = population()
    order = torch.tensor([3, 0, 4, 1, 2])
    joint, _ = log_aggregate(z, q, 100, estimator)
    moved, _ = log_aggregate(z[order], DiagonalNormal(q.mean[order], q.logvar[order]), 100, estimator)
    torch.testing.assert_close(moved, joint[order], rtol=1e-13, atol=0)


def values(made: Pass, estimator: str, n_data: int = 1000) -> dict[str, torch.Tensor]:
    terms = Decomposed(estimator=estimator)(made, Context(0, 100, n_data, torch.Generator()))
    return {name.removesuffix(f"_{estimator}"): term.mean for name, term in terms.items()}


def test_weighted_values_are_the_plain_ones_shifted_by_known_constants():
    made = sampled_pass(*(2 * torch.randn(8, 3, generator=torch.Generator().manual_seed(s), dtype=F64) for s in (1, 2)))
    plain, weighted = values(made, "plain"), values(made, "mws")
    shift = math.log(1000)
    for name, count in (("mi", 1), ("tc", 3 - 1), ("dimension_wise_kl", -3)):
        assert (weighted[name] - plain[name]).item() == pytest.approx(count * shift, abs=1e-12)


@pytest.mark.parametrize("kl", ["analytic", "sampled"])
def test_weighted_and_plain_estimates_have_the_same_gradients(kl):
    gradients = []
    for estimator in ("plain", "mws"):
        mean = torch.linspace(-2, 2, 24, dtype=F64).reshape(8, 3).requires_grad_()
        logvar = torch.linspace(-2, 0, 24, dtype=F64).reshape(8, 3).requires_grad_()
        terms = Decomposed(-2.0, 6.0, 0.5, estimator, kl)(sampled_pass(mean, logvar), context())
        gradients.append(torch.autograd.grad(sum(t.weight * t.mean for t in terms.values()), [mean, logvar]))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_parts_telescope_to_the_sampled_kl_image_by_image(estimator):
    made = sampled_pass(*(torch.randn(8, 3, generator=torch.Generator().manual_seed(s), dtype=F64) for s in (1, 2)))
    terms = Decomposed(estimator=estimator)(made, context())
    parts = sum(terms[f"{name}_{estimator}"].value for name in ("mi", "tc", "dimension_wise_kl"))
    torch.testing.assert_close(parts, made.posterior.log_prob(made.z) - made.prior.log_prob(made.z), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_both_forms_differ_by_the_noise_of_the_sampled_kl_alone(estimator):
    """KL + (a - 1) MI + (b - 1) TC + (c - 1) DW is a MI + b TC + c DW plus the KL minus its sample."""
    made = sampled_pass(*(torch.randn(8, 3, generator=torch.Generator().manual_seed(s), dtype=F64) for s in (1, 2)))
    losses = []
    for kl in ("analytic", "sampled"):
        terms = Decomposed(-1.0, 5.0, 0.3, estimator, kl)(made, context())
        losses.append(sum(t.weight * t.value for t in terms.values()))
    noise = made.kl - (made.posterior.log_prob(made.z) - made.prior.log_prob(made.z))
    torch.testing.assert_close(losses[0] - losses[1], noise, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_equal_weights_of_one_are_the_vae(estimator):
    gradients = []
    for rate in (Decomposed(1.0, 1.0, 1.0, estimator), KL()):
        mean = torch.linspace(-2, 2, 12, dtype=F64).reshape(4, 3).requires_grad_()
        terms = rate(sampled_pass(mean, torch.zeros(4, 3, dtype=F64)), context())
        loss = sum(t.weight * t.mean for t in terms.values() if t.learns)
        gradients.append([loss.detach(), *torch.autograd.grad(loss, mean)])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-14, atol=0)


def test_a_grid_with_a_latent_for_each_factor_has_no_total_correlation():
    """q(z) of the whole grid factorizes exactly, whatever z is."""
    values_of = torch.tensor([-1.0, 0.2, 2.0], dtype=F64)
    mean = torch.cartesian_prod(values_of, values_of, values_of)
    made = sampled_pass(mean, torch.tensor([-3.0, -1.0, 0.5], dtype=F64).expand_as(mean).clone())
    tc = TotalCorrelation(estimator="plain")(made, context())["tc_plain"].value
    torch.testing.assert_close(tc, torch.zeros_like(tc), rtol=0, atol=1e-12)


@pytest.mark.parametrize("k", [2, 8])
def test_a_copied_latent_has_log_k_nats_of_total_correlation_and_of_information(k):
    mean = 100 * torch.arange(k, dtype=F64)[:, None].repeat(1, 2)
    found = values(sampled_pass(mean, torch.zeros_like(mean)), "plain")
    assert found["tc"].item() == pytest.approx(math.log(k), abs=1e-10)
    assert found["mi"].item() == pytest.approx(math.log(k), abs=1e-10)


def test_the_linear_gaussian_case():
    """x ~ N(0, I), mean A x, covariance S: with C = A A' + S all parts are log-determinants."""
    a = torch.tensor([[0.8, 0.3], [0.2, 0.7]], dtype=F64)
    s = torch.tensor([0.2, 0.3], dtype=F64)
    c = a @ a.T + torch.diag(s)
    exact = {
        "mi": 0.5 * (torch.logdet(c) - s.log().sum()),
        "tc": 0.5 * (c.diagonal().log().sum() - torch.logdet(c)),
        "dimension_wise_kl": 0.5 * (c.diagonal() - 1 - c.diagonal().log()).sum(),
    }
    assert exact["mi"].item() == pytest.approx(1.1796, abs=1e-4)
    n = 3000
    x = torch.randn(n, 2, generator=torch.Generator().manual_seed(5), dtype=F64)
    made = sampled_pass(x @ a.T, s.log().expand(n, 2).clone(), seed=6)
    terms = Decomposed(estimator="plain")(made, context())
    for name, value in exact.items():
        found = terms[f"{name}_plain"].value
        assert abs(found.mean() - value) < 4 * found.std() / n**0.5 + 0.02, name


def test_total_correlation_of_a_correlated_gaussian():
    rho, n = 0.6, 3000
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(n, 2, generator=draw, dtype=F64)
    mean = torch.stack([x[:, 0], rho * x[:, 0] + (1 - rho**2) ** 0.5 * x[:, 1]], 1)
    # a posterior so narrow beside the spacing of the means would copy images; one of variance 0.01 blurs rho a little
    blurred = rho / 1.01
    made = sampled_pass(mean, torch.full((n, 2), math.log(0.01), dtype=F64))
    tc = TotalCorrelation(estimator="plain")(made, context())["tc_plain"].value
    assert abs(tc.mean().item() + 0.5 * math.log(1 - blurred**2)) < 4 * tc.std().item() / n**0.5 + 0.03


def test_stratified_values_of_a_small_data_set_come_near_the_truth_where_the_misplaced_weights_do_not():
    """200 images in batches of 32; with the own component weighted 1/M, as in published code, TC comes out near 0.9."""
    draw = torch.Generator().manual_seed(0)
    n, d, batch = 200, 3, 32
    mean = torch.randn(n, d, generator=draw, dtype=F64)
    q = DiagonalNormal(mean, torch.full((n, d), math.log(0.05), dtype=F64))
    whole = values(sampled_pass(q.mean, q.logvar, seed=1), "plain")
    found = []
    for _ in range(200):
        rows = torch.randperm(n, generator=draw)[:batch]
        found.append(values(sampled_pass(q.mean[rows], q.logvar[rows], seed=int(rows[0])), "mss", n)["mi"])
    plain = [
        values(sampled_pass(q.mean[r], q.logvar[r], seed=0), "plain")["mi"]
        for r in torch.randperm(n, generator=draw)[: 6 * batch].split(batch)
    ]
    assert abs(torch.stack(found).mean() - whole["mi"]) < 0.5
    assert whole["mi"] - torch.stack(plain).mean() > 0.7  # the batch alone cannot tell more than log 32


@pytest.mark.parametrize("rate", [Decomposed(), TotalCorrelation()])
def test_a_posterior_that_does_not_factorize_is_refused(rate):
    class Correlated:
        """A posterior whose latents are dependent given an image."""

        mean = variance = torch.ones(4, 2)

        def refuse(self, *_):
            raise NotImplementedError

        cat = sample = log_prob = kl = refuse

        def kl_per_dim(self, prior):
            return None

    made = make_pass(torch.zeros(4, 2))
    with pytest.raises(IncompatibleParts, match="factorize"):
        rate(replace(made, posterior=Correlated()), context())


def test_one_image_has_only_its_own_component():
    made = sampled_pass(torch.ones(1, 3, dtype=F64), torch.zeros(1, 3, dtype=F64))
    found = values(made, "mss")
    assert found["mi"].item() == pytest.approx(0, abs=1e-12)
    assert found["tc"].item() == pytest.approx(0, abs=1e-12)


def test_beta_can_be_warmed_up():
    rate = Decomposed(beta=6.0, warmup=0.5, start=0.0, kl="sampled")
    made = make_pass(torch.zeros(4, 2))
    assert [rate(made, context(step))["tc_plain"].weight for step in (0, 25, 50, 99)] == [0.0, 3.0, 6.0, 6.0]
    down = Decomposed(beta=2.0, warmup=0.5, start=10.0, kl="sampled")
    assert [down(made, context(step))["tc_plain"].weight for step in (0, 25, 50)] == [10.0, 6.0, 2.0]
    assert Decomposed(beta=6.0)(made, context())["tc_plain"].weight == 5.0  # beside the KL, which holds it once


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("block", [1, 40, 2**17])
@pytest.mark.parametrize(("n", "d"), [(1, 3), (2, 1), (7, 3), (13, 5)])
def test_in_blocks_values_and_gradients_are_those_of_the_plain_form(estimator, block, n, d, monkeypatch):
    monkeypatch.setattr(mixtures, "BLOCK", block)
    q, z = population(n, d)
    draw = torch.Generator().manual_seed(3)
    of_joint, of_latents = torch.randn(n, generator=draw, dtype=F64), torch.randn(n, d, generator=draw, dtype=F64)
    given = [part.detach().requires_grad_() for part in (z, q.mean, q.logvar)]
    found = []
    for form in (plain_layers, allow_fast_kernels):
        with form():
            joint, per_latent = log_aggregate(given[0], DiagonalNormal(given[1], given[2]), 100, estimator)
        loss = (of_joint * joint).sum() + (of_latents * per_latent).sum()
        found.append([joint, per_latent, *torch.autograd.grad(loss, given)])
    for plain, blocked in zip(*found, strict=True):
        torch.testing.assert_close(blocked, plain, rtol=1e-11, atol=1e-12)


def test_in_blocks_far_and_narrow_components_overflow_nowhere():
    """In float32: components 100 apart and as narrow as a head allows."""
    mean = torch.arange(6.0)[:, None].mul(100).repeat(1, 2).requires_grad_()
    logvar = torch.tensor([-30.0, -30, -10, 0, 5, 20])[:, None].repeat(1, 2).requires_grad_()
    with allow_fast_kernels():
        joint, per_latent = log_aggregate(mean.detach(), DiagonalNormal(mean, logvar), 6, "plain")
    gradients = torch.autograd.grad(joint.sum() - per_latent.sum(), [mean, logvar])
    assert all(part.isfinite().all() for part in (joint, per_latent, *gradients))
    own = -0.5 * (-30 + math.log(2 * math.pi)) - math.log(6)
    torch.testing.assert_close(per_latent[0], torch.full((2,), own))


def test_in_blocks_what_is_no_number_stays_none():
    mean = torch.zeros(3, 2)
    mean[1, 0] = math.nan
    with allow_fast_kernels():
        joint, per_latent = log_aggregate(mean, DiagonalNormal(mean, torch.zeros(3, 2)), 3, "plain")
    assert joint.isnan().all()
    assert per_latent[:, 0].isnan().all()
    assert per_latent[:, 1].isfinite().all()


def test_training_takes_the_form_in_blocks(monkeypatch):
    """Steps would be right without it, and slow."""
    made = []
    monkeypatch.setattr(mixtures, "_blocks", lambda *shape: made.append(shape) or _BLOCKS(*shape))
    q, z = population()
    with allow_fast_kernels():
        log_aggregate(z, q, 5, "plain")
    assert made == [(5, 2)]


_BLOCKS = mixtures._blocks
