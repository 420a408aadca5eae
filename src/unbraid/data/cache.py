"""Where drawn and downloaded data are kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unbraid.errors import CorruptFile, DataUnavailable, UnbraidError
from unbraid.files import whole_file

REMEDY = "Free some space there, or set UNBRAID_CACHE to a folder that can be written."


def cache_folder() -> Path:
    """Folder of cached data: the environment variable UNBRAID_CACHE, or the user's cache folder."""
    chosen = os.environ.get("UNBRAID_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    from pooch.utils import os_cache

    return Path(os_cache("unbraid"))


@contextmanager
def cached_file(path: Path) -> Iterator[Path]:
    """A temporary name under which to write a file of the cache; as `whole_file`, it appears whole or not at all.

    Raises `DataUnavailable`, with the way out, where the file cannot be written.
    """
    try:
        with whole_file(path, REMEDY) as temporary:
            yield temporary
    except (CorruptFile, DataUnavailable):
        raise
    except UnbraidError as error:
        raise DataUnavailable(str(error)) from error
