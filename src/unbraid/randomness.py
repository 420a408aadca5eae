"""Independent streams of randomness from one seed.

Nothing in the library touches the global generators.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derived_seed(seed: int, purpose: str, *more: int) -> int:
    """A seed for one purpose ("init", "noise", "evaluation"), independent of those for other purposes."""
    digest = hashlib.sha256(repr((seed, purpose, more)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1  # torch takes 63 bits everywhere


def torch_generator(seed: int, purpose: str, *more: int, device: str | torch.device = "cpu") -> torch.Generator:
    """A generator for one purpose."""
    return torch.Generator(device=device).manual_seed(derived_seed(seed, purpose, *more))


@contextmanager
def one_step_of_randomness(seed: int, step: int, device: torch.device) -> Iterator[None]:
    """While a step runs, layers that use the global generators (dropout) draw what is this step's."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(derived_seed(seed, "layers", step))
        yield


@contextmanager
def seeded_construction(seed: int) -> Iterator[None]:
    """While networks are built, their default initial weights come from this seed.

    The global state is as before after.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derived_seed(seed, "init"))
        yield
