"""The critic of FactorVAE: its size, and what stands between its layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from unbraid.nn.critic import Seen, critic
from unbraid.randomness import seeded_construction


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_number_of_parameters():
    with torch.device("meta"):
        assert parameters(critic(10)) == 5_018_002  # six hidden layers of 1000, as published
        assert parameters(critic(10, layers=5)) == 4_017_002  # five, as two codes have it
        assert parameters(critic(3, layers=1, width=7)) == (3 * 7 + 7) + (7 * 2 + 2)


def test_hidden_layers_leak_a_fifth_and_logits_are_not_rectified():
    """With one weight 1 in each layer the first logit is 0.2^k z below zero and z above it."""
    with seeded_construction(0):
        network = critic(1, layers=3, width=1).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(1.0 if parameter.dim() == 2 else 0.0)
    logits = network(torch.tensor([[-5.0], [5.0]], dtype=torch.float64))
    torch.testing.assert_close(logits[:, 0], torch.tensor([-5 * 0.2**3, 5.0], dtype=torch.float64))


@pytest.mark.parametrize("layers", [1, 3])
def test_going_on_from_codes_seen_before_is_seeing_all(layers, generator):
    """Logits and gradients of all rows, in any number of parts; nothing goes back to what was seen before."""
    with seeded_construction(0):
        network = critic(3, layers=layers, width=5).double()
    parts = [torch.randn(n, 3, dtype=torch.float64, generator=generator).requires_grad_() for n in (4, 2, 3)]
    seen = Seen()
    for number, part in enumerate(parts):
        logits = network(part, seen)
        assert logits.shape == (sum(map(len, parts[: number + 1])), 2)
    weights = torch.randn(9, 2, dtype=torch.float64, generator=generator)
    plain = network(torch.cat([part.detach() for part in parts[:2]] + [parts[2]]))
    torch.testing.assert_close(logits, plain)
    learned = [*network.parameters(), parts[2]]
    for found, expected in zip(
        *(torch.autograd.grad((made * weights).sum(), learned) for made in (logits, plain)), strict=True
    ):
        torch.testing.assert_close(found, expected)
    before = torch.autograd.grad(network(parts[2], seen).sum(), parts[:2], allow_unused=True)
    assert before == (None, None)


def test_going_on_works_in_half_precision(generator):
    with seeded_construction(0):
        network = critic(3, layers=2, width=8)
    first, second = torch.randn(2, 16, 3, generator=generator)
    seen = Seen()
    with torch.autocast("cpu", torch.bfloat16):
        network(first, seen)
        made, plain = network(second, seen), network(torch.cat([first, second]))
    assert made.dtype == torch.bfloat16
    assert torch.equal(made, plain)
    learned = list(network.parameters())
    for found, expected in zip(
        *(torch.autograd.grad(one.float().square().sum(), learned) for one in (made, plain)), strict=True
    ):
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, expected, rtol=0.02, atol=0.02)


def test_going_on_computes_what_is_new_and_no_gradient_that_nobody_uses(generator):
    """By count: a pass of the new rows; for all rows gradients of weights, and of data but below the first layer."""
    with seeded_construction(0):
        network = critic(3, layers=2, width=5)
    first, second = torch.randn(4, 3, generator=generator), torch.randn(2, 3, generator=generator)
    seen = Seen()
    network(first, seen)
    a_row = 2 * (3 * 5 + 5 * 5 + 5 * 2)
    with FlopCounterMode(display=False) as passing:
        logits = network(second, seen)
    assert passing.get_total_flops() == 2 * a_row
    with FlopCounterMode(display=False) as learning:
        logits.sum().backward()
    assert learning.get_total_flops() == 6 * (2 * a_row - 2 * 3 * 5)
