"""Initial weights."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn


def _weights(network: nn.Module, *kinds: type[nn.Module]) -> Iterator[Tensor]:
    return (layer.weight for layer in network.modules() if isinstance(layer, kinds) and isinstance(layer.weight, Tensor))


def _zero_biases(network: nn.Module, *kinds: type[nn.Module]) -> None:
    for layer in network.modules():
        if isinstance(layer, kinds) and isinstance(layer.bias, Tensor):
            nn.init.zeros_(layer.bias)


def kaiming_uniform(network: nn.Module) -> None:
    """Kaiming-uniform weights in every convolution and linear layer; PyTorch's default biases."""
    for weight in _weights(network, nn.Conv2d, nn.ConvTranspose2d, nn.Linear):
        nn.init.kaiming_uniform_(weight, nonlinearity="relu")


def kaiming_normal(network: nn.Module) -> None:
    """Standard deviation sqrt(2 / inputs) and zero biases; transposed convolutions keep PyTorch's default."""
    for weight in _weights(network, nn.Conv2d, nn.Linear):
        nn.init.kaiming_normal_(weight, nonlinearity="relu")
    _zero_biases(network, nn.Conv2d, nn.Linear)


def small_normal(network: nn.Module) -> None:
    """Standard deviation 0.02 and zero biases; transposed convolutions keep PyTorch's default."""
    for weight in _weights(network, nn.Conv2d, nn.Linear):
        nn.init.normal_(weight, std=0.02)
    _zero_biases(network, nn.Conv2d, nn.Linear)


def glorot_uniform(network: nn.Module) -> None:
    """Uniform weights of variance 2 / (inputs + outputs) and zero biases: TensorFlow's default."""
    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
    for weight in _weights(network, *kinds):
        nn.init.xavier_uniform_(weight)
    _zero_biases(network, *kinds)
