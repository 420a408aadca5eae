"""What is made of each image of a published data set: which part of it, how large, gray or in color."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from unbraid.data.files.image_files import opened_image, pixels_of, plain
from unbraid.data.published.archives import Members
from unbraid.data.storage import Shape

LUMA = (19_595, 38_470, 7_471)
"""Shares of red, green and blue in gray, of 65,536: 0.299, 0.587 and 0.114 (ITU-R BT.601), as Pillow has them."""


@dataclass(frozen=True)
class Look:
    """What is made of an image.

    Args:
        size: height and width in pixels.
        gray: one channel instead of three.
        square: side of the centered square that is kept, at most the shorter side; None keeps the whole image.
        sharp: resized by Lanczos windows instead of bilinearly; both smooth where an image shrinks.
    """

    size: int
    gray: bool = False
    square: int | None = None
    sharp: bool = False

    @property
    def shape(self) -> Shape:
        """Channels, height and width of what is made."""
        return (1 if self.gray else 3, self.size, self.size)

    @property
    def key(self) -> list[int | bool | None]:
        """All that the pixels depend on, as a store is found by it."""
        return [self.size, self.gray, self.square, self.sharp]

    def of_file(self, content: bytes, where: str, remedy: str) -> UInt8[np.ndarray, "c {self.size} {self.size}"]:
        """An image file; raises as `opened_image` does."""
        with opened_image(BytesIO(content), where, remedy) as image:
            image.load()
            return self.of_image(plain(image, self.shape[0]))

    def of_image(self, image: Image.Image) -> UInt8[np.ndarray, "c {self.size} {self.size}"]:
        """An image, gray or RGB as it is to be."""
        if self.square is not None:
            side = min(self.square, image.width, image.height)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            image = image.crop((left, top, left + side, top + side))
        if image.size != (self.size, self.size):
            way = Image.Resampling.LANCZOS if self.sharp else Image.Resampling.BILINEAR
            image = image.resize((self.size, self.size), way)
        return pixels_of(image)

    def of_arrays(self, images: UInt8[np.ndarray, "n h w c"]) -> UInt8[np.ndarray, "n _ {self.size} {self.size}"]:
        """Images with their channels last, one or three."""
        if self.gray and images.shape[3] == 3:
            images = luma(images)
        if images.shape[1:3] == (self.size, self.size):
            return np.moveaxis(images, 3, 1)
        return np.stack([self.of_image(Image.fromarray(one[:, :, 0] if one.shape[2] == 1 else one)) for one in images])


def luma(images: UInt8[np.ndarray, "n h w 3"]) -> UInt8[np.ndarray, "n h w 1"]:
    """Images in gray, as Pillow rounds it."""
    weighed = images.astype(np.uint32) @ np.array(LUMA, np.uint32) + 0x8000
    return (weighed >> 16).astype(np.uint8)[..., None]


def blocks_of(
    images: Members, names: Iterable[str], look: Look, remedy: str, most: int = 256
) -> Iterator[UInt8[np.ndarray, "_ c h w"]]:
    """What is made of image files among the members of an archive or a folder, some at a time.

    Args:
        images: the members.
        names: which of them, in their order.
        look: what is made of each.
        remedy: what to do about a file that is no sound image.
        most: images in a block.
    """
    some: list[np.ndarray] = []
    for name in names:
        some.append(look.of_file(images.read(name), f"{name} in {images.where}", remedy))
        if len(some) == most:
            yield np.stack(some)
            some = []
    if some:
        yield np.stack(some)
