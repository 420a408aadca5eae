"""Train, measure and show disentangled variational autoencoders.

    import unbraid

    model = unbraid.train("beta_vae", "ellipses", beta=4, steps=6_000)
    codes = model.encode(images)

Importing this package imports no torch; the names below do when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unbraid.api import evaluate as evaluate
    from unbraid.api import explore as explore
    from unbraid.api import export as export
    from unbraid.api import figure as figure
    from unbraid.api import load as load
    from unbraid.api import report as report
    from unbraid.api import train as train
    from unbraid.codes import CodeTable as CodeTable
    from unbraid.data.dataset import Dataset as Dataset
    from unbraid.data.dataset import load_dataset as load_dataset
    from unbraid.data.factor_space import Factor as Factor
    from unbraid.data.factor_space import FactorSpace as FactorSpace
    from unbraid.data.sets.arrays import dataset as dataset
    from unbraid.errors import UnbraidError as UnbraidError
    from unbraid.model import Model as Model
    from unbraid.parallel import train_many as train_many

__version__ = "0.1.0"

_PUBLIC = {
    "train": "unbraid.api",
    "train_many": "unbraid.parallel",
    "load": "unbraid.api",
    "evaluate": "unbraid.api",
    "export": "unbraid.api",
    "explore": "unbraid.api",
    "figure": "unbraid.api",
    "report": "unbraid.api",
    "Model": "unbraid.model",
    "CodeTable": "unbraid.codes",
    "dataset": "unbraid.data.sets.arrays",
    "Dataset": "unbraid.data.dataset",
    "load_dataset": "unbraid.data.dataset",
    "Factor": "unbraid.data.factor_space",
    "FactorSpace": "unbraid.data.factor_space",
    "UnbraidError": "unbraid.errors",
}
__all__ = [*_PUBLIC, "__version__"]  # noqa: PLE0604


_ROOMS = ("data", "figures", "metrics")
"""Packages that are imported when they are first used: `unbraid.metrics.mig(codes, factors)`."""


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    if name in _ROOMS:
        return import_module(f"unbraid.{name}")
    raise AttributeError(f"module 'unbraid' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_ROOMS])
