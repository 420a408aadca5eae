"""What a page is told, as records; `web/src/page/data.ts` has the same fields and types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

Spread = Literal["variance", "log_variance", "deviation", "log_deviation"]
"""What an encoder's second output holds."""


class Latent(msgspec.Struct, frozen=True):
    """A latent at one time: ends of its slider, mean and deviation of its codes, KL in nats per image."""

    low: float
    high: float
    mean: float
    sd: float
    kl: float | None
    follows: str
    active: bool


class Posteriors(msgspec.Struct, frozen=True):
    """Of the images of the page, as arrays; `kl` has one column, or one per latent."""

    mean: str
    variance: str
    kl: str


class Moment(msgspec.Struct, frozen=True):
    """A model at one time of its training. Arrays of numbers are float32 in base64, one row each.

    Args:
        decoder: name of a network.
        preview: a decoder of smaller images, for moving hands.
        shares: share of each factor's entropy that each latent knows; null of factors that are not scored.
        draws: draws from the prior; null where they are those of the last time.
        positions: mean code of each latent over the object's position; NaN where there is none.
        cloud: means of some images of the data.
    """

    step: int
    decoder: str
    preview: str | None
    latents: list[Latent]
    shares: list[list[float | None]] | None
    codebooks: list[list[float]] | None
    draws: str | None
    positions: str | None
    posteriors: Posteriors | None
    cloud: str | None


class DecoderPart(msgspec.Struct, frozen=True):
    """Names of a decoder's input and output, and its rows where their number is fixed."""

    input: str
    output: str
    batch: int | None


class EncoderPart(msgspec.Struct, frozen=True):
    """An encoder: its file, names of its input and outputs, and what the output `spread` holds."""

    file: str
    input: str
    mean: str
    spread: str | None
    kind: Spread
    batch: int | None


class ModelPart(msgspec.Struct, frozen=True):
    """A model at all its times, oldest first.

    Args:
        settings: what the models of the page differ in, by name, where they are a grid; else empty.
        normal: whether posteriors and prior are normal and independent, so that the KL of any image follows.
    """

    name: str
    settings: dict[str, float]
    command: str
    steps: int
    latents: int
    order: list[int]
    decoder: DecoderPart
    encoder: EncoderPart | None
    normal: bool
    moments: list[Moment]


class FactorPart(msgspec.Struct, frozen=True):
    """A factor of the data."""

    name: str
    size: int


class ImagesPart(msgspec.Struct, frozen=True):
    """Some images of the data on one picture, side by side."""

    sprite: str
    columns: int
    names: list[str]
    factors: list[list[int]]


class Tensor(msgspec.Struct, frozen=True):
    """Where weights lie in a graph: offset in bytes, number, and the step that whole numbers count."""

    offset: int
    length: int
    step: float


class Network(msgspec.Struct, frozen=True):
    """How a network is put together.

    Args:
        graph: name of the file that has zeros for its weights.
        weights: name of the file of whole numbers, 16 bits each.
        later: name of the network to whose numbers these are added.
        tensors: places of the weights in the graph.
    """

    graph: str
    weights: str
    later: str | None
    tensors: list[Tensor]


class PageData(msgspec.Struct, frozen=True):
    """What a page is told.

    Args:
        cloud: factor codes of the images of each cloud, one row each.
        networks: by name; a network that is not here is a file.
    """

    data: str
    shape: tuple[int, int, int]
    factors: list[FactorPart]
    cloud: list[list[int]]
    images: ImagesPart | None
    models: list[ModelPart]
    networks: dict[str, Network]
    format: Literal[2] = 2


@dataclass(frozen=True)
class Content:
    """What a page shows.

    Args:
        title: in words.
        data: for its script.
        files: by the names that `data` calls them.
    """

    title: str
    data: PageData
    files: Mapping[str, bytes]
