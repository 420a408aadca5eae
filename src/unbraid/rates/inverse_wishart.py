"""The rate of the hyperprior VAE: a normal prior with an inverse-Wishart prior on its covariance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import torch

from unbraid.distributions.inverse_wishart import require_proper, scale
from unbraid.distributions.protocols import Latents, NormalPosterior, PerImage
from unbraid.errors import IncompatibleParts
from unbraid.options import Option
from unbraid.rates.registry import rates
from unbraid.terms import Context, Pass, Term


def wishart_bound(posterior: NormalPosterior, other: Latents, nu: float) -> PerImage:
    r"""KL(q(z|x) q(S|z~) || p(z|S) p(S)) in nats per image; its mean over z~ bounds KL(q(z|x) || p(z)).

    With p(S) = IW(kappa I, nu), p(z|S) = N(0, S) and q(S|z~) = IW(Phi, nu + 1), Phi = kappa I + z~ z~':

    .. math:: \frac{\nu + 1}{2} \Bigl(\log|\Phi| + \mathrm{tr}[(S_q + \mu\mu' + \kappa I) \Phi^{-1}]\Bigr)
        - \frac12 \log|S_q| + c

    c is what no gradient depends on and the published loss leaves out:

    .. math:: c = -\frac{\nu D}{2} \log\kappa + \log\Gamma_D(\tfrac{\nu}{2}) - \log\Gamma_D(\tfrac{\nu + 1}{2})
        - \frac{D}{2} (1 + \log 2) - \frac{(\nu + 1) D}{2}

    Both are computed together in O(D^2), with t = z~'z~ / kappa and u = z~ / sqrt(kappa (1 + t)): log|Phi| is
    D log kappa + log(1 + t), and Phi^-1 is (I - u u') / kappa. Large constants cancel on paper and not in float32.

    Args:
        other: z~, another draw from the posterior.
        nu: degrees of freedom, above D - 1; kappa = max(nu - D - 1, 1).
    """
    mean, (_, latents) = posterior.mean, other.shape
    kappa = scale(nu, latents)
    t = other.square().sum(1) / kappa
    u = other / (kappa * (1 + t)).sqrt()[:, None]
    size = posterior.variance.sum(1) + mean.square().sum(1)
    along = posterior.quadratic(u) + (u * mean).sum(1).square()
    gammas = math.lgamma(0.5 * (nu + 1 - latents)) - math.lgamma(0.5 * (nu + 1))  # of Gamma_D all others cancel
    constant = gammas + 0.5 * latents * (math.log(0.5 * kappa) - 1)
    of_covariance = 0.5 * (nu + 1) * (torch.log1p(t) - t / (1 + t) + (size - along) / kappa)
    return of_covariance - 0.5 * posterior.log_determinant() + constant


@rates.register(
    "inverse_wishart",
    formula="(nu + 1)/2 (log|Phi| + tr[(S_q + mu mu' + kappa I) Phi^-1]) - log|S_q|/2 + c, Phi = kappa I + z~ z~'",
    source="Ansari and Soh (2019), Hyperprior Induced Unsupervised Disentanglement of Latent Representations, AAAI",
)
@dataclass(frozen=True)
class InverseWishart:
    """A bound in nats per image on the KL to a normal prior with inverse-Wishart covariance.

    Replaces the KL.

    See `wishart_bound`. z~ is a draw of its own, not the decoder's, as published; that is what makes the bound loose. The
    published loss lacks the constant c, so that its values are no nats.

    Args:
        nu: degrees of freedom; the larger, the stronger latents are drawn towards covariance I.

    >>> list(InverseWishart(nu=33.0)(made, context))
    ['kl_bound', 'kl']
    """

    nu: Annotated[
        float, Option("degrees of freedom, above the number of latents less 1; larger draws harder to covariance I", gt=0)
    ] = 33.0
    per_sample = True

    def __call__(self, made: Pass, context: Context) -> Mapping[str, Term]:
        """The term `kl_bound`, and to log `kl`: log q(z|x) - log p(z) at the decoder's z.

        Raises `IncompatibleParts` for a posterior that is not normal and `UsageError` unless nu > D - 1.
        """
        posterior = made.posterior
        if not isinstance(posterior, NormalPosterior):
            raise IncompatibleParts(
                f"The rate inverse_wishart needs a normal posterior (full_normal or diagonal_normal), not "
                f"{type(posterior).__name__}."
            )
        require_proper(self.nu, made.z.shape[1])
        bound = wishart_bound(posterior, posterior.sample(context.generator), self.nu)
        with torch.no_grad():
            kl = posterior.log_prob(made.z) - made.prior.log_prob(made.z)
        return {"kl_bound": Term(bound), "kl": Term(kl, weight=0.0)}
