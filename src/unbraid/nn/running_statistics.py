"""Running statistics of batch normalization, and how to keep a pass out of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import nn

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@contextmanager
def unremembered(network: nn.Module) -> Iterator[Callable[[], None]]:
    """While this holds, layers that train normalize by their batch as ever, but their running statistics stay as they are.

    For images that are not data: what a trained model does to data must not depend on them. Putting the statistics back
    afterwards would not do, since `backward` needs them as the pass left them; so the pass has copies to write to.

    Yields:
        What makes the layers remember after all, to be called once this no longer holds.
    """
    norms = [layer for layer in network.modules() if isinstance(layer, NORMS) and layer.training and layer.track_running_stats]
    kept = [(norm, name, buffer, buffer.clone()) for norm in norms for name, buffer in norm.named_buffers()]

    def remember() -> None:
        for _, _, buffer, copy in kept:
            buffer.copy_(copy)

    for norm, name, _, copy in kept:
        setattr(norm, name, copy)
    try:
        yield remember
    finally:
        for norm, name, buffer, _ in kept:
            setattr(norm, name, buffer)
