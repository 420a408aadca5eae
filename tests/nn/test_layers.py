"""The runs of layers that networks share: padding against cases by hand, halvings, what stands between learned layers."""

from __future__ import annotations

import itertools
import warnings

import pytest
import torch
from torch import nn

from unbraid.nn.layers import halvings, pyramid, same_convolution, same_halving, same_padding
from unbraid.nn.registry import decoders, encoders
from unbraid.randomness import seeded_construction

LEARNED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def ones(kernel: int, size: tuple[int, int], stride: int) -> nn.Sequential:
    """A convolution that sums what is under it."""
    with seeded_construction(0):
        network = nn.Sequential(*same_convolution(1, 1, kernel, size, stride))
    nn.init.ones_(network[-1].weight)
    nn.init.zeros_(network[-1].bias)
    return network


@torch.no_grad()
def test_same_padding_by_hand():
    image = torch.arange(1.0, 10).reshape(1, 1, 3, 3)
    # 2 x 2 at stride 2 over 3 x 3: one row and one column of zeros, after
    assert ones(2, (3, 3), 2)(image).flatten().tolist() == [1 + 2 + 4 + 5, 3 + 6, 7 + 8, 9]
    # 4 x 4 at stride 2 over 4 x 4: one row of zeros on each side, three rows of the image under each window
    assert ones(4, (4, 4), 2)(torch.ones(1, 1, 4, 4)).flatten().tolist() == [9, 9, 9, 9]
    # over seven rows: one before and two after; windows hold 3, 4, 4 and 2 rows
    rows = torch.tensor([3.0, 4, 4, 2])
    assert torch.equal(ones(4, (7, 7), 2)(torch.ones(1, 1, 7, 7))[0, 0], rows[:, None] * rows)
    # height and width are not mixed up
    assert ones(2, (2, 3), 2)(image[:, :, :2]).flatten().tolist() == [1 + 2 + 4 + 5, 3 + 6]


def test_same_padding_of_even_kernels_has_the_extra_pixel_after():
    assert [same_padding(64, kernel) for kernel in (3, 4, 5)] == [(1, 1), (1, 2), (2, 2)]
    assert same_padding(64, 4, stride=2) == (1, 1)
    assert same_padding(64, 2, stride=2) == (0, 0)


