"""The total correlation of the aggregate posterior, as a penalty beside another rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from unbraid.options import Option
from unbraid.rates.aggregate import EstimatorOption, log_aggregate
from unbraid.rates.registry import rates
from unbraid.terms import Context, Pass, Term


@rates.register(
    "total_correlation",
    formula="weight * KL(q(z) || prod_j q(z_j))",
    source="Chen et al. (2018); as a penalty beside the KL in Locatello et al. (2019), code",
    least_batch=2,
)
@dataclass(frozen=True)
class TotalCorrelation:
    r"""weight * TC of the latents, estimated from the batch, in nats per image. A penalty: holds no KL.

    .. math:: \mathrm{TC} = \mathrm{KL}\Bigl(q(z) \,\Big\|\, \prod_j q(z_j)\Bigr) = E_{q(z)} [\log q(z) - \sum_j \log q(z_j)]

    beta-TCVAE is the KL plus this with weight beta - 1. Estimates can be negative; the true value cannot.

    Args:
        weight: of the penalty.
        estimator: of q(z): `mss`, `mws` or `plain` (`unbraid.rates.aggregate`).

    >>> term = TotalCorrelation(weight=5.0, estimator="mss")(made, context)["tc_mss"]
    >>> term.weight, term.unit
    (5.0, 'nats')
    """

    weight: Annotated[float, Option("weight of the total correlation; beta - 1 of beta-TCVAE")] = 5.0
    estimator: EstimatorOption = "plain"
    per_sample = True

    def __call__(self, made: Pass, context: Context) -> Mapping[str, Term]:
        """The term `tc_` with the estimator's name."""
        log_q, log_q_per_latent = log_aggregate(made.z, made.posterior, context.n_data, self.estimator)
        return {f"tc_{self.estimator}": Term(log_q - log_q_per_latent.sum(1), self.weight)}
