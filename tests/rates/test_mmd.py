"""The maximum mean discrepancy, against closed form and enumeration."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch

from helpers.passes import context, make_pass
from unbraid.rates.mmd import MMD, squared_mmd

F64 = torch.float64
KERNELS = ["rbf", "imq", "imq_scales"]


def closed_form(mean: torch.Tensor, v: float, h: float) -> float:
    """MMD^2 under exp(-d^2 / h) of N(0, I) and N(mean, v^2 I)."""
    d = len(mean)
    between = (1 + 2 * (1 + v**2) / h) ** (-d / 2) * math.exp(-mean.square().sum().item() / (h + 2 * (1 + v**2)))
    return (1 + 4 / h) ** (-d / 2) + (1 + 4 * v**2 / h) ** (-d / 2) - 2 * between


def test_two_normals():
    mean, v, h = torch.tensor([0.5, -0.2, 0.1], dtype=F64), 0.7, 6.0
    exact = closed_form(mean, v, h)
    assert exact == pytest.approx(0.062766, abs=1e-6)
    draw = torch.Generator().manual_seed(0)
    found = [
        squared_mmd(
            torch.randn(400, 3, generator=draw, dtype=F64),
            mean + v * torch.randn(400, 3, generator=draw, dtype=F64),
            kernel="rbf",
            width=h,
            unbiased=True,
        )
        for _ in range(60)
    ]
    values = torch.stack(found)
    assert abs(values.mean().item() - exact) < 4 * values.std().item() / 60**0.5


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_unbiased_estimate_is_unbiased_over_all_samples_and_the_other_is_not(kernel):
    """Pairs of points drawn with replacement from three; the population's value is the biased one of all points at once."""
    x = torch.tensor([[0.0, 0.3], [1.0, -1.0], [2.0, 0.1]], dtype=F64)
    y = torch.tensor([[0.5, 0.0], [-1.0, 1.5], [2.5, 2.5]], dtype=F64)
    exact = squared_mmd(x, y, kernel=kernel, width=2.0, unbiased=False)
    means = []
    for unbiased in (True, False):
        values = [
            squared_mmd(x[list(i)], y[list(j)], kernel=kernel, width=2.0, unbiased=unbiased)
            for i in product(range(3), repeat=2)
            for j in product(range(3), repeat=2)
        ]
        means.append(torch.stack(values).mean())
        assert unbiased or min(values) >= -1e-15
    torch.testing.assert_close(means[0], exact, rtol=1e-12, atol=1e-14)
    assert means[1] > exact + 0.1


@pytest.mark.parametrize("kernel", KERNELS)
def test_kernels(kernel):
    """Of two single points at squared distance 5, width 2: 2 k(0) - 2 k(5)."""
    x, y = torch.tensor([[0.0, 0.0]], dtype=F64), torch.tensor([[1.0, 2.0]], dtype=F64)
    scales = (0.1, 0.2, 0.5, 1, 2, 5, 10)
    k = {
        "rbf": lambda d: math.exp(-d / 2),
        "imq": lambda d: 2 / (2 + d),
        "imq_scales": lambda d: sum(2 * s / (2 * s + d) for s in scales),
    }[kernel]
    found = squared_mmd(x, y, kernel=kernel, width=2.0, unbiased=False)
    assert found.item() == pytest.approx(2 * k(0) - 2 * k(5), rel=1e-13)


def test_the_rate_compares_latents_with_the_prior_and_scales_its_kernel_with_their_number():
    draw = torch.Generator().manual_seed(0)
    mean = 2 + torch.randn(300, 4, generator=draw, dtype=F64)
    term = MMD(weight=9.0, kernel="rbf", width=1.5)(make_pass(mean), context())["mmd"]
    prior = torch.randn(300, 4, generator=torch.Generator())  # as the rate draws it, in the prior's own precision
    expected = squared_mmd(mean, prior.double(), kernel="rbf", width=6.0, unbiased=True)
    torch.testing.assert_close(term.value, expected)
    assert term.value.item() == pytest.approx(closed_form(torch.full((4,), 2.0), 1.0, 6.0), abs=0.06)
    assert term.weight == 9.0


def test_one_image_is_compared_without_pairs():
    assert torch.isfinite(MMD()(make_pass(torch.ones(1, 2)), context())["mmd"].value)


def test_two_images_are_a_pair():
    """Of two points each: k(x1, x2) + k(y1, y2) less the mean of k(x, y), which for points far from the prior is 0."""
    apart = torch.tensor([[0.0, 100.0], [100.0, 0.0]], dtype=F64)
    prior = torch.randn(2, 2, generator=torch.Generator()).double()
    term = MMD(kernel="rbf", width=1.0)(make_pass(apart), context())["mmd"]
    assert term.value.item() == pytest.approx(math.exp(-(prior[0] - prior[1]).square().sum().item() / 2), rel=1e-5)
