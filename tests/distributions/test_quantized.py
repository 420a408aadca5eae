from __future__ import annotations

import copy
import math
from itertools import product

import pytest
import torch

from unbraid.distributions.posteriors.diagonal_normal import DiagonalNormalHead
from unbraid.distributions.posteriors.quantized import Quantized, QuantizedHead
from unbraid.distributions.priors.codebook import CodebookPrior
from unbraid.distributions.priors.standard_normal import StandardNormal
from unbraid.distributions.protocols import FollowingPrior, Quantizer
from unbraid.errors import IncompatibleParts, UsageError


def head_with(values: list[list[float]]) -> QuantizedHead:
    head = QuantizedHead(len(values), len(values[0])).double()
    with torch.no_grad():
        head.values.copy_(torch.tensor(values, dtype=torch.float64))
    return head


def prior_of(head: QuantizedHead) -> CodebookPrior:
    prior = CodebookPrior(head.n_params)
    prior.follow(head)
    return prior


def numbers(n: int, latents: int, generator: torch.Generator) -> torch.Tensor:
    return torch.randn(n, latents, generator=generator, dtype=torch.float64)


def test_codebooks_begin_evenly_spaced_between_minus_and_plus_a_half():
    head = QuantizedHead(3)
    assert head.n_params == 3
    expected = [[-0.5 + i / 9 for i in range(10)]] * 3
    torch.testing.assert_close(head.codebooks, torch.tensor(expected))
    assert QuantizedHead(1, values=2).codebooks.tolist() == [[-0.5, 0.5]]


def test_each_number_goes_to_the_nearest_value_of_its_own_codebook(generator):
    books = numbers(3, 5, generator).tolist()
    c = numbers(40, 3, generator)
    q = head_with(books)(c)
    for row, found in zip(c.tolist(), q.mean.tolist(), strict=True):
        assert found == [min(book, key=lambda value: abs(x - value)) for x, book in zip(row, books, strict=True)]
    assert len(set(q.mean[:, 0].tolist())) > 2


def test_ties_and_copies_go_to_the_first_value_and_the_far_away_to_the_ends():
    q = head_with([[1.0, -1.0, 3.0, 3.0]])(torch.tensor([[0.0], [2.0], [3.0], [-1e6], [1e6]]).double())
    assert q.mean.flatten().tolist() == [1, 1, 3, -1, 3]
    head = head_with([[1.0, -1.0, 3.0, 3.0]])
    value = head(torch.tensor([[0.0], [2.0], [3.0]]).double()).value.sum()
    (gradient,) = torch.autograd.grad(value, head.values)
    assert gradient.tolist() == [[2, 0, 1, 0]]


def test_the_order_of_a_codebook_does_not_matter(generator):
    books, c = numbers(2, 6, generator), numbers(30, 2, generator)
    order = torch.randperm(6, generator=generator)
    one, other = head_with(books.tolist()), head_with(books[:, order].tolist())
    assert torch.equal(one(c).mean, other(c).mean)
    assert torch.equal(prior_of(one).log_prob(one(c).mean), prior_of(other).log_prob(one(c).mean))


def test_the_mean_passes_gradients_straight_to_the_encoder_and_none_to_the_codebooks(generator):
    head, c = head_with([[-1.0, 0.0, 2.0], [0.1, 0.2, 0.3]]), numbers(7, 2, generator).requires_grad_()
    weights = numbers(7, 2, generator)
    for latents in (head(c).mean, head(c).sample(generator)):
        gradients = torch.autograd.grad((weights * latents).sum(), (c, head.values), allow_unused=True)
        assert torch.equal(gradients[0], weights)
        assert gradients[1] is None


def test_values_pass_gradients_to_their_entries_alone(generator):
    head, c = head_with([[-1.0, 0.0, 2.0]]), torch.tensor([[-0.9], [1.5], [7.0]]).double().requires_grad_()
    weights = torch.tensor([[2.0], [3.0], [5.0]]).double()
    gradients = torch.autograd.grad((weights * head(c).value).sum(), (c, head.values), allow_unused=True)
    assert gradients[0] is None
    assert gradients[1].tolist() == [[2, 0, 8]]


def test_nothing_is_drawn_and_values_are_exact_in_float32(generator):
    head = QuantizedHead(4)
    state = generator.get_state()
    q = head(1e4 * torch.randn(50, 4, generator=torch.Generator().manual_seed(1)).requires_grad_())
    assert torch.equal(q.sample(generator), q.mean)
    assert torch.equal(generator.get_state(), state)
    assert (q.mean[:, :, None] == head.codebooks).any(2).all()
    assert not q.variance.any()
    half = head(torch.zeros(2, 4, dtype=torch.bfloat16))
    assert half.mean.dtype == half.continuous.dtype == torch.float32


