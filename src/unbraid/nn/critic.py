"""The critic of FactorVAE."""

from __future__ import annotations

from itertools import pairwise

from torch import nn


def critic(latent_dim: int, layers: int = 6, width: int = 1000) -> nn.Sequential:
    """Fully connected: codes -> two logits, "drawn" and "permuted"; hidden layers are rectified and leak with slope 0.2.

    Six hidden layers of 1000 as in Kim and Mnih (2018) and the code of Locatello et al. (2019); the codes of 1Konny/FactorVAE
    and Dubois et al. (2019) have five. Initial weights are PyTorch's own.
    """
    stack: list[nn.Module] = []
    for inputs, outputs in pairwise([latent_dim, *[width] * layers]):
        stack += [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2)]
    return nn.Sequential(*stack, nn.Linear(width, 2))
