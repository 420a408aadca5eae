"""Where drawn and downloaded data are kept."""

from __future__ import annotations

import os
from pathlib import Path

REMEDY = "Free some space there, or set UNBRAID_CACHE to a folder that can be written."


def cache_folder() -> Path:
    """Folder of cached data: the environment variable UNBRAID_CACHE, or the user's cache folder."""
    chosen = os.environ.get("UNBRAID_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    import pooch

    return Path(pooch.os_cache("unbraid"))
