"""How far the columns of the decoder's Jacobian are from orthogonal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from unbraid.distributions.protocols import PerImage
from unbraid.nn.jacobian import jacobian_columns
from unbraid.options import Option
from unbraid.rates.registry import rates
from unbraid.terms import Context, Pass, Term

Definition = Literal["cosine", "wei2021"]
SHORTEST = 1e-18
"""Length of a column that is still scaled to 1. Squares of much smaller numbers are 0 in single precision, and so would be its
length."""


def squared_cosines(columns: Float[Tensor, "batch column value"]) -> PerImage:
    """Mean squared cosine over pairs of columns; a column of zeros is orthogonal to all.

    One that is shorter than `SHORTEST` counts the less the shorter it is, and so do its gradients.
    """
    return squared_products(normalize(columns, dim=2, eps=SHORTEST))


def squared_products(columns: Float[Tensor, "batch column value"]) -> PerImage:
    """Mean over pairs of columns of the square of their inner product; 0 for a single column."""
    first, second = torch.triu_indices(columns.shape[1], columns.shape[1], offset=1, device=columns.device)
    if not len(first):
        return columns.new_zeros(len(columns))
    return (columns @ columns.mT)[:, first, second].square().mean(1)


@rates.register(
    "orthogonality",
    formula="orthogonality * mean over i < j of cos^2(dx/dz_i, dx/dz_j)",
    source="Wei et al. (2021), Orthogonal Jacobian Regularization for Unsupervised Disentanglement in Image Generation, ICCV; "
    "theory: arXiv:2606.21385 (ICML 2026)",
)
@dataclass(frozen=True)
class Orthogonality:
    r"""A penalty on decoders in which latents change the same pixels in the same way.

    It does not contain the KL.

    .. math:: \lambda \, \mathrm{E}_{q(z|x)} \, \frac{2}{M (M - 1)} \sum_{i < j}
        \frac{(J_i \cdot J_j)^2}{\lVert J_i \rVert^2 \lVert J_j \rVert^2},
        \qquad J_i = \frac{\partial}{\partial z_i} \mathrm{E}[x | z]

    0 for a decoder whose latents move images in orthogonal directions, 1 where all move them in the same one; the scale of a
    latent does not matter. Under it latents that the decoder ignores count like the others. It is blind to a rotation of
    latents that change images equally much, as any penalty on J'J is for a linear decoder.

    "wei2021" is the published penalty, the sum over i and j that differ of the squares of J_i . J_j: long columns count more,
    and shrinking all of them lowers it. Its authors estimate it by finite differences along two random directions; here
    columns are exact.

    Why: Jacobians with orthogonal columns identify the factors of a nonlinear decoder without their independence, if all
    combinations of factor values occur (functional orthogonality, arXiv:2606.21385).

    Args:
        orthogonality: the weight, in nats for squared cosines.
        columns: latents that are drawn anew for each batch, all pairs of which count: the mean over pairs is that of all
            latents in expectation, at the cost of as many forward passes of the decoder. 0 for all latents.
        definition: "cosine" or "wei2021".

    >>> term = Orthogonality(orthogonality=10.0, columns=0)(made, context)["column_overlap"]
    >>> bool((term.value > 0).all() and (term.value < 1).all()), term.unit
    (True, 'share')
    """

    orthogonality: Annotated[float, Option("weight of the penalty, in nats for squared cosines", ge=0)] = 10.0
    columns: Annotated[int, Option("latents drawn for each batch, 2 or more; 0 for all", ge=0)] = 2
    definition: Annotated[Definition, Option("squared cosines, or the published squared products")] = "cosine"
    per_sample = True

    def __call__(self, made: Pass, context: Context) -> Mapping[str, Term]:
        """The term `column_overlap`."""
        count = made.z.shape[1]
        drawn = count if self.columns == 0 else min(max(self.columns, 2), count)
        order = torch.randperm(count, generator=context.generator, device=context.generator.device)
        columns = jacobian_columns(lambda z: made.likelihood.mean(made.decode(z)), made.z, order[:drawn].tolist())
        if self.definition == "cosine":
            return {"column_overlap": Term(squared_cosines(columns), self.orthogonality, "share")}
        return {"column_overlap": Term(count * (count - 1) * squared_products(columns), self.orthogonality, "number")}
