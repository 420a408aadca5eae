"""Initial weights: their spread is the rule's, and a seed repeats them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from unbraid.nn.registry import decoders, encoders
from unbraid.randomness import seeded_construction


def layers(network: nn.Module, *kinds: type[nn.Module]) -> list[nn.Module]:
    return [layer for layer in network.modules() if isinstance(layer, kinds)]


def fans(layer: nn.Module) -> tuple[int, int]:
    """Numbers that go into one output of a layer, and that one input goes into; transposed convolutions counted alike."""
    cells = layer.weight[0, 0].numel()
    return layer.weight.shape[1] * cells, layer.weight.shape[0] * cells


def assert_spread(weight: torch.Tensor, deviation: float) -> None:
    """Mean 0 and the deviation, each within five standard errors (of a normal, whose are the larger ones)."""
    n = weight.numel()
    assert abs(weight.mean()) < 5 * deviation / n**0.5
    assert abs(weight.std() / deviation - 1) < 5 / (2 * n) ** 0.5


def assert_uniform(weight: torch.Tensor, bound: float) -> None:
    assert_spread(weight, bound / 3**0.5)
    assert weight.abs().max() <= bound


def made(registry, name, seed=0, **options):
    with seeded_construction(seed):
        return (
            registry[name].factory((1, 64, 64), 20, **options)
            if registry is encoders
            else registry[name].factory(10, (1, 64, 64), **options)
        )


ALL = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
BOTH = pytest.mark.parametrize("registry", [encoders, decoders], ids=["encoder", "decoder"])


@BOTH
def test_burgess_is_kaiming_uniform(registry):
    for layer in layers(made(registry, "burgess"), *ALL):
        assert_uniform(layer.weight, (6 / fans(layer)[0]) ** 0.5)


@BOTH
def test_higgins_is_kaiming_normal_or_normal(registry):
    for layer in layers(made(registry, "higgins"), nn.Conv2d, nn.Linear):
        assert_spread(layer.weight, (2 / fans(layer)[0]) ** 0.5)
        assert not layer.bias.any()
    for layer in layers(made(registry, "higgins", init="normal"), nn.Conv2d, nn.Linear):
        assert_spread(layer.weight, 0.02)
        assert not layer.bias.any()
    for layer in layers(made(registry, "higgins", init="normal"), nn.ConvTranspose2d):
        assert_uniform(layer.weight, fans(layer)[0] ** -0.5)
        assert layer.bias.all()


@BOTH
@pytest.mark.parametrize("name", ["locatello", "golla"])
def test_those_from_tensorflow_are_glorot_uniform(registry, name):
    for layer in layers(made(registry, name), *ALL):
        assert_uniform(layer.weight, (6 / sum(fans(layer))) ** 0.5)
        assert not layer.bias.any()


@BOTH
@pytest.mark.parametrize("name", ["mlp", "koller", "wang", "watters"])
def test_the_others_are_as_pytorch_sets_them(registry, name):
    for layer in layers(made(registry, name), *ALL):
        assert_uniform(layer.weight, fans(layer)[0] ** -0.5)
        assert layer.bias.abs().max() <= fans(layer)[0] ** -0.5


@BOTH
def test_a_seed_repeats_them_and_another_does_not(registry):
    for entry in registry:
        first, again, other = (made(registry, entry.name, seed).state_dict() for seed in (0, 0, 1))
        assert all(torch.equal(first[name], again[name]) for name in first)
        assert any(not torch.equal(first[name], other[name]) for name in first)
