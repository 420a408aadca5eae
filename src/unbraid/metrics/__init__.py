"""Metrics: arrays in, numbers out, one file each; no torch.

from unbraid.metrics import evaluate, mig
mig(codes, factors)          # codes (samples, latents), factors (samples, factors) of whole numbers
print(evaluate(codes, factors))
"""

from unbraid.metrics.aam import aam
from unbraid.metrics.across_runs import across_runs
from unbraid.metrics.aggregate_posterior import kl_decomposition
from unbraid.metrics.audit import audit
from unbraid.metrics.beta_vae_score import beta_vae_score
from unbraid.metrics.between_models import mcc_between, udr
from unbraid.metrics.dci import dci
from unbraid.metrics.dci_by_models import dci_by_models
from unbraid.metrics.dci_es import dci_es
from unbraid.metrics.dcimig import dcimig
from unbraid.metrics.decoder_columns import column_overlap, ima_contrast
from unbraid.metrics.evaluate import evaluate
from unbraid.metrics.explicitness import explicitness
from unbraid.metrics.factor_vae_score import factor_vae_score
from unbraid.metrics.fairness import fairness
from unbraid.metrics.infomec import infomec
from unbraid.metrics.information.definitions import mutual_information
from unbraid.metrics.information.nearest_neighbors import neighbor_information
from unbraid.metrics.irs import irs
from unbraid.metrics.jemmig import jemmig
from unbraid.metrics.linear_probe import linear_probe
from unbraid.metrics.mcc import mcc
from unbraid.metrics.med import med
from unbraid.metrics.mig import mig
from unbraid.metrics.mig_sup import mig_sup
from unbraid.metrics.minimality import minimality
from unbraid.metrics.mmig import mmig
from unbraid.metrics.modularity import modularity
from unbraid.metrics.posterior_statistics import (
    active_units,
    dimension_wise_kl,
    gaussian_total_correlation,
    gaussian_wasserstein_correlation,
    kl_per_dim,
    var_dimension_wise_kl,
    var_kl_per_dim,
)
from unbraid.metrics.r2 import r2
from unbraid.metrics.samples import Samples, gather
from unbraid.metrics.sap import sap
from unbraid.metrics.strong_generalization import strong_generalization
from unbraid.metrics.tmex import tmex
from unbraid.metrics.z_max import z_max

__all__ = [
    "Samples",
    "aam",
    "across_runs",
    "active_units",
    "audit",
    "beta_vae_score",
    "column_overlap",
    "dci",
    "dci_by_models",
    "dci_es",
    "dcimig",
    "dimension_wise_kl",
    "evaluate",
    "explicitness",
    "factor_vae_score",
    "fairness",
    "gather",
    "gaussian_total_correlation",
    "gaussian_wasserstein_correlation",
    "ima_contrast",
    "infomec",
    "irs",
    "jemmig",
    "kl_decomposition",
    "kl_per_dim",
    "linear_probe",
    "mcc",
    "mcc_between",
    "med",
    "mig",
    "mig_sup",
    "minimality",
    "mmig",
    "modularity",
    "mutual_information",
    "neighbor_information",
    "r2",
    "sap",
    "strong_generalization",
    "tmex",
    "udr",
    "var_dimension_wise_kl",
    "var_kl_per_dim",
    "z_max",
]
