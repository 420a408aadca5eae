"""The critic of FactorVAE: its size, and what stands between its layers."""

from __future__ import annotations

import torch
from torch import nn

from unbraid.nn.critic import critic
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
