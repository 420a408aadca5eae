from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from helpers.passes import context, make_pass, pass_for
from unbraid.errors import UsageError
from unbraid.rates.capacity import Capacity
from unbraid.rates.decomposed import Decomposed
from unbraid.rates.dip import DipI, DipII
from unbraid.rates.inverse_wishart import InverseWishart
from unbraid.rates.kl import KL
from unbraid.rates.mmd import MMD
from unbraid.rates.registry import rates
from unbraid.rates.total_correlation import TotalCorrelation
from unbraid.terms import Pass, Term, join_terms
from unbraid.zoo.registry import models


def with_kl(*kl: float) -> Pass:
    """A pass of one latent whose images have the given KLs."""
    return make_pass(torch.tensor(kl, dtype=torch.float64).mul(2).sqrt()[:, None])


def test_kl_term_is_unweighted_and_its_weight_is_beta():
    term = KL(beta=4.0)(with_kl(20.0, 30.0), context())["kl"]
    torch.testing.assert_close(term.value, torch.tensor([20.0, 30.0], dtype=torch.float64))
    assert term.weight == 4.0


@pytest.mark.parametrize(
    ("warmup", "step", "weight"),
    [
        (0.0, 0, 3.0),
        (0.5, 0, 0.0),
        (0.5, 25, 1.5),
        (0.5, 50, 3.0),
        (0.5, 99, 3.0),
        (1.0, 50, 1.5),
        (20.0, 5, 0.75),
        (20.0, 30, 3.0),
    ],
)
def test_warmup_is_a_fraction_of_the_run_or_a_number_of_steps(warmup, step, weight):
    assert KL(3.0, warmup)(with_kl(1.0), context(step))["kl"].weight == pytest.approx(weight)


def test_warmup_can_come_down_from_above():
    weights = [KL(4.0, warmup=0.5, start=20.0)(with_kl(1.0), context(step))["kl"].weight for step in (0, 25, 50, 99)]
    assert weights == pytest.approx([20.0, 12.0, 4.0, 4.0])


def test_normalized_beta_weighs_as_means_do():
    """mean-over-pixels rec + beta_norm * mean-over-latents KL = (1 / N) (sum rec + beta * sum KL), beta = beta_norm N / M."""
    made = make_pass(torch.ones(3, 5, dtype=torch.float64))  # 32 pixels times channels, 5 latents
    rec, beta_norm = 77.0, 0.02
    weight = KL(beta_norm, normalized=True)(made, context())["kl"].weight
    assert weight == pytest.approx(beta_norm * 32 / 5, rel=1e-15)
    sums = rec + weight * made.kl
    means = rec / 32 + beta_norm * made.kl / 5
    torch.testing.assert_close(means * 32, sums, rtol=1e-15, atol=0)


def test_normalized_beta_of_one_image_is_the_same():
    one, three = (make_pass(torch.ones(n, 5)) for n in (1, 3))
    assert KL(0.02, normalized=True).weight(one, context()) == KL(0.02, normalized=True).weight(three, context())


@pytest.mark.parametrize(
    ("model", "rate"),
    [
        ("vae", KL()),
        ("beta_tcvae", Decomposed()),
        ("dip_vae_i", DipI()),
        ("dip_vae_ii", DipII()),
        ("chyvae", InverseWishart()),
    ],
)
def test_a_rate_by_its_defaults_is_that_of_its_model(model, rate):
    assert models[model].factory().objective.rates[-1] == rate


def test_defaults_that_sources_tie_together():
    assert TotalCorrelation().weight == Decomposed().beta - 1  # beta-TCVAE either way
    assert DipI().lambda_d == 10 * DipI().lambda_od  # Kumar et al. (2018), Section 4
    assert DipII().lambda_d == DipII().lambda_od
    assert models["info_vae"].factory(alpha=1.0, kernel="imq_scales").objective.rates[-1] == MMD()


def test_capacity_by_default_grows_over_the_whole_run_to_that_of_its_model():
    model = models["beta_vae_capacity"].factory().objective.rates[-1]
    assert Capacity() == replace(model, duration=1.0)
    assert [Capacity().capacity(context(step)) for step in (0, 50, 100)] == pytest.approx([0.0, 12.5, 25.0])


def test_capacity_distance_of_the_batch_and_of_each_image():
    made = with_kl(20.0, 30.0)
    batch = Capacity(gamma=7.0, end=25.0, duration=0.0)(made, context())
    sample = Capacity(gamma=7.0, end=25.0, duration=0.0, reduction="sample")(made, context())
    assert batch["capacity_gap"].mean.item() == pytest.approx(0.0, abs=1e-12)
    assert sample["capacity_gap"].mean.item() == pytest.approx(5.0)
    assert batch["capacity_gap"].weight == sample["capacity_gap"].weight == 7.0
    assert batch["capacity_gap"].value.ndim == 0
    assert not Capacity().per_sample
    assert sample["capacity_gap"].value.shape == (2,)
    assert Capacity(reduction="sample").per_sample
    assert batch["kl"].weight == batch["capacity"].weight == 0  # watched, not learned from


