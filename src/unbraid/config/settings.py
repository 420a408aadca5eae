"""Settings of a training run that belong to no part of the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from unbraid.options import Option

OptimizerName = Literal["adam", "adamw", "adagrad", "rmsprop", "sgd"]


@dataclass(frozen=True)
class Settings:
    """Options of `unbraid train` for every model; None stands for the model's own default.

    The model's own are those of its function in `unbraid.zoo` and of `unbraid.zoo.recipe.Recipe`.
    """

    steps: Annotated[
        int | None, Option("length of the run in steps (one batch each); default: the model's, unless --epochs is given", ge=1)
    ] = None
    epochs: Annotated[
        float | None, Option("length of the run in passes over the training images, instead of --steps", gt=0)
    ] = None
    batch_size: Annotated[int | None, Option("images per step; default: the model's", ge=1)] = None
    latent_dim: Annotated[int | None, Option("number of latents; default: the model's", ge=1, le=10_000)] = None
    seed: Annotated[int, Option("seed of initial weights, order of images and noise", ge=0, lt=2**53)] = 0
    lr: Annotated[float | None, Option("learning rate of encoder and decoder; default: the model's", gt=0)] = None
    optimizer: Annotated[OptimizerName | None, Option("optimizer of encoder and decoder; default: the model's")] = None
    weight_decay: Annotated[
        float | None, Option("weight decay of encoder and decoder, an L2 penalty but for adamw; default: the model's", ge=0)
    ] = None
    precision: Annotated[
        Literal["float32", "bfloat16"], Option("arithmetic of the networks; losses are float32 at least either way")
    ] = "float32"
    encoder: Annotated[str | None, Option("encoder network, see `unbraid list encoders`; default: the model's")] = None
    decoder: Annotated[str | None, Option("decoder network, see `unbraid list decoders`; default: the model's")] = None
    likelihood: Annotated[str | None, Option("p(x|z), see `unbraid list likelihoods`; default: the model's")] = None
    rate: Annotated[
        str | None,
        Option("rates instead of the model's, joined by commas (kl,dip_ii), see `unbraid list rates`; default: the model's"),
    ] = None
    checkpoint_every: Annotated[int | None, Option("steps between checkpoints; default: a tenth of the run", ge=1)] = None
    keep_checkpoints: Annotated[int, Option("how many checkpoints to keep, the newest ones; 0 keeps all", ge=0)] = 2
    evaluate_every: Annotated[int, Option("steps between evaluations on a part of the data; 0 for none", ge=0)] = 0
    log_every: Annotated[int | None, Option("steps between log entries; default: a hundredth of the run", ge=1)] = None
