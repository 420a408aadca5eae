"""Columns of Jacobians, against linear maps and finite differences."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from unbraid.nn.fast.allowed import allow_fast_kernels, fast_kernels_allowed, plain_layers
from unbraid.nn.fast.stack import Stack
from unbraid.nn.jacobian import jacobian_columns
from unbraid.nn.registry import decoders
from unbraid.nn.running_statistics import frozen_running_stats
from unbraid.randomness import seeded_construction

F64 = torch.float64


def test_columns_of_a_linear_map_are_its_weights():
    weights = torch.arange(12, dtype=F64).reshape(4, 3)
    found = jacobian_columns(lambda z: (z @ weights.T).reshape(-1, 2, 2), torch.zeros(5, 3, dtype=F64), [2, 0])
    torch.testing.assert_close(found, weights.T[[2, 0]].expand(5, 2, 4))


def test_columns_of_a_curved_map_are_those_of_reverse_mode():
    z = torch.linspace(-1, 1, 6, dtype=F64).reshape(2, 3)

    def function(z):
        return torch.stack([z[:, 0] * z[:, 1], z[:, 2].sin(), z[:, 0].exp()], dim=1)

    found = jacobian_columns(function, z, range(3))
    for i in range(2):
        wanted = torch.autograd.functional.jacobian(lambda own: function(own[None])[0], z[i])
        torch.testing.assert_close(found[i].T, wanted)


@pytest.mark.parametrize("entry", list(decoders), ids=lambda entry: entry.name)
def test_every_decoder_has_columns_and_their_gradients(entry):
    """With and without gradients, in the training loop or not: plain layers run where fast ones have no such derivative."""
    size = 28 if entry.name == "koller" else 64
    with seeded_construction(0):
        network = entry.factory(3, (1, size, size)).eval()
        z = torch.randn(2, 3)

    def decode(z):
        with plain_layers(), frozen_running_stats(network):
            return network(z)

    with allow_fast_kernels():
        columns = jacobian_columns(decode, z, [1])
        gradients = torch.autograd.grad(columns.square().sum(), list(network.parameters()), allow_unused=True)
    assert any(one is not None and one.abs().max() > 0 for one in gradients)
    with torch.no_grad():
        step = torch.zeros_like(z)
        step[:, 1] = 1e-3
        torch.testing.assert_close(jacobian_columns(decode, z, [1]), columns)
        slope = (network(z + step) - network(z - step)).flatten(1) / 2e-3
    assert (slope - columns[:, 0]).norm() < 0.05 * slope.norm()


def test_running_statistics_stay_as_they_are():
    with seeded_construction(0):
        network = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4)).train()
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}

    def decode(z):
        with frozen_running_stats(network):
            return network(z)

    columns = jacobian_columns(decode, torch.randn(6, 3, generator=torch.Generator().manual_seed(0)), [0, 1])
    columns.square().sum().backward()
    for name, buffer in network.named_buffers():
        torch.testing.assert_close(buffer, before[name])


def test_plain_layers_are_for_derivatives_even_without_gradients():
    with seeded_construction(0):
        network, x = Stack(nn.Conv2d(1, 1, 3)), torch.zeros(1, 1, 4, 4)
    with torch.no_grad():
        assert fast_kernels_allowed(network, x)
        with plain_layers():
            assert not fast_kernels_allowed(network, x)
        assert fast_kernels_allowed(network, x)
    assert not fast_kernels_allowed(network, x)
    with allow_fast_kernels():
        assert fast_kernels_allowed(network, x)
        with plain_layers():
            assert not fast_kernels_allowed(network, x)
