"""The prior of latents that take the values of codebooks."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unbraid.distributions.protocols import PosteriorHead, Quantizer
from unbraid.distributions.registry import priors
from unbraid.errors import IncompatibleParts, UsageError


@priors.register(
    "codebook",
    source="Hsu, Dorrell, Whittington, Wu and Finn (2023), Disentanglement via Latent Quantization, NeurIPS, code",
)
class CodebookPrior(nn.Module):
    """p(z): independent latents, uniform over the values of their codebooks.

    Codebooks belong to the posterior's head, so that the encoder's player learns them; the prior reads them there.

    >>> from unbraid.distributions.posteriors.quantized import QuantizedHead
    >>> prior, head = CodebookPrior(latent_dim=2), QuantizedHead(latent_dim=2, values=4)
    >>> prior.follow(head)
    >>> z = prior.sample(1, torch.Generator().manual_seed(0))
    >>> prior.log_prob(z)  # -2 log 4
    tensor([-2.7726])
    """

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self._followed: tuple[Quantizer, ...] = ()  # in a tuple, which does not make its parameters those of this module

    def follow(self, head: PosteriorHead) -> None:
        """Read the codebooks of a head from now on. Raises `IncompatibleParts` for a head that has none."""
        if not isinstance(head, Quantizer):
            raise IncompatibleParts(
                f"The prior codebook goes with a posterior that has codebooks (quantized), not with {type(head).__name__}; "
                "choose another prior or posterior."
            )
        self._followed = (head,)

    @property
    def codebooks(self) -> Float[Tensor, "latent value"]:
        """The values that each latent can take. Raises `UsageError` before a head is followed."""
        if not self._followed:
            raise UsageError("The prior codebook has no values yet; give it a posterior's head by `follow(head)`.")
        return self._followed[0].codebooks

    def log_prob(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch"]:
        """log p(z) in nats, of a probability; minus infinity for values that no codebook has."""
        shares = (z[:, :, None] == self.codebooks).to(z.dtype).mean(2)  # twice 1 / V for a value that stands there twice
        return shares.log().sum(1)

    def sample(self, n: int, generator: torch.Generator) -> Float[Tensor, "n latent"]:
        """Independent values, each as probable as the others."""
        values = self.codebooks
        index = torch.randint(values.shape[1], (self.latent_dim, n), generator=generator, device=values.device)
        return values.gather(1, index).T
