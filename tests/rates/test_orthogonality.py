"""The penalty on the decoder's Jacobian, on linear decoders."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from helpers.passes import context, make_pass
from unbraid.distributions.likelihoods.gaussian import Gaussian
from unbraid.rates.orthogonality import Orthogonality, squared_cosines
from unbraid.terms import Pass

F64 = torch.float64


class Plain(Gaussian):
    """Whose images are the decoder's output."""

    def mean(self, output: torch.Tensor) -> torch.Tensor:
        return output


def linear(weights: torch.Tensor, n: int = 3) -> Pass:
    """A pass through the decoder W z, whose image is its output."""
    z = torch.linspace(-1, 1, n * weights.shape[1], dtype=F64).reshape(n, weights.shape[1])
    return replace(make_pass(z), likelihood=Plain(), decode=lambda z: (z @ weights.T).reshape(len(z), 1, 1, -1))


def overlap(weights: torch.Tensor, **options: object) -> torch.Tensor:
    rate = Orthogonality(1.0, columns=0, **options)
    return rate(linear(weights), context())["column_overlap"].value


def turned(long: float, short: float, angle: float) -> torch.Tensor:
    """Columns of two lengths, turned in the plane of the two latents."""
    c, s = math.cos(angle), math.sin(angle)
    return torch.diag(torch.tensor([long, short], dtype=F64)) @ torch.tensor([[c, -s], [s, c]], dtype=F64)


def test_orthogonal_columns_of_any_length_score_0():
    assert overlap(torch.diag(torch.tensor([3.0, 1e-9, 7.0], dtype=F64))).abs().max() == 0
    assert overlap(turned(1.0, 1.0, 0.3)).abs().max() < 1e-15  # nor is a turn of equal columns seen


@pytest.mark.parametrize("angle", [0.2, 0.7, math.pi / 4])
def test_turned_latents_of_unequal_columns(angle):
    a, b = 9.0, 1.0  # squared lengths
    c, s = math.cos(angle) ** 2, math.sin(angle) ** 2
    exact = (a - b) ** 2 * c * s / ((a * c + b * s) * (a * s + b * c))
    torch.testing.assert_close(overlap(turned(3.0, 1.0, angle)), torch.full((3,), exact, dtype=F64))


def test_copies_score_1_and_a_column_of_zeros_0():
    column = torch.tensor([1.0, 2.0, -1.0], dtype=F64)
    torch.testing.assert_close(overlap(torch.stack([column, -4 * column], 1)), torch.ones(3, dtype=F64))
    assert overlap(torch.stack([column, 0 * column], 1)).abs().max() == 0


def test_the_scale_of_a_latent_does_not_matter():
    weights = torch.randn(5, 4, dtype=F64, generator=torch.Generator().manual_seed(0))
    scaled = weights * torch.tensor([1.0, 1e3, 1e-5, -2.0], dtype=F64)
    torch.testing.assert_close(overlap(weights), overlap(scaled))
    assert overlap(scaled, definition="wei2021")[0] > 1e3 * overlap(weights, definition="wei2021")[0]


def test_published_penalty_is_the_sum_of_squared_off_diagonal_entries():
    weights = torch.randn(5, 4, dtype=F64, generator=torch.Generator().manual_seed(1))
    gram = weights.T @ weights
    exact = gram.square().sum() - gram.diagonal().square().sum()
    torch.testing.assert_close(overlap(weights, definition="wei2021"), exact.expand(3))


def test_mean_over_drawn_latents_is_that_of_all():
    weights = torch.randn(5, 4, dtype=F64, generator=torch.Generator().manual_seed(2))
    noise = context()
    drawn = [Orthogonality(columns=2)(linear(weights, 1), noise)["column_overlap"].value.item() for _ in range(300)]
    assert sum(drawn) / 300 == pytest.approx(overlap(weights)[0].item(), abs=0.05)
    assert len({round(one, 9) for one in drawn}) == 6  # all pairs of four


def test_gradient_turns_columns_apart():
    weights = torch.tensor([[1.0, 0.6], [0.0, 0.8]], dtype=F64, requires_grad=True)  # cosine 0.6
    term = Orthogonality(5.0, columns=0)(linear(weights), context())["column_overlap"]
    assert term.mean.item() == pytest.approx(0.36)
    (term.weight * term.mean).backward()
    # d cos^2 / d(second column) = 2 cos (u - cos v) for unit columns u, v; of the first with u and v exchanged
    first, second = weights.detach().T
    torch.testing.assert_close(weights.grad[:, 1], 5 * 2 * 0.6 * (first - 0.6 * second))
    torch.testing.assert_close(weights.grad[:, 0], 5 * 2 * 0.6 * (second - 0.6 * first))


def test_descent_makes_columns_orthogonal():
    weights = torch.randn(6, 3, dtype=F64, generator=torch.Generator().manual_seed(3)).requires_grad_()
    optimizer = torch.optim.SGD([weights], lr=0.3)
    for _ in range(150):
        optimizer.zero_grad()
        overlap(weights).mean().backward()
        optimizer.step()
    assert overlap(weights).max() < 1e-4


def test_tiny_columns_keep_their_angle():
    columns = torch.tensor([[[1.0, 0.0], [1.0, 1.0]]]) * torch.tensor([1e-15, 1e-12])[None, :, None]
    assert squared_cosines(columns).item() == pytest.approx(0.5)


@pytest.mark.parametrize("length", [1e-18, 1e-21, 1e-30, 1e-40, 0.0])
def test_columns_that_have_no_length_in_single_precision_are_harmless(length):
    columns = torch.tensor([[[1.0, 0.0], [1.0, 1.0], [length, length]]], requires_grad=True)
    found = squared_cosines(columns)
    found.backward()
    assert found.item() <= 1
    assert columns.grad.isfinite().all()


def test_a_lone_latent_overlaps_with_none():
    assert overlap(torch.ones(4, 1, dtype=F64)).tolist() == [0.0, 0.0, 0.0]
