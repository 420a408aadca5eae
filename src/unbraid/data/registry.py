"""The registry of data sets."""

from __future__ import annotations

import re
from pathlib import Path

from unbraid.registry import Registry

ELSEWHERE = {
    "cars3d",
    "3dcars",
    "shapes3d",
    "3dshapes",
    "mpi3d",
    "smallnorb",
    "celeba",
    "cifar10",
    "svhn",
    "falcor3d",
    "isaac3d",
}
"""Well-known data sets that are not registered, without what stands between the words of their names."""


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
    if re.sub(r"[\W_]", "", name.lower()) in ELSEWHERE:
        return (
            "It has to be given as files: images and factors in one .npz file (npz:PATH), or a folder of images (folder:PATH)."
        )
    return ""


datasets = Registry("data set", "datasets", "unbraid.data.sets", _hint)