def test_numbers_that_are_not_finite_stay_visible():
    assert head_with([[0.0, 1.0]])(torch.tensor([[math.nan], [math.inf]]).double()).mean.isnan().all()


def test_probabilities_add_up_to_one_over_the_grid():
    head = head_with([[0.0, 1.0, 2.0], [5.0, 5.0, 7.0]])
    prior, q = prior_of(head), head(torch.tensor([[0.9, 6.9]]).double())
    points = torch.tensor(list(product((0.0, 1.0, 2.0), (5.0, 7.0)))).double()
    torch.testing.assert_close(prior.log_prob(points).exp(), torch.tensor([2.0, 1, 2, 1, 2, 1]).double() / 9)
    each = torch.cat([q.log_prob(point[None]).exp() for point in points])
    assert each.tolist() == [0, 0, 0, 1, 0, 0]
    assert prior.log_prob(points + 0.1).tolist() == [-math.inf] * 6
    # KL = E_q[log q - log p] over the whole grid
    direct = sum(p * (math.log(p) - prior.log_prob(z[None])) for p, z in zip(each.tolist(), points, strict=True) if p)
    torch.testing.assert_close(q.kl(prior), direct)


def test_the_kl_is_the_logarithm_of_the_number_of_codes_whatever_the_image(generator):
    head = QuantizedHead(3, values=7).double()
    q = head(numbers(9, 3, generator))
    torch.testing.assert_close(q.kl(prior_of(head)), torch.full((9,), 3 * math.log(7)).double())
    assert q.kl_per_dim(prior_of(head)) is None


def test_what_makes_no_sense_is_refused():
    q = QuantizedHead(2)(torch.zeros(1, 2))
    with pytest.raises(IncompatibleParts, match="prior codebook, not against StandardNormal"):
        q.kl(StandardNormal(2))
    with pytest.raises(IncompatibleParts, match=r"a posterior that has codebooks \(quantized\), not with DiagonalNormalHead"):
        CodebookPrior(2).follow(DiagonalNormalHead(2))
    with pytest.raises(UsageError, match="has no values yet"):
        CodebookPrior(2).sample(1, torch.Generator())


def test_draws_from_the_prior_take_every_value_equally_often(generator):
    head = head_with([[0.0, 1.0, 3.0], [10.0, 20.0, 40.0]])
    z = prior_of(head).sample(9000, generator)
    shares = [((z[:, 0] == a) & (z[:, 1] == b)).double().mean() for a, b in product((0, 1, 3), (10, 20, 40))]
    assert sum(shares) == pytest.approx(1)
    assert shares == pytest.approx([1 / 9] * 9, abs=5 * math.sqrt(8 / 81 / 9000))
    assert torch.equal(z[:5], prior_of(head).sample(9000, torch.Generator().manual_seed(0))[:5])


def test_the_prior_follows_what_the_head_learns_and_owns_nothing():
    head = QuantizedHead(2)
    pair = torch.nn.ModuleList([head, prior_of(head)])
    assert [name for name, _ in pair.named_parameters()] == ["0.values"] == list(pair.state_dict())
    twin = copy.deepcopy(pair)
    with torch.no_grad():
        head.values.fill_(3.0)
    assert (pair[1].sample(4, torch.Generator()) == 3).all()
    assert (twin[1].sample(4, torch.Generator()).abs() <= 0.5).all()  # a copy follows its own head
    assert not pair[1].codebooks.requires_grad
    moved = pair.to(torch.float64)
    assert moved[1].codebooks.dtype == torch.float64


def test_heads_and_priors_are_what_they_are_asked_for():
    assert isinstance(QuantizedHead(1), Quantizer)
    assert isinstance(CodebookPrior(1), FollowingPrior)
    assert not isinstance(DiagonalNormalHead(1), Quantizer)
    assert not isinstance(StandardNormal(1), FollowingPrior)


def test_nearest_moves_latents_and_has_no_gradient():
    head = head_with([[-1.0, 1.0], [0.0, 4.0]])
    found = head.nearest(torch.tensor([[0.2, 1.9], [-5.0, 2.1]]).double())
    assert found.tolist() == [[1, 0], [-1, 4]]
    assert not found.requires_grad


def test_batches_join(generator):
    head, c = QuantizedHead(2), torch.randn(6, 2, generator=generator)
    joined = Quantized.cat([head(c[:4]), head(c[4:])])
    assert torch.equal(joined.mean, head(c).mean)
    assert torch.equal(joined.continuous, c)