@pytest.mark.parametrize("kernel", [2, 3, 4, 5])
@torch.no_grad()
def test_at_stride_1_it_is_what_pytorch_calls_same(kernel, generator):
    images = torch.randn(2, 3, 6, 9, generator=generator)
    with seeded_construction(1):
        ours = nn.Sequential(*same_convolution(3, 4, kernel, (6, 9)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns that it pads even kernels by a copy
        theirs = nn.functional.conv2d(images, ours[-1].weight, ours[-1].bias, padding="same")
    torch.testing.assert_close(ours(images), theirs)


def test_halves_are_rounded_up():
    with seeded_construction(0):
        layers, left = same_halving((1, 2, 3, 4), (4, 2, 4), (28, 50))
    assert left == (4, 7)
    assert nn.Sequential(*layers)(torch.zeros(1, 1, 28, 50)).shape == (1, 4, 4, 7)


def test_pyramids_end_at_four():
    assert [halvings(size) for size in (32, 64, 128)] == [3, 4, 5]
    assert pyramid((3, 64, 64), (5, 6, 7, 8, 9)) == [3, 5, 6, 7, 8]


@pytest.mark.parametrize("size", [28, 32, 64])
@pytest.mark.parametrize("registry", [encoders, decoders], ids=["encoders", "decoders"])
def test_an_activation_stands_between_learned_layers_and_none_at_the_end(registry, size):
    for entry in registry:
        if entry.name == "soft_intro":  # residual: sums and norms stand between, see test_soft_intro.py
            continue
        shape = (1, size, size)
        try:
            with seeded_construction(0):
                network = entry.factory(shape, 6) if registry is encoders else entry.factory(3, shape)
        except ValueError:
            continue
        leaves = [layer for layer in network.modules() if not list(layer.children())]
        kinds = [
            "learned" if isinstance(leaf, LEARNED) else "active"
            for leaf in leaves
            if isinstance(leaf, (*LEARNED, nn.ReLU, nn.Tanh))
        ]
        assert kinds == ["learned", "active"] * (len(kinds) // 2) + ["learned"], entry.name


def at_flatten(network: nn.Sequential) -> int:
    return next(i for i, layer in enumerate(network) if isinstance(layer, (nn.Flatten, nn.Unflatten)))


@pytest.mark.parametrize(
    ("name", "stride"), [("burgess", 16), ("locatello", 16), ("golla", 8), ("koller", 8), ("wang", 16), ("watters", 16)]
)
@torch.no_grad()
def test_images_moved_by_the_stride_move_the_features_of_encoders_by_one(name, stride, generator):
    with seeded_construction(0):
        network = encoders[name].factory((1, 64, 64), 6)
    convolutions = network[: at_flatten(network)]
    image = torch.randn(1, 1, 16 * stride, 16 * stride, generator=generator)
    features, moved = convolutions(image), convolutions(image.roll(stride, dims=3))
    inside = slice(5, -5)  # clear of the borders, where zeros come in
    torch.testing.assert_close(moved[..., inside, 5:-5], features[..., inside, 4:-6])
    assert not torch.allclose(moved[..., inside, 5:-5], features[..., inside, 5:-5])


@pytest.mark.parametrize(
    ("name", "stride"),
    [("burgess", 16), ("higgins", 16), ("locatello", 16), ("golla", 8), ("koller", 8), ("wang", 16), ("watters", 32)],
)
@torch.no_grad()
def test_a_grid_moved_by_one_moves_the_images_of_decoders_by_the_stride(name, stride, generator):
    with seeded_construction(0):
        network = decoders[name].factory(6, (1, 64, 64))
    start = at_flatten(network) + 1
    if name == "higgins":  # begins with 4 x 4 out of 1 x 1
        start += 2
    upward = network[start:]
    grid = torch.randn(1, upward[1 if name == "koller" else 0].in_channels, 14, 14, generator=generator)
    image, moved = upward(grid), upward(grid.roll(1, dims=3))
    inside = slice(5 * stride, -5 * stride)
    torch.testing.assert_close(moved[..., inside, 5 * stride : -5 * stride], image[..., inside, 4 * stride : -6 * stride])
    assert image.std() > 0


def test_the_layers_of_burgess_keep_their_names():
    """Saved models know them by these."""
    with seeded_construction(0):
        encoder, decoder = encoders["burgess"].factory((1, 64, 64), 20), decoders["burgess"].factory(10, (1, 64, 64))
    for network, positions in ((encoder, (0, 2, 4, 6, 9, 11, 13)), (decoder, (0, 2, 4, 7, 9, 11, 13))):
        assert list(network.state_dict()) == [f"{i}.{kind}" for i, kind in itertools.product(positions, ("weight", "bias"))]


def test_enlargings_repeat_pixels_and_poolings_keep_the_largest():
    with seeded_construction(0):
        encoder, decoder = encoders["koller"].factory((1, 28, 28), 6), decoders["koller"].factory(3, (1, 28, 28))
    (first, *_) = (layer for layer in encoder if isinstance(layer, nn.MaxPool2d))
    (last, *_) = (layer for layer in decoder if isinstance(layer, nn.Upsample))
    blocks = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    assert last(torch.tensor([[[[1.0, 2], [3, 4]]]])).tolist() == [[blocks]]
    assert first(torch.arange(16.0).reshape(1, 1, 4, 4)).tolist() == [[[[5, 7], [13, 15]]]]


@pytest.mark.parametrize(("options", "kinds"), [({}, (nn.ReLU, nn.Tanh)), ({"activation": "tanh"}, (nn.Tanh, nn.Tanh))])
def test_the_fully_connected_pair_has_the_activations_of_its_sources(options, kinds):
    with seeded_construction(0):
        networks = encoders["mlp"].factory((1, 8, 8), 6, **options), decoders["mlp"].factory(3, (1, 8, 8), **options)
    for network, kind, hidden in zip(networks, kinds, (2, 3), strict=True):
        assert [type(layer) for layer in network if not isinstance(layer, (nn.Linear, nn.Flatten, nn.Unflatten))] == [
            kind
        ] * hidden


@torch.no_grad()
def test_pixels_of_the_fully_connected_decoder_are_in_the_order_of_images():
    with seeded_construction(0):
        network = decoders["mlp"].factory(3, (2, 3, 4), layers=1, width=1)
    last = network[-2]
    last.weight.zero_()
    last.bias.copy_(torch.arange(24.0))
    assert torch.equal(network(torch.zeros(1, 3))[0], torch.arange(24.0).reshape(2, 3, 4))
