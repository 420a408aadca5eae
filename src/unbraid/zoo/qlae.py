"""QLAE: an autoencoder with quantized latents."""

from __future__ import annotations

from typing import Annotated

from unbraid.objectives.elbo import ELBO
from unbraid.options import Option
from unbraid.rates.quantization import CodebookWeight, CommitmentWeight, Quantization
from unbraid.zoo.recipe import Optimizer, Recipe
from unbraid.zoo.registry import Published, models

_HSU = "Hsu et al. (2023), code"
_SHARED = {"codebook_size": 10, "lr": 1e-3, "weight_decay": 0.1, "batch_size": 128, "steps": 200_000}


@models.register(
    "qlae",
    formula="-log p(x|z) + N / M * (codebook_weight * ||sg(c) - z||^2 + commitment_weight * ||c - sg(z)||^2), "
    "z the values of the codebooks nearest to c, N pixels times channels, M latents",
    source="Hsu, Dorrell, Whittington, Wu and Finn (2023), Disentanglement via Latent Quantization, NeurIPS",
    published=(
        Published(
            _HSU,
            "shapes3d, mpi3d, falcor3d, isaac3d",
            {**_SHARED, "latent_dim": "12 to 18", "codebook_weight": 0.01, "commitment_weight": 0.01},
            "twice as many latents as factors; with 12 latents and 64 x 64 x 3 pixels 0.01 N / M is 10.24 in nats per image",
        ),
        Published(
            _HSU,
            "dsprites",
            {**_SHARED, "latent_dim": 10, "codebook_weight": 0.001, "commitment_weight": 0.001},
            "a configuration without published scores; 0.001 N / M is 0.41 in nats per image",
        ),
    ),
)
def qlae(
    codebook_size: Annotated[int, Option("values that each latent can take", ge=2, le=10_000)] = 10,
    codebook_weight: CodebookWeight = 0.01,
    commitment_weight: CommitmentWeight = 0.01,
) -> Recipe:
    """QLAE (Hsu): an autoencoder with quantized latents and strong weight decay.

    Each output c of the encoder is replaced by the nearest value z of a codebook of its own; the decoder's gradient is passed
    to c unchanged. There is no noise and no KL: what is left to choose between codes is how simple the
    networks are, which is why weight decay (`--weight-decay`) is essential. Take twice as many latents as there are factors.

    Published losses are means over pixels and latents; here they are N times as large throughout. AdamW's steps do not depend
    on that factor, and neither does its decay, which is decoupled from the loss; a coupled penalty (`--optimizer adam`) weighs
    1 / N as much as it would there. Decayed are the weights of layers, not biases and codebooks, as published.

    Deviations from the source: encoder and decoder are this library's, where the code has residual ones and a decoder whose
    layers are modulated by the latents; the code also clips each number in the gradients of weights to [-1, 1].
    Images are drawn with every value of a codebook as probable as the others, as in the code.

    >>> recipe = qlae(codebook_size=12)
    >>> recipe.posterior, recipe.posterior_options, recipe.prior
    ('quantized', {'values': 12}, 'codebook')
    """
    return Recipe(
        ELBO((Quantization(codebook_weight, commitment_weight),)),
        posterior="quantized",
        posterior_options={"values": codebook_size},
        prior="codebook",
        batch_size=128,
        optimizer=Optimizer("adamw", lr=1e-3, weight_decay=0.1, decay="weights"),
    )
