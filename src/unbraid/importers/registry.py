"""The registry of importers, and what an importer finds in a file.

An importer is a function `importer(file, **options) -> Found` of a file with weights. It names the model and the settings by
which that was trained in unbraid's own words, and gives its tensors under unbraid's own names. `unbraid.importers.writing`
makes a run folder of what it finds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from unbraid.registry import Registry

importers = Registry("importer", "importers", "unbraid.importers")


@dataclass(frozen=True)
class Found:
    """A trained model of others.

    Args:
        name: what its authors call it.
        model: the registered model that it is.
        data: the registered data set that it was trained on.
        options: of both and of the training, by flat name, as `unbraid.train` takes them.
        weights: tensors by the names of `Model.vae.state_dict()`; those that are left out keep their initial values.
        notes: what a reader of scores should know: whole sentences.

    >>> Found("mine", "vae", "dsprites", {"latent_dim": 10}, {}, ("Trained on all images.",)).options
    {'latent_dim': 10}
    """

    name: str
    model: str
    data: str
    options: Mapping[str, Any]
    weights: Mapping[str, Tensor]
    notes: tuple[str, ...] = ()
