"""Images per second from the store of a published data set, and the memory that it takes.

    python benchmarks/stored_images.py              # a store of noise, 64 x 64 in color
    python benchmarks/stored_images.py sprites:FOLDER

One core, batches of 128 images at random places, by the clock on the wall.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from unbraid.data.dataset import load_dataset
from unbraid.data.image_file import Conversion
from unbraid.data.published.look import Look
from unbraid.data.published.source import Published
from unbraid.data.published.store import stored
from unbraid.data.storage import ImageStore

IMAGES, SHAPE, BATCH, SECONDS = 40_000, (3, 64, 64), 128, 3.0


def main() -> None:
    if len(sys.argv) > 1:
        measure(sys.argv[1], load_dataset(sys.argv[1]).images)
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["UNBRAID_CACHE"] = folder
        noise = np.random.default_rng(0).integers(0, 256, (1_000, *SHAPE), np.uint8)

        @contextmanager
        def converting():
            yield Conversion(IMAGES, SHAPE, lambda start: (noise for _ in range(start, IMAGES, len(noise))))

        made = Published("noise", "Noise", home="", license="", terms="", files=(), by_hand="", images=IMAGES)
        measure("a store", stored(made, "", Look(SHAPE[1]), converting).images())


def measure(name: str, images: ImageStore) -> None:
    rng = np.random.default_rng(1)
    for how in ("bytes", "floats"):
        read = getattr(images, how)
        read(rng.integers(0, len(images), BATCH))
        before, then, n = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter(), 0
        own = private()
        while time.perf_counter() - then < SECONDS:
            read(rng.integers(0, len(images), BATCH))
            n += BATCH
        seconds = time.perf_counter() - then
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print(
            f"{name}, {how}: {n / seconds:,.0f} images per second; own memory grew by {(private() - own) / 1024:,.1f} MB "
            f"(with mapped pages, which the system takes back: {grown / 1024:,.1f} MB)"
        )


def private() -> int:
    """Kilobytes of memory of this process alone, without pages of files."""
    with Path("/proc/self/status").open() as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))


if __name__ == "__main__":
    main()
