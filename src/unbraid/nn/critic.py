"""The critic of FactorVAE."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from unbraid.nn.initialisation import kaiming_uniform


def critic(latent_dim: int, layers: int = 6, width: int = 1000) -> nn.Sequential:
    """Fully connected: codes -> two logits, "drawn" and "permuted"; hidden layers are rectified and leak with slope 0.2.

    Six hidden layers of 1000 as in Kim and Mnih (2018) and the code of Locatello et al. (2019); the codes of 1Konny/FactorVAE
    and Dubois et al. (2019) have five. Initial weights are Kaiming-uniform for rectifiers, as in the latter. From
    PyTorch's own, which are smaller, signals fade over six layers, and the critic sees nothing for thousands of steps.
    """
    stack: list[nn.Module] = []
    for inputs, outputs in pairwise([latent_dim, *[width] * layers]):
        stack += [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2)]
    network = nn.Sequential(*stack, nn.Linear(width, 2))
    kaiming_uniform(network)
    return network
