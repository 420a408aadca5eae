"""Initial weights."""

from __future__ import annotations

from torch import nn


def kaiming_uniform(network: nn.Module) -> None:
    """Kaiming-uniform weights for rectified units in every convolution and linear layer; biases as PyTorch sets them."""
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
