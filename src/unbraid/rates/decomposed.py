"""The KL of beta-TCVAE, decomposed into three weighted parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from unbraid.options import Option
from unbraid.rates.aggregate import EstimatorOption, log_aggregate
from unbraid.rates.kl import Warmup, WarmupStart
from unbraid.rates.registry import rates
from unbraid.terms import Context, Pass, Term

InformationWeight = Annotated[float, Option("weight of the mutual information between image and latents; below 0 rewards it")]
CorrelationWeight = Annotated[float, Option("weight of the total correlation; 1 is the VAE")]
DimensionWiseWeight = Annotated[float, Option("weight of the dimension-wise KL", ge=0)]
KLForm = Annotated[
    Literal["analytic", "sampled"],
    Option("KL in closed form plus (beta - 1) TC and so on, or the sampled terms alone as first published"),
]


@rates.register(
    "decomposed",
    formula="alpha * MI + beta * TC + gamma * dimension-wise KL",
    source="Chen et al. (2018), Isolating Sources of Disentanglement in VAEs, equations 2 and 4",
    least_batch=2,
)
@dataclass(frozen=True)
class Decomposed:
    r"""alpha * MI + beta * TC + gamma * dimension-wise KL, in nats per image. Replaces the KL.

    .. math:: \mathrm{KL}(q(z|x) \| p(z)) =
        \underbrace{\log q(z|x) - \log q(z)}_{\mathrm{MI}} + \underbrace{\log q(z) - \sum_j \log q(z_j)}_{\mathrm{TC}}
        + \underbrace{\sum_j [\log q(z_j) - \log p(z_j)]}_{\text{dimension-wise KL}}

    The three are averages over images x and draws z ~ q(z|x); q(z) is estimated from the batch (`unbraid.rates.aggregate`).
    They add up to log q(z|x) - log p(z) sample by sample, whatever the estimate of q(z): that proves nothing about it. Terms
    carry the estimator's name (`tc_plain`), since the same latents give very different numbers: with 64 images per batch no
    estimate can tell more than a few nats of MI. `unbraid evaluate` measures all three on the whole data set.

    Args:
        alpha, beta, gamma: weights of MI, TC and dimension-wise KL.
        estimator: of q(z): `mss`, `mws` or `plain`.
        kl: `analytic` for KL + (alpha - 1) MI + (beta - 1) TC + (gamma - 1) dimension-wise KL with the KL in closed form, the
            same on average and less noisy; `sampled` for the three terms alone, as Chen et al. have it.
        warmup: duration of the linear change of beta from `start`, as `Context.ramp` reads it.
        start: beta at the beginning of the warm-up.

    >>> terms = Decomposed(beta=6.0)(made, context)
    >>> {name: term.weight for name, term in terms.items()}
    {'kl': 1.0, 'mi_plain': 0.0, 'tc_plain': 5.0, 'dimension_wise_kl_plain': 0.0}
    """

    alpha: InformationWeight = 1.0
    beta: CorrelationWeight = 6.0
    gamma: DimensionWiseWeight = 1.0
    estimator: EstimatorOption = "plain"
    kl: KLForm = "analytic"
    warmup: Warmup = 0.0
    start: WarmupStart = 1.0
    per_sample = True

    def __call__(self, made: Pass, context: Context) -> Mapping[str, Term]:
        """The terms `mi_...`, `tc_...`, `dimension_wise_kl_...`, and `kl` (only logged in the `sampled` form)."""
        log_q, log_q_per_latent = log_aggregate(made.z, made.posterior, context.n_data, self.estimator)
        log_product = log_q_per_latent.sum(1)
        parts = {
            "mi": made.posterior.log_prob(made.z) - log_q,
            "tc": log_q - log_product,
            "dimension_wise_kl": log_product - made.prior.log_prob(made.z),
        }
        in_kl = 1.0 if self.kl == "analytic" else 0.0
        beta = self.start + (self.beta - self.start) * context.ramp(self.warmup)
        weights = {"mi": self.alpha - in_kl, "tc": beta - in_kl, "dimension_wise_kl": self.gamma - in_kl}
        terms = {f"{name}_{self.estimator}": Term(value, weights[name]) for name, value in parts.items()}
        return {"kl": Term(made.kl, in_kl), **terms}
