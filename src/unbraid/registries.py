"""All registries, by the word that `unbraid list` knows them by."""

from __future__ import annotations

from collections.abc import Mapping

from unbraid.data.registry import datasets
from unbraid.distributions.registry import likelihoods, posteriors, priors
from unbraid.importers.registry import importers
from unbraid.metrics.registry import metrics
from unbraid.nn.registry import decoders, encoders
from unbraid.rates.registry import rates
from unbraid.registry import Registry
from unbraid.reporting.gallery.registry import figures
from unbraid.studies.registry import studies
from unbraid.trackers.registry import trackers
from unbraid.zoo.registry import models

REGISTRIES: Mapping[str, Registry] = {
    registry.plural: registry
    for registry in (
        models,
        datasets,
        encoders,
        decoders,
        likelihoods,
        posteriors,
        priors,
        rates,
        metrics,
        figures,
        importers,
        studies,
        trackers,
    )
}
