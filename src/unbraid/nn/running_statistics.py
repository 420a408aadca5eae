"""Running statistics of batch normalisation, and how to keep a pass out of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@contextmanager
def unremembered(network: nn.Module) -> Iterator[None]:
    """While this holds, layers that train normalise by their batch as ever, but their running statistics stay as they are.

    For images that are not data: what a trained model does to data must not depend on them. Putting the statistics back
    afterwards would not do, since `backward` needs them as the pass left them.
    """
    norms = [layer for layer in network.modules() if isinstance(layer, NORMS) and layer.training and layer.track_running_stats]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
