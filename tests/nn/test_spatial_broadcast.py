"""The spatial broadcast decoder: its grid, its padding, and that the weights fit every size."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from unbraid.nn.decoders.spatial_broadcast import SpatialBroadcast, coordinate_grid
from unbraid.randomness import seeded_construction


def decoder(shape=(1, 12, 16), **options) -> SpatialBroadcast:
    with seeded_construction(0):
        return SpatialBroadcast(3, shape, **options)


def test_the_grid_by_hand():
    x, y = coordinate_grid((2, 3)).tolist()
    assert x == [[-1, 0, 1], [-1, 0, 1]]
    assert y == [[-1, -1, -1], [1, 1, 1]]


def test_x_varies_along_the_width_and_y_along_the_height():
    x, y = coordinate_grid((28, 64))
    for along, across in ((x, 0), (y, 1)):
        assert not along.var(across, unbiased=False).any()
        line = along.select(across, 0)
        assert (line[0], line[-1]) == (-1, 1)
        assert (line.diff() > 0).all()
        assert abs(line.double().mean()) < 1e-7
    assert torch.equal(coordinate_grid((28, 64)).transpose(1, 2).flip(0), coordinate_grid((64, 28)))


def test_latents_are_the_same_at_every_pixel_and_come_before_the_coordinates(generator):
    z = torch.randn(5, 3, generator=generator)
    tiled = decoder().broadcast(z)
    assert tiled.shape == (5, 5, 12, 16)
    assert not tiled[:, :3].var((2, 3), unbiased=False).any()
    assert torch.equal(tiled[:, :3, 4, 7], z)
    assert torch.equal(tiled[:, 3:], coordinate_grid((12, 16)).expand(5, 2, 12, 16))


@torch.no_grad()
def test_the_fourth_of_five_channels_draws_from_left_to_right():
    """With three latents and one hidden channel that passes on x alone, the output is max(0, x)."""
    made = decoder(kernel=3, channels=1, layers=1)
    first, last = (layer for layer in made.convolutions if isinstance(layer, nn.Conv2d))
    for layer in (first, last):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    first.weight[0, 3, 1, 1] = last.weight[0, 0, 1, 1] = 1
    image = made(torch.ones(1, 3))[0, 0]
    torch.testing.assert_close(image, torch.linspace(-1, 1, 16).clamp(min=0).expand(12, 16))


def wrap_around(made: SpatialBroadcast) -> None:
    for i, layer in enumerate(made.convolutions):
        if isinstance(layer, nn.ZeroPad2d):
            made.convolutions[i] = nn.CircularPad2d(layer.padding)
        elif isinstance(layer, nn.Conv2d) and any(layer.padding):
            layer.padding_mode = "circular"


@pytest.mark.parametrize("kernel", [3, 4, 5])
@torch.no_grad()
def test_without_coordinates_and_borders_there_is_no_position(kernel, generator):
    made, z = decoder(kernel=kernel), torch.randn(2, 3, generator=generator)

    def spread() -> float:
        return made(z).std((2, 3)).min().item()

    assert spread() > 1e-3
    wrap_around(made)
    assert spread() > 1e-3
    made.convolutions[1 if kernel == 4 else 0].weight[:, 3:] = 0
    assert made(z).std((2, 3)).max() < 1e-6
    assert made(z).std() > 1e-3  # still a function of the latents


@pytest.mark.parametrize("kernel", [3, 4, 5])
@torch.no_grad()
def test_the_same_weights_draw_every_size(kernel, generator):
    made, z = decoder(kernel=kernel), torch.randn(2, 3, generator=generator)
    assert not any("coordinates" in name for name in made.state_dict())
    larger = decoder((1, 20, 25), kernel=kernel)
    larger.load_state_dict({name: value + 0.01 for name, value in made.state_dict().items()})
    made.load_state_dict(larger.state_dict())
    assert torch.equal(made(z, (20, 25)), larger(z))
    assert torch.equal(made(z), made(z, (12, 16)))
    assert torch.equal(made(z), larger(z, (12, 16)))


def test_the_grid_moves_with_the_module():
    made = decoder().double()
    z = torch.zeros(1, 3, dtype=torch.float64)
    assert made.broadcast.coordinates.dtype == made(z, (5, 5)).dtype == torch.float64
