"""Passes that leave the running statistics of batch normalization unchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import nn

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@contextmanager
def frozen_running_stats(network: nn.Module) -> Iterator[Callable[[], None]]:
    """Within this context, normalize with batch statistics but leave running statistics unchanged.

    For passes of images that are not data, which must not affect how a trained model treats data. The pass writes to copies:
    restoring the statistics afterwards would fail, since `backward` needs the tensors as the pass left them.

    Yields:
        A function that updates the running statistics after all; call it after leaving the context.
    """
    norms = [layer for layer in network.modules() if isinstance(layer, NORMS) and layer.training and layer.track_running_stats]
    kept = [(norm, name, buffer, buffer.clone()) for norm in norms for name, buffer in norm.named_buffers()]

    def update() -> None:
        for _, _, buffer, copy in kept:
            buffer.copy_(copy)

    for norm, name, _, copy in kept:
        setattr(norm, name, copy)
    try:
        yield update
    finally:
        for norm, name, buffer, _ in kept:
            setattr(norm, name, buffer)
