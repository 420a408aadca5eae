"""The losses that pull quantized latents and their codebooks together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from unbraid.distributions.posteriors.quantized import Quantized
from unbraid.errors import IncompatibleParts
from unbraid.options import Option
from unbraid.rates.registry import rates
from unbraid.terms import Context, Pass, Term

CodebookWeight = Annotated[
    float, Option("weight of the loss that moves codebooks to the encoder's outputs, times N / M; 0 leaves them fixed", ge=0)
]
CommitmentWeight = Annotated[
    float, Option("weight of the loss that moves the encoder's outputs to the codebooks, times N / M", ge=0)
]


@rates.register(
    "quantization",
    formula="N / M * (codebook_weight * ||sg(c) - z||^2 + commitment_weight * ||c - sg(z)||^2)",
    source="Hsu, Dorrell, Whittington, Wu and Finn (2023), Disentanglement via Latent Quantization, NeurIPS, and its code",
    posterior="quantized",
)
@dataclass(frozen=True)
class Quantization:
    r"""Squared distances between the encoder's outputs c and the nearest codebook values z.

    A penalty: it does not contain the KL.

    .. math:: \frac NM \Bigl(\lambda_1 \sum_j (\mathrm{sg}(c_j) - z_j)^2 + \lambda_2 \sum_j (c_j - \mathrm{sg}(z_j))^2\Bigr)

    sg stops the gradient: the first moves the codebooks alone, the second the encoder alone; their values are equal.
    The published loss is a mean over the N pixels (times channels) and one over the M latents; multiplied by N it is in nats
    per image, which leaves N / M before these. Squared latents are not in nats: the weights carry the unit.

    Args:
        codebook_weight, commitment_weight: as published, for means over pixels and latents.

    >>> from dataclasses import replace
    >>> from unbraid.distributions.posteriors.quantized import Quantized
    >>> c, z = torch.tensor([[0.5, 2.0]]), torch.tensor([[1.0, 2.0]])  # outputs of the encoder, and the values next to them
    >>> terms = Quantization()(replace(made, posterior=Quantized(c, z)), context)
    >>> terms["quantization_codebook"].value, terms["quantization_codebook"].weight  # the weight is 0.01 N / M
    (tensor([0.2500]), 0.16)
    """

    codebook_weight: CodebookWeight = 0.01
    commitment_weight: CommitmentWeight = 0.01
    per_sample = True

    def __call__(self, made: Pass, context: Context) -> Mapping[str, Term]:
        """The terms `quantization_codebook` and `quantization_commitment`, sums over latents.

        Raises `IncompatibleParts` for a posterior that is not quantized.
        """
        q = made.posterior
        if not isinstance(q, Quantized):
            raise IncompatibleParts(f"The rate quantization needs a quantized posterior, not {type(q).__name__}.")
        scale = made.images[0].numel() / made.z.shape[1]
        to_codes = (q.continuous.detach() - q.value).square().sum(1)
        to_codebooks = (q.continuous - q.value.detach()).square().sum(1)
        return {
            "quantization_codebook": Term(to_codes, scale * self.codebook_weight, "number"),
            "quantization_commitment": Term(to_codebooks, scale * self.commitment_weight, "number"),
        }
