import numpy as np
import pytest

from unbraid.data.drawing.coverage import filled, stroked
from unbraid.data.drawing.stacked_layers import MaskLayer, StackedLayers
from unbraid.errors import UsageError


def pixel_centers(size: int) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.indices((size, size)) + 0.5
    return x, y


@pytest.mark.parametrize("edge", [3.0, 3.25, 3.5, 4.1])
def test_a_half_plane_covers_the_share_of_its_edge_pixels(edge):
    x, _ = pixel_centers(8)
    for scale in (1.0, 0.01, 50.0):  # only the sign and the zeros of a function count
        assert np.allclose(filled(scale * (x - edge)), np.clip(edge - (x - 0.5), 0, 1))


@pytest.mark.parametrize("size", [16, 32, 64, 128])
def test_a_disc_has_its_area_and_its_center_at_every_size(size):
    x, y = pixel_centers(size)
    center, radius = (0.43 * size, 0.55 * size), 0.2 * size
    share = filled(np.hypot(x - center[0], y - center[1]) / radius - 1)
    assert share.sum() == pytest.approx(np.pi * radius**2, rel=0.01)
    assert (share * x).sum() / share.sum() == pytest.approx(center[0], abs=0.02)
    assert (share * y).sum() / share.sum() == pytest.approx(center[1], abs=0.02)


@pytest.mark.parametrize("half", [0.2, 0.5, 1.0, 2.3])
def test_a_stroke_has_its_width(half):
    x, y = pixel_centers(32)
    straight = stroked(x - 10.37, half)
    assert np.allclose(straight.sum(1), 2 * half)
    ring = stroked(np.hypot(x - 16.2, y - 15.7) - 9, half)
    assert ring.sum() == pytest.approx(2 * np.pi * 9 * 2 * half, rel=0.02)
    assert stroked(x - 10.37, 0.0).max() == 0


def test_too_few_pixels_are_refused():
    with pytest.raises(UsageError, match="1 x 5 pixels; give at least 2 x 2"):
        filled(np.zeros((1, 5)))


def test_layers_hide_what_is_below_them():
    """Against the usual blend of one layer after the other, in floats."""
    rng = np.random.default_rng(0)
    n, tables = 150, []
    layers = []
    for _ in range(9):
        masks = rng.choice([0, 255, 128, 7], size=(4, 6, 5)).astype(np.uint8)
        colors = rng.integers(0, 256, (3, 3)).astype(np.uint8)
        layers.append(MaskLayer(masks, rng.integers(0, 4, n), colors, rng.integers(0, 3, n)))
        tables.append((masks, colors))
    ground = rng.integers(0, 256, (n, 3)).astype(np.uint8)
    images = StackedLayers(ground, tuple(layers))
    blended = np.broadcast_to(ground[:, :, None, None], (n, 3, 6, 5)).astype(float)
    for layer in layers:
        share = layer.masks[layer.which][:, None] / 255
        blended = blended * (1 - share) + share * layer.colors[layer.tints][:, :, None, None]
    every = np.arange(n)
    found = images.bytes(every)
    assert np.abs(found - blended).max() < 0.6
    assert np.array_equal(found[97], images.bytes(every[97:98])[0])
    assert np.array_equal(images.floats(every), found / np.float32(255))
