"""The likelihood of binary images."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from unbraid.distributions.precision import at_least_float32
from unbraid.distributions.registry import likelihoods


@likelihoods.register("bernoulli", source="Kingma and Welling (2014), Appendix C.1")
class Bernoulli(nn.Module):
    r"""Independent Bernoulli pixels, the decoder's output being their logits.

    .. math:: -\log p(x|z) = -\sum_i [x_i \log p_i + (1 - x_i) \log(1 - p_i)]

    Summed over channels and pixels, in nats per image. For gray pixels this is a cross-entropy whose least value is the
    entropy of the pixels, above zero.

    >>> logits, images = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    >>> Bernoulli().nll(logits, images)  # 4 log 2
    tensor([2.7726])
    >>> Bernoulli().mean(logits).mean()
    tensor(0.5000)
    """

    outputs_per_channel = 1
    scale: Tensor | None = None

    def energy(
        self, output: Float[Tensor, "batch out height width"], images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch"]:
        """The same as `nll`, never negative."""
        return binary_cross_entropy_with_logits(at_least_float32(output), images, reduction="none").flatten(1).sum(1)

    def normalizer(self, n_values: int) -> Float[Tensor, ""]:
        """Zero: nothing in the cross-entropy is independent of the reconstruction."""
        return torch.tensor(0.0, dtype=torch.float64)

    def nll(
        self, output: Float[Tensor, "batch out height width"], images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch"]:
        """Cross-entropy in nats per image."""
        return self.energy(output, images)

    def mean(self, output: Float[Tensor, "batch out height width"]) -> Float[Tensor, "batch channel height width"]:
        """Probability of white."""
        return torch.sigmoid(at_least_float32(output))
