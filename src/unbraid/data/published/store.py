"""Where the images of a published data set are kept once they are converted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from unbraid.data.image_file import Conversion, Stored, image_file
from unbraid.data.published.look import Look
from unbraid.data.published.source import Published


def stored(
    published: Published, path: str, look: Look, converting: Callable[[], AbstractContextManager[Conversion]], *options: Any
) -> Stored:
    """The images of a data set, converted where they are not yet.

    Args:
        published: the data set, by whose name the file lies in the cache.
        path: where its files lie; empty for the cache.
        look: what is made of each image.
        converting: opens the files.
        options: what else the content depends on.

    Raises as `image_file` does.
    """
    key = [look.key, *options, published.stamp(path)]
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:12]
    return image_file(published.folder / f"images-{digest}.npy", converting, f"converting {published.name}")
