"""Names of version 0.1 in files, and what they are called now."""

from __future__ import annotations

from pathlib import Path

import torch

from unbraid.former_names import renamed_tensors
from unbraid.training.checkpoint import read_checkpoint

RUNS = Path(__file__).parent / "fixtures" / "runs_of_0_1"


def test_tensors_of_networks_players_and_terms():
    former = (
        "networks.critic.0.weight",
        "optimizer/critic/0/step",
        "mean/tc_critic",
        "mean/critic/loss",
        "networks.encoder.0.bias",
    )
    assert list(renamed_tensors(dict.fromkeys(former, 0))) == [
        "networks.discriminator.0.weight",
        "optimizer/discriminator/0/step",
        "mean/tc_discriminator",
        "mean/discriminator/loss",
        "networks.encoder.0.bias",
    ]


def test_a_checkpoint_with_a_critic_has_a_discriminator():
    (path,) = (RUNS / "factor_vae" / "checkpoints").iterdir()
    checkpoint = read_checkpoint(path)
    names = {*checkpoint.weights, *checkpoint.training, *checkpoint.state.interval}
    assert not any("critic" in name for name in names)
    assert isinstance(checkpoint.weights["networks.discriminator.0.weight"], torch.Tensor)
