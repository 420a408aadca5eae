"""What parts hand to each other: passes, terms, contexts, draws, and the protocol of rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, get_args, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unbraid.distributions.protocols import Images, Latents, Likelihood, PerImage, Posterior, Prior
from unbraid.errors import UsageError
from unbraid.log_entry import Unit

AUTOENCODER = ("encoder", "decoder")
"""The two players of every model: the encoder owns trunk, posterior head and codebooks; the decoder owns decoder,
likelihood and prior. Objectives may add players of their own."""


@dataclass(frozen=True)
class Pass:
    """One trip of a batch through encoder and decoder; `nll` is -log p(x|z) in nats per image.

    `decode` decodes other latents; it has derivatives of every kind and changes no running statistics.

    >>> made.images.shape, made.z.shape, made.kl  # the KL of both images in nats
    (torch.Size([2, 2, 4, 4]), torch.Size([2, 2]), tensor([0.5000, 0.5000]))
    """

    images: Images
    posterior: Posterior
    z: Latents
    output: Float[Tensor, "batch out height width"]
    nll: PerImage
    prior: Prior
    likelihood: Likelihood
    decode: Callable[[Latents], Float[Tensor, "batch out height width"]]

    @property
    def reconstruction(self) -> Images:
        """Mean of p(x|z)."""
        return self.likelihood.mean(self.output)

    @cached_property
    def kl_per_dim(self) -> Float[Tensor, "batch latent"] | None:
        """KL(q(z_j|x) || p(z_j)) in nats, or None for a posterior without a KL per dimension."""
        return self.posterior.kl_per_dim(self.prior)

    @cached_property
    def kl(self) -> PerImage:
        """KL(q(z|x) || p(z)) in nats per image."""
        per_dim = self.kl_per_dim
        return self.posterior.kl(self.prior) if per_dim is None else per_dim.sum(1)


UNITS: tuple[Unit, ...] = get_args(Unit)


def _check_unit(unit: str) -> None:
    if unit not in UNITS:
        raise UsageError(f"The unit of a term is {unit!r}; allowed: {', '.join(UNITS)}.")


@dataclass(frozen=True)
class Term:
    """One named part of a loss: its value, unweighted as it is logged, and its weight.

    A term of weight 0 is reported and not learned from.

    Args:
        value: a tensor over the batch, or a scalar for a quantity that is defined on batches only.
        weight: what the value is multiplied by in the loss, which is in nats per image: the weight of a term in another unit
            carries the rest of that unit. A weight that is itself adapted (a multiplier) is a tensor from the model's buffers.
        unit: of the value: `nats` per image, a plain `number`, or a `share` from 0 to 1.
        label: what tables and reports call the term; its name by default.

    Raises `UsageError` for another unit.

    >>> term = Term(torch.tensor([2.0, 4.0]), weight=4.0)  # of two images
    >>> term.mean, term.weight
    (tensor(3.), 4.0)
    """

    value: Float[Tensor, "*batch"]
    weight: float | Float[Tensor, ""] = 1.0
    unit: Unit = "nats"
    label: str = ""

    def __post_init__(self) -> None:
        _check_unit(self.unit)

    @property
    def learns(self) -> bool:
        """Whether the term is part of the loss."""
        return isinstance(self.weight, Tensor) or self.weight != 0

    @property
    def mean(self) -> Float[Tensor, ""]:
        """Mean over the batch."""
        return self.value.mean()


@dataclass(frozen=True)
class Quantity:
    """Something that is logged beside the terms of a loss: a scalar, or one number per latent.

    Args:
        value: averaged over steps as it is.
        unit: as of a `Term`.
        label: as of a `Term`.

    Raises `UsageError` for another unit.
    """

    value: Float[Tensor, "..."]
    unit: Unit = "nats"
    label: str = ""

    def __post_init__(self) -> None:
        _check_unit(self.unit)


@dataclass(frozen=True)
class Context:
    """What an objective may know besides the batch.

    Args:
        step: batches seen so far, never optimizer steps.
        n_steps: length of the run, which schedules given as fractions refer to.
        n_data: size of the training set, for estimators of the aggregate posterior.
        generator: the only randomness an objective may use.
        training: False during evaluation.

    >>> context = Context(step=50, n_steps=100, n_data=1_000, generator=torch.Generator())
    >>> context.ramp(1.0), context.ramp(25)  # halfway over the whole run; a ramp of 25 steps is over
    (0.5, 1.0)
    """

    step: int
    n_steps: int
    n_data: int
    generator: torch.Generator
    training: bool = True

    def ramp(self, duration: float) -> float:
        """Linear growth from 0 to 1 over a duration.

        Up to 1 it is a fraction of the run, above it a number of steps.

        A duration of 0 is over at once.
        """
        length = duration * self.n_steps if duration <= 1 else duration
        return 1.0 if length <= 0 else min(1.0, self.step / length)


@dataclass(frozen=True)
class Draw:
    """The batches of one step, and which images of the data set they are.

    The objective's `draws` made them.

    >>> images = torch.zeros(8, 1, 32, 32)
    >>> Draw((images,), (np.arange(8),)).batches[0].shape
    torch.Size([8, 1, 32, 32])
    """

    batches: tuple[Float[Tensor, "_ channel height width"], ...]
    indices: tuple[Int[np.ndarray, "_"], ...] = ()


@runtime_checkable
class Rate(Protocol):
    """A regularizer: a pure function of a pass; a frozen dataclass of its hyper-parameters.

    Rates of one objective add up. A rate replaces the KL (as capacity does) by not adding one. `per_sample` says whether its
    terms have one value per image (needed inside Soft-Intro's exponential) or one per batch.
    """

    @property
    def per_sample(self) -> bool:
        """Whether every term has one value per image."""
        ...

    def __call__(self, made: Pass, context: Context) -> Mapping[str, Term]:
        """The named terms."""
        ...


def join_terms(groups: Sequence[Mapping[str, Term]]) -> dict[str, Term]:
    """All terms under their names; two groups that use one name are an error."""
    joined: dict[str, Term] = {}
    for group in groups:
        for name, term in group.items():
            if name in joined:
                raise UsageError(
                    f"Two rates report a term named {name!r}; choose rates that do not both contain it "
                    "(kl and capacity both hold the KL, for example)."
                )
            joined[name] = term
    return joined
