"""Train, measure and show disentangled variational autoencoders.

    import unbraid

    model = unbraid.train("beta_vae", "ellipses", beta=4, steps=6_000)
    codes = model.encode(images)

Importing this package imports no torch; the names below do when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unbraid.lazy import lazy

if TYPE_CHECKING:
    from unbraid.api import evaluate as evaluate
    from unbraid.api import explore as explore
    from unbraid.api import export as export
    from unbraid.api import figure as figure
    from unbraid.api import import_run as import_run
    from unbraid.api import load as load
    from unbraid.api import probe as probe
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

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "api": ("evaluate", "explore", "export", "figure", "import_run", "load", "probe", "report", "train"),
        "codes": ("CodeTable",),
        "data.dataset": ("Dataset", "load_dataset"),
        "data.factor_space": ("Factor", "FactorSpace"),
        "data.sets.arrays": ("dataset",),
        "errors": ("UnbraidError",),
        "model": ("Model",),
        "parallel": ("train_many",),
    },
    modules=("data", "figures", "metrics"),
    here=("__version__",),
)
