"""Passes and contexts for tests of rates."""

from __future__ import annotations

from dataclasses import replace

import torch

from unbraid.distributions.likelihoods.bernoulli import Bernoulli
from unbraid.distributions.posteriors.diagonal_normal import DiagonalNormal
from unbraid.distributions.posteriors.quantized import Quantized
from unbraid.distributions.priors.standard_normal import StandardNormal
from unbraid.registry import Entry
from unbraid.terms import Context, Pass


def make_pass(mean: torch.Tensor, logvar: torch.Tensor | None = None) -> Pass:
    posterior = DiagonalNormal(mean, torch.zeros_like(mean) if logvar is None else logvar)
    images = torch.zeros(len(mean), 2, 4, 4, dtype=mean.dtype)
    nll = torch.zeros(len(mean), dtype=mean.dtype)
    return Pass(images, posterior, mean, images, nll, StandardNormal(mean.shape[1]), Bernoulli(), curved)


def curved(z: torch.Tensor) -> torch.Tensor:
    """A decoder to logits of two channels of 4 x 4, whose Jacobian depends on the latents."""
    weights = torch.linspace(-1, 1, 32 * z.shape[1], dtype=z.dtype, device=z.device).cos().reshape(z.shape[1], 32)
    return (z @ weights).sin().reshape(len(z), 2, 4, 4)


def pass_for(rate: Entry, mean: torch.Tensor, logvar: torch.Tensor | None = None) -> Pass:
    """A pass with the posterior that a rate declares it needs; of normal latents unless it does."""
    made = make_pass(mean, logvar)
    if rate.details.get("posterior") == "quantized":
        return replace(made, posterior=Quantized(mean, mean.detach().round()))
    assert "posterior" not in rate.details
    return made


def context(step: int = 0, n_steps: int = 100) -> Context:
    return Context(step, n_steps, n_data=1000, generator=torch.Generator())


def sampled_pass(mean: torch.Tensor, logvar: torch.Tensor, seed: int = 0) -> Pass:
    """A pass whose latents are draws from the posteriors."""
    made = make_pass(mean, logvar)
    noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(seed), dtype=mean.dtype)
    return replace(made, z=mean + (0.5 * logvar).exp() * noise)
