"""The published models of Dubois et al. (2019), trained on dSprites."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unbraid.errors import UsageError
from unbraid.importers.registry import Found, importers
from unbraid.importers.tensors import read_tensors, require_tensors
from unbraid.nn.registry import decoders, encoders
from unbraid.options import Option

Released = Literal[
    "VAE_dsprites",
    "betaH_dsprites",
    "betaB_dsprites",
    "factor_dsprites",
    "btcvae_dsprites",
    "btcvae_dsprites_a-5",
    "btcvae_dsprites_a0",
    "btcvae_dsprites_a5",
]
ENCODER = ("conv1", "conv2", "conv3", "conv_64", "lin1", "lin2", "mu_logvar_gen")
DECODER = ("lin1", "lin2", "lin3", "convT_64", "convT1", "convT2", "convT3")
"""Their layers, in the order of the forward pass."""
SHAPE = (1, 64, 64)
_COMMON = {"test_share": 0.0, "batch_size": 64, "steps": 345_600, "seed": 1234, "lr": 5e-4}
"""Thirty passes over all 737,280 images; FactorVAE has sixty of batches of 128, which it halves."""
_ANNEALED = {"beta_warmup": 10_000}
_DISCRIMINATOR_LAYERS, _DISCRIMINATOR_WIDTH = 5, 1000


def _beta_tcvae(alpha: float) -> tuple[str, dict[str, Any]]:
    return "beta_tcvae", {"beta": 6.4, "alpha": alpha, "estimator": "mss", "kl": "sampled"}


TRAINED: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "VAE_dsprites": ("beta_vae", {"beta": 1.0, **_ANNEALED}),
    "betaH_dsprites": ("beta_vae", {"beta": 4.0, **_ANNEALED}),
    "betaB_dsprites": ("beta_vae_capacity", {"gamma": 100.0, "capacity": 25.0, "capacity_ramp": 100_000, "lr": 1e-3}),
    "factor_dsprites": (
        "factor_vae",
        {"gamma": 6.4, "lr": 1e-4, "discriminator_lr": 1e-4, "discriminator_layers": _DISCRIMINATOR_LAYERS},
    ),
    "btcvae_dsprites": _beta_tcvae(1.0),
    "btcvae_dsprites_a-5": _beta_tcvae(-5.0),
    "btcvae_dsprites_a0": _beta_tcvae(0.0),
    "btcvae_dsprites_a5": _beta_tcvae(5.0),
}
"""The model and the settings of each, from the `specs.json` beside it in the authors' repository."""


@importers.register("dubois2019", source="Dubois et al. (2019), github.com/YannDubs/disentangling-vae, MIT license")
def dubois2019(
    file: Path,
    *,
    name: Annotated[
        Released | None, Option("which of the published models it is; by default what the file or its folder is called")
    ] = None,
    data: Annotated[
        Literal["dsprites", "dsprites_reduced"],
        Option("images to score it on: all that it was trained on, or the reduced grid"),
    ] = "dsprites",
) -> Found:
    """The eight models of dSprites that Dubois et al. published: results/NAME_dsprites/model.pt.

    `model.pt`, or the same tensors as .safetensors, holds encoder and decoder. Their last layer interleaves the mean and the
    log-variance of each latent; here all means come first. Layers and numbers are the same otherwise, so that codes and images
    agree within float32 rounding.

    Which model it is, and so how it was trained, is not in the file. It is told by the name of the file (VAE_dsprites.pt) or of
    its folder (VAE_dsprites/model.pt), as in the authors' repository, or by --name. They were trained on all images, so that
    nothing is held out.

    The discriminator of FactorVAE was not published. That of the run has its last layer at 0: its estimate of the total
    correlation is 0 and means nothing. `unbraid evaluate` measures the total correlation without it.

    Raises `UsageError` for other files.
    """
    called: str | None = name or next((word for word in (file.stem, file.absolute().parent.name) if word in TRAINED), None)
    if called is None:
        raise UsageError(
            f"Neither {file.name} nor its folder is called like a published model; give --name, one of {', '.join(TRAINED)}."
        )
    model, settings = TRAINED[called]
    tensors = read_tensors(file)
    if "encoder.lin1.weight" in tensors and "encoder.conv_64.weight" not in tensors:
        raise UsageError(f"{file} is a model of images of 32 x 32 pixels; this importer reads those of dSprites, 64 x 64.")
    latent_dim = _latent_dim(tensors)
    networks = {"encoder": _encoder(latent_dim), "decoder": _decoder(latent_dim)}
    theirs = {part: list(_theirs(part)) for part in networks}
    shapes = {
        their: tuple(own.shape)
        for part, network in networks.items()
        for their, own in zip(theirs[part], network.parameters(), strict=True)
    }
    require_tensors(tensors, shapes, file, f"a model of Dubois et al. (2019) with {latent_dim} latents, by names and shapes")
    weights = {
        f"networks.{part}.{ours}": _sorted(tensors[their]).float() if "mu_logvar_gen" in their else tensors[their].float()
        for part, network in networks.items()
        for their, (ours, _) in zip(theirs[part], network.named_parameters(), strict=True)
    }
    notes = [
        f"The weights were trained by the code of Dubois et al. (2019), on all images of dSprites; they are their {called}."
    ]
    if model == "factor_vae":
        weights |= _blind_discriminator()
        notes.append(
            "Its discriminator was not published. The one here gives 0 for every code, so losses with it mean nothing; the "
            "total correlation among the parts of the KL is measured without it. The weight gamma grew over 10,000 updates."
        )
    if model == "beta_tcvae":
        notes.append(
            "It was trained with misplaced weights of minibatch stratified sampling, which entered once per latent, so its "
            "total correlation was estimated far below zero. The weight of the dimension-wise KL grew over 10,000 updates."
        )
    options = {**_COMMON, **settings, "latent_dim": latent_dim}
    return Found(called, model, data, options, weights, tuple(notes))


def _theirs(part: str) -> Iterator[str]:
    """Names of their tensors in the order of ours: weight and bias of each layer."""
    for layer in {"encoder": ENCODER, "decoder": DECODER}[part]:
        yield from (f"{part}.{layer}.weight", f"{part}.{layer}.bias")


def _latent_dim(tensors: Mapping[str, Tensor]) -> int:
    """As many latents as their decoder takes, or the report's number where that cannot be told."""
    first = tensors.get("decoder.lin1.weight")
    return int(first.shape[1]) if first is not None and first.ndim == 2 and 1 <= first.shape[1] <= 10_000 else 10


def _encoder(latent_dim: int) -> nn.Module:
    with torch.device("meta"):
        return cast(nn.Module, encoders["burgess"].factory(SHAPE, 2 * latent_dim))


def _decoder(latent_dim: int) -> nn.Module:
    with torch.device("meta"):
        return cast(nn.Module, decoders["burgess"].factory(latent_dim, SHAPE))


def _sorted(interleaved: Float[Tensor, "params *_"]) -> Float[Tensor, "params *_"]:
    """Rows (mean 0, log-variance 0, mean 1, ...) as all means, then all log-variances."""
    return torch.cat([interleaved[0::2], interleaved[1::2]])


def _blind_discriminator() -> dict[str, Tensor]:
    """The last layer of a discriminator whose logits are 0."""
    last = f"networks.discriminator.{2 * _DISCRIMINATOR_LAYERS}"
    return {f"{last}.weight": torch.zeros(2, _DISCRIMINATOR_WIDTH), f"{last}.bias": torch.zeros(2)}
