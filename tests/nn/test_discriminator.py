"""FactorVAE's discriminator: its size, its layers, its initial weights, and its cache of activations."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from unbraid.nn.discriminator import ActivationCache, discriminator
from unbraid.randomness import seeded_construction


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_number_of_parameters():
    with torch.device("meta"):
        assert parameters(discriminator(10)) == 5_018_002  # six hidden layers of 1000, as published
        assert parameters(discriminator(10, layers=5)) == 4_017_002  # five, as two codes have it
        assert parameters(discriminator(3, layers=1, width=7)) == (3 * 7 + 7) + (7 * 2 + 2)


def test_hidden_layers_leak_a_fifth_and_logits_are_not_rectified():
    """With one weight 1 in each layer the first logit is 0.2^k z below zero and z above it."""
    with seeded_construction(0):
        network = discriminator(1, layers=3, width=1).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(1.0 if parameter.dim() == 2 else 0.0)
    logits = network(torch.tensor([[-5.0], [5.0]], dtype=torch.float64))
    torch.testing.assert_close(logits[:, 0], torch.tensor([-5 * 0.2**3, 5.0], dtype=torch.float64))


@pytest.mark.parametrize("layers", [1, 3])
def test_with_cached_rows_it_computes_what_it_would_of_all(layers, generator):
    """Logits and gradients of all rows, in any number of parts; no gradient reaches cached rows."""
    with seeded_construction(0):
        network = discriminator(3, layers=layers, width=5).double()
    parts = [torch.randn(n, 3, dtype=torch.float64, generator=generator).requires_grad_() for n in (4, 2, 3)]
    cache = ActivationCache()
    for number, part in enumerate(parts):
        logits = network(part, cache)
        assert logits.shape == (sum(map(len, parts[: number + 1])), 2)
    weights = torch.randn(9, 2, dtype=torch.float64, generator=generator)
    plain = network(torch.cat([part.detach() for part in parts[:2]] + [parts[2]]))
    torch.testing.assert_close(logits, plain)
    learned = [*network.parameters(), parts[2]]
    for found, expected in zip(
        *(torch.autograd.grad((made * weights).sum(), learned) for made in (logits, plain)), strict=True
    ):
        torch.testing.assert_close(found, expected)
    before = torch.autograd.grad(network(parts[2], cache).sum(), parts[:2], allow_unused=True)
    assert before == (None, None)


def test_the_cache_works_in_half_precision(generator):
    with seeded_construction(0):
        network = discriminator(3, layers=2, width=8)
    first, second = torch.randn(2, 16, 3, generator=generator)
    cache = ActivationCache()
    with torch.autocast("cpu", torch.bfloat16):
        network(first, cache)
        made, plain = network(second, cache), network(torch.cat([first, second]))
    assert made.dtype == torch.bfloat16
    assert torch.equal(made, plain)
    learned = list(network.parameters())
    for found, expected in zip(
        *(torch.autograd.grad(one.float().square().sum(), learned) for one in (made, plain)), strict=True
    ):
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, expected, rtol=0.02, atol=0.02)


def test_cached_rows_are_not_computed_again_and_no_gradient_that_nobody_uses(generator):
    """By count: a pass of the new rows; for all rows gradients of weights, and of data but below the first layer."""
    with seeded_construction(0):
        network = discriminator(3, layers=2, width=5)
    first, second = torch.randn(4, 3, generator=generator), torch.randn(2, 3, generator=generator)
    cache = ActivationCache()
    network(first, cache)
    a_row = 2 * (3 * 5 + 5 * 5 + 5 * 2)
    with FlopCounterMode(display=False) as passing:
        logits = network(second, cache)
    assert passing.get_total_flops() == 2 * a_row
    with FlopCounterMode(display=False) as learning:
        logits.sum().backward()
    assert learning.get_total_flops() == 6 * (2 * a_row - 2 * 3 * 5)


@pytest.mark.parametrize(
    ("initialization", "variance"),
    [
        ("kaiming", 2 / 400),
        ("glorot", 2 / (400 + 400)),
        ("torch", 1 / (3 * 400)),
    ],
)
def test_initial_weights(initialization, variance):
    with seeded_construction(0):
        network = discriminator(10, layers=2, width=400, initialization=initialization)
    weights = network[2].weight
    assert weights.var().item() == pytest.approx(variance, rel=0.02)
    uniform = weights.abs().max() < 2 * variance**0.5
    assert uniform == (initialization != "kaiming")
    assert (not network[2].bias.any()) == (initialization in ("kaiming", "glorot"))


def test_kaiming_keeps_the_scale_of_the_gradient_that_reaches_the_codes(generator):
    """Through six layers of 256: of the order of the last layer's weights; with PyTorch's weights a hundredth of it or less."""
    z = torch.randn(64, 10, generator=generator, requires_grad=True)
    scales = {}
    for initialization in ("kaiming", "torch"):
        with seeded_construction(0):
            network = discriminator(10, layers=6, width=256, initialization=initialization)
        drawn, permuted = network(z).unbind(1)
        (gradient,) = torch.autograd.grad((drawn - permuted).sum(), z)
        scales[initialization] = gradient.norm(dim=1).mean().item()
    assert 0.5 < scales["kaiming"] < 5
    assert scales["torch"] < 0.01 * scales["kaiming"]
