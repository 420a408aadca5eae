"""The residual networks of Soft-IntroVAE: parameters counted by hand, the block by its formula, and running statistics."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import conv2d, leaky_relu

from unbraid.errors import IncompatibleParts
from unbraid.nn.registry import decoders, encoders
from unbraid.nn.residual import Residual
from unbraid.nn.running_statistics import frozen_running_stats
from unbraid.randomness import seeded_construction


def counted(network) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def block(inputs: int, outputs: int) -> int:
    """Two kernels without biases, a scale and a shift of each normalization, and a 1 x 1 kernel where the width changes."""
    return 9 * inputs * outputs + 9 * outputs * outputs + 4 * outputs + (inputs * outputs if inputs != outputs else 0)


ENCODERS = {
    28: 25 * 64 + 2 * 64 + block(64, 128) + block(128, 128) + 128 * 7 * 7 * 20 + 20,
    32: 25 * 64 + 2 * 64 + block(64, 128) + block(128, 256) + block(256, 256) + 256 * 4 * 4 * 20 + 20,
    64: 25 * 64 + 2 * 64 + block(64, 128) + block(128, 256) + block(256, 512) + block(512, 512) + 512 * 4 * 4 * 20 + 20,
    128: 25 * 64 + 2 * 64 + block(64, 128) + block(128, 256) + block(256, 512) + 2 * block(512, 512) + 512 * 16 * 20 + 20,
}
DECODERS = {
    28: 11 * 128 * 49 + block(128, 128) + block(128, 64) + block(64, 64) + 25 * 64 + 1,
    32: 11 * 256 * 16 + block(256, 256) + block(256, 128) + block(128, 64) + block(64, 64) + 25 * 64 + 1,
    64: 11 * 512 * 16 + block(512, 512) + block(512, 256) + block(256, 128) + block(128, 64) + block(64, 64) + 25 * 64 + 1,
    128: 11 * 512 * 16 + 2 * block(512, 512) + block(512, 256) + block(256, 128) + block(128, 64) + block(64, 64) + 25 * 64 + 1,
}


@pytest.mark.parametrize("size", [28, 32, 64, 128])
def test_parameters_are_those_counted_by_hand(size):
    with torch.device("meta"):
        assert counted(encoders["soft_intro"].factory((1, size, size), 20)) == ENCODERS[size]
        assert counted(decoders["soft_intro"].factory(10, (1, size, size))) == DECODERS[size]


@pytest.mark.parametrize("shape", [(1, 50, 50), (1, 32, 64), (3, 256, 256)])
def test_other_sizes_are_refused_in_words(shape):
    for registry, arguments in ((encoders, (shape, 20)), (decoders, (10, shape))):
        with pytest.raises(IncompatibleParts, match="28 x 28, 32 x 32, 64 x 64 or 128 x 128"):
            registry["soft_intro"].factory(*arguments)


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 3), (2, 5)])
def test_a_block_is_its_formula(inputs, outputs, generator):
    with seeded_construction(0):
        made = Residual(inputs, outputs).double()
    first, norm, _, second, other, *_ = made.change
    for layer in (norm, other):
        layer.weight.data.uniform_(0.5, 2, generator=generator)
        layer.bias.data.normal_(generator=generator)
    x = torch.randn(4, inputs, 6, 6, generator=generator, dtype=torch.float64)

    def normalized(y, layer):
        mean, variance = y.mean((0, 2, 3)), y.var((0, 2, 3), correction=0)
        scaled = (y - mean[:, None, None]) / (variance[:, None, None] + 1e-5).sqrt()
        return scaled * layer.weight[:, None, None] + layer.bias[:, None, None]

    inner = leaky_relu(normalized(conv2d(x, first.weight, padding=1), norm), 0.2)
    straight = x if inputs == outputs else conv2d(x, made.widen.weight)
    expected = leaky_relu(straight + normalized(conv2d(inner, second.weight, padding=1), other), 0.2)
    torch.testing.assert_close(made(x), expected)


def test_enlarging_repeats_pixels_and_nothing_squashes_the_output(generator):
    with seeded_construction(0):
        decoder = decoders["soft_intro"].factory(3, (1, 32, 32), width=0.25).eval()
    found = []
    for layer in decoder:
        if isinstance(layer, torch.nn.Upsample):
            layer.register_forward_hook(lambda module, inputs, output: found.append((inputs[0], output)))
    with torch.no_grad():
        decoder[-1].bias.add_(100)
        images = decoder(torch.randn(2, 3, generator=generator))
    assert images.min() > 50
    assert len(found) == 3
    for small, large in found:
        assert torch.equal(large, small.repeat_interleave(2, 2).repeat_interleave(2, 3))


def test_a_pass_that_is_not_remembered_gives_the_same_and_leaves_the_statistics(generator):
    with seeded_construction(0):
        network = encoders["soft_intro"].factory((1, 28, 28), 4, width=0.1)
    images = torch.rand(4, 1, 28, 28, generator=generator)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with frozen_running_stats(network):
        output = network(images)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    output.sum().backward()  # nothing it needs was put back
    assert torch.equal(network(images), output)
    assert any(not torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_statistics_are_used_as_ever_out_of_training(generator):
    with seeded_construction(0):
        network = encoders["soft_intro"].factory((1, 28, 28), 4, width=0.1)
    images = torch.rand(4, 1, 28, 28, generator=generator)
    network(images)
    network.eval()
    with frozen_running_stats(network):
        inside = network(images)
    assert torch.equal(inside, network(images))
    frozen = network[1]
    frozen.train()
    frozen.track_running_stats = False  # as somebody set it
    with frozen_running_stats(network):
        pass
    assert not frozen.track_running_stats
