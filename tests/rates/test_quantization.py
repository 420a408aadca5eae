from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from helpers.passes import context, make_pass
from unbraid.distributions.posteriors.quantized import QuantizedHead
from unbraid.errors import IncompatibleParts
from unbraid.options import options_of
from unbraid.rates.quantization import Quantization
from unbraid.terms import Pass

PIXELS = 2 * 4 * 4
"""Of the images of `make_pass`."""


def quantized_pass(continuous: torch.Tensor, head: QuantizedHead) -> Pass:
    posterior = head(continuous)
    return replace(make_pass(continuous.detach()), posterior=posterior, z=posterior.mean)


def head_of(*values: float, latents: int = 1) -> QuantizedHead:
    head = QuantizedHead(latents, len(values)).double()
    with torch.no_grad():
        head.values.copy_(torch.tensor(values, dtype=torch.float64))
    return head


def loss(rate: Quantization, made: Pass) -> torch.Tensor:
    return sum(term.weight * term.mean for term in rate(made, context()).values())


def test_by_hand():
    """Numbers 0.3 and 2 beside values 0 and 1: distances 0.3 and 1, and for the second image 0.4 and 0."""
    made = quantized_pass(torch.tensor([[0.3, 2.0], [0.6, 1.0]]).double(), head_of(0.0, 1.0, latents=2))
    terms = Quantization(0.02, 0.05)(made, context())
    assert terms.keys() == {"quantization_codebook", "quantization_commitment"}
    for term in terms.values():
        torch.testing.assert_close(term.value, torch.tensor([1.09, 0.16]).double())
    # 32 values an image and 2 latents: N / M = 16
    assert [term.weight for term in terms.values()] == pytest.approx([0.32, 0.8])


def test_it_is_the_published_loss_times_the_number_of_pixels(generator):
    head, c = QuantizedHead(5).double(), torch.randn(8, 5, generator=generator, dtype=torch.float64)
    made = quantized_pass(c, head)
    q = made.posterior.value
    published = (0.01 * (c - q).square().mean(1) + 0.03 * (c - q).square().mean(1)).mean()
    torch.testing.assert_close(loss(Quantization(0.01, 0.03), made), PIXELS * published)


def test_gradients_are_those_of_the_two_stops(generator):
    """The first moves the codebook towards the numbers that chose it, the second the numbers; neither moves the other."""
    c = torch.tensor([[0.2], [-0.4], [0.9]], dtype=torch.float64, requires_grad=True)
    head = head_of(0.0, 1.0, 9.0)
    made = quantized_pass(c, head)
    moved = {}
    for weights in ((0.01, 0.0), (0.0, 0.01)):
        moved[weights] = torch.autograd.grad(
            loss(Quantization(*weights), made), (c, head.values), retain_graph=True, allow_unused=True, materialize_grads=True
        )
    scale = 0.01 * PIXELS * 2 / 3  # weight, N / M for one latent, and the mean over three images
    of_c, of_values = moved[0.01, 0.0]
    assert not of_c.any()
    torch.testing.assert_close(of_values, scale * torch.tensor([[-(0.2 - 0.4), -(0.9 - 1), 0.0]]).double())
    of_c, of_values = moved[0.0, 0.01]
    assert not of_values.any()
    torch.testing.assert_close(of_c, scale * torch.tensor([[0.2], [-0.4], [-0.1]]).double())


def test_codes_on_their_values_cost_nothing_and_pull_nowhere():
    c = torch.tensor([[0.0], [1.0]], dtype=torch.float64, requires_grad=True)
    value = loss(Quantization(1.0, 1.0), quantized_pass(c, head_of(0.0, 1.0)))
    value.backward()
    assert value == 0
    assert not c.grad.any()


def test_a_weight_of_0_is_not_learned_from():
    made = quantized_pass(torch.full((2, 1), 0.3).double(), head_of(0.0, 1.0))
    assert [term.learns for term in Quantization(0.0, 0.01)(made, context()).values()] == [False, True]


def test_it_has_a_value_for_each_image_and_its_options_say_what_they_take():
    assert Quantization().per_sample
    assert {name: spec.option.ge for name, spec in options_of(Quantization).items()} == {
        "codebook_weight": 0,
        "commitment_weight": 0,
    }


def test_other_posteriors_are_refused():
    with pytest.raises(IncompatibleParts, match="needs a quantized posterior, not DiagonalNormal"):
        Quantization()(make_pass(torch.zeros(2, 3)), context())