def test_batch_distance_never_exceeds_that_of_images():
    draw = torch.Generator().manual_seed(3)
    for _ in range(20):
        made = make_pass(torch.randn(8, 3, generator=draw, dtype=torch.float64))
        both = [Capacity(end=1.5, duration=0.0, reduction=r)(made, context())["capacity_gap"].mean for r in ("batch", "sample")]
        assert both[0] <= both[1] + 1e-12
    one_side = with_kl(30.0, 40.0)
    both = [
        Capacity(end=25.0, duration=0.0, reduction=r)(one_side, context())["capacity_gap"].mean for r in ("batch", "sample")
    ]
    torch.testing.assert_close(*both)


@pytest.mark.parametrize("kl", [10.0, 40.0])
def test_capacity_pulls_the_kl_towards_c_with_full_force(kl):
    mean = torch.tensor([[math.sqrt(2 * kl)]], dtype=torch.float64, requires_grad=True)
    term = Capacity(gamma=100.0, end=25.0, duration=0.0)(make_pass(mean), context())["capacity_gap"]
    (term.weight * term.mean).backward()
    # d KL / d mean = mean
    assert mean.grad.item() == pytest.approx(math.copysign(100.0, kl - 25) * mean.item())


@pytest.mark.parametrize(
    ("duration", "step", "capacity"),
    [(1.0, 0, 2.0), (1.0, 50, 7.0), (0.5, 50, 12.0), (0.5, 80, 12.0), (10.0, 5, 7.0), (0.0, 0, 12.0)],
)
def test_capacity_ramp(duration, step, capacity):
    assert Capacity(start=2.0, end=12.0, duration=duration).capacity(context(step)) == pytest.approx(capacity)


@pytest.mark.parametrize("step", [0, 3, 99])
def test_constant_capacity_is_allowed(step):
    for level in (0.0, 25.0):
        assert Capacity(start=level, end=level).capacity(context(step)) == level


def test_capacity_zero_is_the_kl_in_value_and_gradient():
    gradients = []
    for rate in (Capacity(gamma=4.0, start=0.0, end=0.0), KL(beta=4.0)):
        mean = torch.linspace(-2, 2, 12, dtype=torch.float64).reshape(4, 3).requires_grad_()
        logvar = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(4, 3).requires_grad_()
        terms = rate(make_pass(mean, logvar), context())
        loss = sum(term.weight * term.mean for term in terms.values())
        gradients.append([loss.detach(), *torch.autograd.grad(loss, [mean, logvar])])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-14, atol=1e-14)


def test_two_rates_with_one_term_are_refused():
    made = with_kl(1.0)
    with pytest.raises(UsageError, match="Two rates report a term named 'kl'"):
        join_terms([KL()(made, context()), Capacity()(made, context())])
    assert list(join_terms([{"nll": Term(made.nll)}, KL()(made, context())])) == ["nll", "kl"]


@pytest.mark.parametrize("entry", list(rates), ids=lambda entry: entry.name)
class TestEveryRate:
    """Contracts of anything registered as a rate."""

    def test_terms_are_finite_nats_of_the_declared_kind(self, entry):
        rate = entry.factory()
        for mean, logvar in ((0.0, 0.0), (50.0, 20.0), (-50.0, -30.0)):
            made = pass_for(entry, torch.full((6, 3), mean), torch.full((6, 3), logvar))
            for term in rate(made, context(step=50)).values():
                assert torch.isfinite(term.value).all()
                assert term.value.shape == ((6,) if rate.per_sample or (term.weight == 0 and term.value.ndim) else ())

    def test_is_pure(self, entry):
        rate, made = entry.factory(), pass_for(entry, torch.linspace(-2, 2, 18).reshape(6, 3))
        first, second = (rate(made, context(step=3)) for _ in range(2))
        assert {k: (t.weight, t.value.tolist()) for k, t in first.items()} == {
            k: (t.weight, t.value.tolist()) for k, t in second.items()
        }
        assert hash(rate) == hash(entry.factory())  # a frozen dataclass of its hyper-parameters

    def test_gradients_reach_the_posterior(self, entry):
        mean = torch.linspace(0.5, 2, 18).reshape(6, 3).requires_grad_()
        terms = entry.factory()(pass_for(entry, mean), context(step=50))
        sum(term.weight * term.mean for term in terms.values()).backward()
        assert torch.isfinite(mean.grad).all()
        assert mean.grad.abs().max() > 0
