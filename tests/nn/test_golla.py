"""The options of the ablation: normalization and dropout in training and out of it, width, and a run that resumes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import unbraid
from helpers.resuming import StopAt
from helpers.tiny import TINY
from unbraid.nn.registry import decoders, encoders
from unbraid.randomness import one_step_of_randomness, seeded_construction
from unbraid.training.checkpoint import list_checkpoints


def pair(**options):
    with seeded_construction(0):
        return encoders["golla"].factory((1, 28, 28), 6, **options), decoders["golla"].factory(3, (1, 28, 28), **options)


def example(network: nn.Module) -> torch.Tensor:
    shape = (4, 1, 28, 28) if isinstance(network[0], nn.Conv2d) else (4, 3)
    return torch.linspace(0, 1, torch.Size(shape).numel()).reshape(shape)


@pytest.mark.parametrize("which", [0, 1], ids=["encoder", "decoder"])
@torch.no_grad()
def test_running_statistics_learn_in_training_alone(which):
    network = pair(norm="batch")[which]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.eval()(example(network))
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    network.train()(example(network))
    changed = {name.rpartition(".")[2] for name, value in network.state_dict().items() if not torch.equal(before[name], value)}
    assert changed == {"running_mean", "running_var", "num_batches_tracked"}


@pytest.mark.parametrize("which", [0, 1], ids=["encoder", "decoder"])
@torch.no_grad()
def test_dropout_drops_the_given_share_in_training_alone(which):
    network = pair(dropout=0.3)[which]
    plain = pair()[which]
    inputs = example(network)
    assert torch.equal(network.eval()(inputs), plain(inputs))
    (dropout,) = (layer for layer in network if isinstance(layer, nn.Dropout))
    network.train()
    with one_step_of_randomness(0, 1, torch.device("cpu")):
        first = network(inputs)
        share = (dropout(torch.ones(100_000)) == 0).double().mean()
    assert abs(share - 0.3) < 5 * (0.3 * 0.7 / 1e5) ** 0.5
    with one_step_of_randomness(0, 1, torch.device("cpu")):
        assert torch.equal(network(inputs), first)
    with one_step_of_randomness(0, 2, torch.device("cpu")):
        assert not torch.equal(network(inputs), first)


def test_width_multiplies_kernels_and_leaves_at_least_one():
    for factor, expected in ((2, [64, 128, 128]), (0.25, [8, 16, 16]), (0.001, [1, 1, 1])):
        encoder, decoder = pair(width=factor)
        assert [layer.out_channels for layer in encoder if isinstance(layer, nn.Conv2d)] == expected
        ups = [layer for layer in decoder if isinstance(layer, nn.ConvTranspose2d)]
        assert [layer.in_channels for layer in ups] == [expected[1]] * 3 + expected[:1]


def test_a_run_with_both_resumes_to_the_same_bits(tmp_path):
    options = {"encoder": "golla", "decoder": "golla", "encoder_norm": "batch", "encoder_dropout": 0.2, "decoder_norm": "batch"}
    options |= {
        "encoder_width": 0.25,
        "decoder_width": 0.25,
        "steps": 6,
        "batch_size": 16,
        "checkpoint_every": 2,
        "device": "cpu",
    }
    unbraid.train("vae", TINY, out=tmp_path / "whole", **options)
    with pytest.raises(KeyboardInterrupt):
        unbraid.train("vae", TINY, out=tmp_path / "parts", monitor=StopAt(3), **options)
    unbraid.train("vae", TINY, out=tmp_path / "parts", **options)
    ends = [list_checkpoints(tmp_path / name / "checkpoints")[-1] for name in ("whole", "parts")]
    for name in ("model.safetensors", "training.safetensors"):
        assert (ends[0] / name).read_bytes() == (ends[1] / name).read_bytes()
