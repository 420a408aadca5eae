"""The registry of data sets."""

from __future__ import annotations

import re
from pathlib import Path

from unbraid.registry import Registry

ELSEWHERE = {"cifar10", "svhn", "falcor3d", "isaac3d", "lfw"}
"""Well-known data sets that are not registered, without what stands between the words of their names."""
ALIASES = {"3dshapes": "shapes3d", "3dcars": "cars3d", "3dchairs": "chairs3d", "chairs": "chairs3d", "norb": "smallnorb"}
"""Other names of data sets that are registered."""


def _hint(name: str) -> str:
    """What to do for a path without its kind, and for data sets that are known but not registered."""
    path = Path(name)
    try:
        if path.suffix.lower() in (".npz", ".npy") and path.is_file():
            return f"Did you mean 'npz:{name}'?"
        if name.strip("./") and path.is_dir():
            return f"Did you mean 'folder:{name}'?"
    except (OSError, ValueError):
        return ""
    plain = re.sub(r"[\W_]", "", name.lower())
    if plain in ALIASES:
        return f"Did you mean {ALIASES[plain]!r}?"
    if plain in ELSEWHERE:
        return (
            "It has to be given as files: images and factors in one .npz file (npz:PATH), or a folder of images (folder:PATH)."
        )
    return ""


datasets = Registry("data set", "datasets", "unbraid.data.sets", _hint)
