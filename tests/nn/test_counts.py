"""Numbers of parameters: those that publications and their codes have, and sums by hand over the layers."""

from __future__ import annotations

import pytest

from unbraid.nn.registry import decoders, encoders
from unbraid.randomness import seeded_construction


def conv(inputs: int, outputs: int, kernel: int) -> int:
    """Of a convolution, transposed or not: a kernel for each pair of channels, a bias for each that comes out."""
    return inputs * outputs * kernel * kernel + outputs


def linear(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def counted(network) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


PUBLISHED_ENCODERS = [
    ("burgess", (1, 64, 64), {}, 252_052),
    ("burgess", (3, 64, 64), {}, 253_076),
    ("burgess", (1, 32, 32), {}, 235_636),
    ("higgins", (1, 64, 64), {"hidden": 128, "init": "normal"}, 249_172),
    ("locatello", (1, 64, 64), {}, 309_204),
]
PUBLISHED_DECODERS = [
    ("burgess", (1, 64, 64), {}, 249_953),
    ("burgess", (3, 64, 64), {}, 250_979),
    ("burgess", (1, 32, 32), {}, 233_537),
    ("higgins", (1, 64, 64), {"hidden": 128, "init": "normal"}, 247_873),
    ("locatello", (1, 64, 64), {}, 381_313),
    ("spatial_broadcast", (1, 64, 64), {"kernel": 3}, 44_481),
    ("spatial_broadcast", (1, 64, 64), {}, 78_977),
]

_DOWN = conv(1, 32, 4) + conv(32, 32, 4) + conv(32, 64, 4)
_UP = conv(64, 32, 4) + conv(32, 32, 4) + conv(32, 1, 4)
_WANG_LAST = linear(64 * 4 * 4, 256) + linear(256, 20)
_WANG_FIRST = linear(10, 256) + linear(256, 64 * 4 * 4)
_FOUR_64 = conv(1, 64, 4) + 3 * conv(64, 64, 4)

ENCODERS = [
    ("higgins", (1, 64, 64), {}, _DOWN + conv(64, 64, 4) + conv(64, 256, 4) + linear(256, 20)),
    ("higgins", (1, 32, 32), {}, _DOWN + conv(64, 256, 4) + linear(256, 20)),
    ("higgins", (1, 128, 128), {}, _DOWN + 2 * conv(64, 64, 4) + conv(64, 256, 4) + linear(256, 20)),
    # 28 -> 14 -> 7 -> 4 -> 2
    (
        "locatello",
        (3, 28, 28),
        {},
        conv(3, 32, 4) + conv(32, 32, 4) + conv(32, 64, 2) + conv(64, 64, 2) + linear(64 * 2 * 2, 256) + linear(256, 20),
    ),
    ("mlp", (1, 64, 64), {}, linear(64 * 64, 1200) + linear(1200, 1200) + linear(1200, 20)),
    ("mlp", (3, 28, 28), {"layers": 1, "width": 7}, linear(3 * 28 * 28, 7) + linear(7, 20)),
    ("golla", (1, 64, 64), {}, conv(1, 32, 3) + conv(32, 64, 3) + conv(64, 64, 3) + linear(64 * 8 * 8, 20)),
    ("golla", (1, 28, 28), {}, conv(1, 32, 3) + conv(32, 64, 3) + conv(64, 64, 3) + linear(64 * 4 * 4, 20)),
    # normalization has a scale and a shift for each channel
    (
        "golla",
        (1, 32, 32),
        {"width": 0.5, "norm": "batch", "dropout": 0.5},
        conv(1, 16, 3) + conv(16, 32, 3) + conv(32, 32, 3) + 2 * (16 + 32 + 32) + linear(32 * 4 * 4, 20),
    ),
    ("koller", (1, 28, 28), {}, conv(1, 32, 3) + conv(32, 64, 3) + linear(64 * 7 * 7, 256) + linear(256, 20)),
    ("koller", (1, 64, 64), {}, conv(1, 32, 3) + conv(32, 64, 3) + conv(64, 64, 3) + linear(64 * 8 * 8, 256) + linear(256, 20)),
    ("wang", (1, 32, 32), {}, _DOWN + _WANG_LAST),
    ("wang", (1, 64, 64), {}, _DOWN + conv(64, 64, 4) + _WANG_LAST),
    ("watters", (1, 64, 64), {}, _FOUR_64 + linear(64 * 4 * 4, 256) + linear(256, 20)),
    ("watters", (1, 28, 28), {"hidden": 0}, _FOUR_64 + linear(64 * 2 * 2, 20)),
]
DECODERS = [
    ("higgins", (1, 64, 64), {}, linear(10, 256) + conv(256, 64, 4) + conv(64, 64, 4) + _UP),
    ("higgins", (1, 32, 32), {}, linear(10, 256) + conv(256, 64, 4) + _UP),
    (
        "locatello",
        (1, 32, 32),
        {},
        linear(10, 256) + linear(256, 64 * 2 * 2) + conv(64, 64, 4) + conv(64, 32, 4) + conv(32, 32, 4) + conv(32, 1, 4),
    ),
    ("mlp", (1, 64, 64), {}, linear(10, 1200) + 2 * linear(1200, 1200) + linear(1200, 64 * 64)),
    (
        "golla",
        (3, 28, 28),
        {},
        linear(10, 64 * 4 * 4) + conv(64, 64, 3) + conv(64, 64, 3) + conv(64, 32, 3) + conv(32, 3, 3),
    ),
    (
        "golla",
        (1, 64, 64),
        {"norm": "batch", "width": 2},
        linear(10, 128 * 8 * 8) + 2 * conv(128, 128, 3) + conv(128, 64, 3) + conv(64, 1, 3) + 2 * (128 + 128 + 64),
    ),
    ("koller", (1, 28, 28), {}, linear(10, 256) + linear(256, 64 * 7 * 7) + conv(64, 32, 3) + conv(32, 1, 3)),
    ("wang", (1, 32, 32), {}, _WANG_FIRST + _UP),
    ("wang", (1, 64, 64), {}, _WANG_FIRST + conv(64, 64, 4) + _UP),
    ("watters", (1, 64, 64), {}, linear(10, 256) + 4 * conv(64, 64, 4) + conv(64, 1, 4)),
    ("watters", (3, 32, 32), {}, linear(10, 256) + 3 * conv(64, 64, 4) + conv(64, 3, 4)),
    (
        "spatial_broadcast",
        (3, 28, 28),
        {"kernel": 5, "channels": 8, "layers": 3},
        conv(10 + 2, 8, 5) + 2 * conv(8, 8, 5) + conv(8, 3, 5),
    ),
]


@pytest.mark.parametrize(("name", "shape", "options", "expected"), PUBLISHED_ENCODERS + ENCODERS)
def test_encoders(name, shape, options, expected):
    with seeded_construction(0):
        assert counted(encoders[name].factory(shape, 20, **options)) == expected


@pytest.mark.parametrize(("name", "shape", "options", "expected"), PUBLISHED_DECODERS + DECODERS)
def test_decoders(name, shape, options, expected):
    with seeded_construction(0):
        assert counted(decoders[name].factory(10, shape, **options)) == expected


@pytest.mark.parametrize(
    ("registry", "cases"), [(encoders, PUBLISHED_ENCODERS + ENCODERS), (decoders, PUBLISHED_DECODERS + DECODERS)]
)
def test_every_network_is_counted(registry, cases):
    ours = {entry.name for entry in registry if entry.factory.__module__.startswith("unbraid.")}
    assert {case[0] for case in cases} | {"soft_intro"} == ours  # which test_soft_intro.py counts by hand
