"""Names that earlier versions wrote into files, and what they are called now."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

_V = TypeVar("_V")

OPTIONS: Mapping[str, str] = {
    "colour": "color",
    "normalised": "normalized",
    "critic_lr": "discriminator_lr",
    "critic_layers": "discriminator_layers",
    "critic_width": "discriminator_width",
}
"""Options of models, data sets and networks, as `config.json` holds them."""

DEFAULTS: Mapping[str, Any] = {"discriminator_init": "torch"}
"""Values of options that `config.json` does not hold, since there was no other then; today's defaults differ."""

ADDED = ("holes", "joint", "images", "continuous")
"""Options of data sets that there were not in version 0.1. Where they are not given `config.json` does not hold them, so that
runs keep their names and digests."""

ADDED_TO: Mapping[str, tuple[str, ...]] = {"faces": ("unseen",)}
"""The same of single data sets: options that others had before."""

NETWORKS: Mapping[str, str] = {"critic": "discriminator"}
"""Networks and players, as parts of the names of tensors in checkpoints."""

NAMES: Mapping[str, str] = {"quantisation": "quantization"}
"""Models, data sets, networks, likelihoods and rates, as `config.json` holds them."""

METRICS: Mapping[str, str] = {"strong_generalisation": "strong_generalization"}
"""Metrics, as `metrics.json` holds them."""

TERMS: Mapping[str, str] = {
    "quantisation_codebook": "quantization_codebook",
    "quantisation_commitment": "quantization_commitment",
    "tc_critic": "tc_discriminator",
    "critic/loss": "discriminator/loss",
    "critic/drawn": "discriminator/drawn",
    "critic/permuted": "discriminator/permuted",
    "critic/accuracy": "discriminator/accuracy",
}
"""Terms of losses, as `log.jsonl` and `metrics.json` hold them."""

UNITS: Mapping[str, Literal["number", "share"]] = {
    "sigma": "number",
    "mmd": "number",
    "dip_": "number",
    "exp_elbo": "number",
    "multiplier": "number",
    "quantisation": "number",
    "quantization": "number",
    "shared": "number",
    "accuracy": "share",
    "clamped": "share",
}
"""What names of values begin with that are not in nats, in files of version 0.1, which stored no units."""

SCALED = ("encoder/loss", "decoder/loss")
"""Losses in files of version 0.1 that are not in nats: Soft-Intro divides them by the number of pixels."""


def former_unit(name: str) -> Literal["nats", "number", "share"]:
    """The unit of a value in a file of version 0.1."""
    if name in SCALED:
        return "number"
    last = name.rpartition("/")[2]
    return next((unit for beginning, unit in UNITS.items() if last.startswith(beginning)), "nats")


def renamed(content: Mapping[str, _V], names: Mapping[str, str]) -> dict[str, _V]:
    """The same mapping under today's names."""
    return {names.get(name, name): value for name, value in content.items()}


def renamed_tensors(content: Mapping[str, _V]) -> dict[str, _V]:
    """Tensors of a checkpoint under today's names.

    Names are like `networks.NETWORK.0.weight`, `optimizer/PLAYER/0/step`, `mean/TERM`.
    """

    def today(name: str) -> str:
        group, _, rest = name.partition("/")
        if group == "mean":
            return f"{group}/{TERMS.get(rest, rest)}"
        return "".join(NETWORKS.get(part, part) for part in re.split("([./])", name))

    return {today(name): value for name, value in content.items()}
