"""Learning rates of players over a run."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from helpers.games import small_vae
from unbraid.objectives.elbo import ELBO
from unbraid.terms import Context
from unbraid.training.optimizers import make_optimizers, set_learning_rates
from unbraid.zoo.recipe import Optimizer, Recipe


def at(step: int, n_steps: int = 400) -> Context:
    return Context(step, n_steps, 1000, torch.Generator())


@pytest.mark.parametrize(
    ("milestones", "expected"),
    [
        ((), {0: 1.0, 399: 1.0}),
        ((0.875,), {0: 1.0, 349: 1.0, 350: 0.1, 399: 0.1}),
        ((100.0, 200.0), {99: 1.0, 100: 0.1, 199: 0.1, 200: 0.01, 399: 0.01}),
        ((0.5, 300.0), {199: 1.0, 200: 0.1, 299: 0.1, 300: 0.01}),
        ((1.0,), {399: 1.0, 400: 0.1, 500: 0.1}),  # 400 and on: of a run that was extended
    ],
)
def test_learning_rates_fall_at_milestones(milestones, expected):
    settings = Optimizer(lr=2e-4, milestones=milestones)
    assert {step: settings.lr_at(at(step)) for step in expected} == pytest.approx({k: 2e-4 * v for k, v in expected.items()})


def test_milestones_are_those_of_pytorch_s_schedule():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=(3, 7), gamma=0.1)
    settings = Optimizer(lr=0.3, milestones=(3.0, 7.0))
    for step in range(10):
        assert settings.lr_at(at(step)) == pytest.approx(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()


def test_without_milestones_the_rate_is_the_given_one_to_the_last_bit():
    assert Optimizer(lr=2e-3 / 3).lr_at(at(7)) == 2e-3 / 3


def test_every_player_has_its_own():
    parts = {
        name: torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=9.0) for name in ("encoder", "decoder", "discriminator")
    }
    recipe = Recipe(
        ELBO(),
        optimizer=Optimizer(lr=0.5, milestones=(0.5,)),
        player_optimizers={"discriminator": Optimizer(lr=3.0, milestones=(0.25,), drop=0.5)},
    )
    for step, shared, discriminator in ((0, 0.5, 3.0), (100, 0.5, 1.5), (200, 0.05, 1.5)):
        set_learning_rates(parts, recipe, at(step))
        rates = {name: optimizer.param_groups[0]["lr"] for name, optimizer in parts.items()}
        assert rates == pytest.approx({"encoder": shared, "decoder": shared, "discriminator": discriminator})


OPTIMIZERS = {
    "adam": lambda groups: torch.optim.Adam(groups, lr=0.01, betas=(0.8, 0.99), weight_decay=0.1, fused=True),
    "adamw": lambda groups: torch.optim.AdamW(groups, lr=0.01, betas=(0.8, 0.99), weight_decay=0.1, fused=True),
    "adagrad": lambda groups: torch.optim.Adagrad(groups, lr=0.01, weight_decay=0.1),
    "rmsprop": lambda groups: torch.optim.RMSprop(groups, lr=0.01, weight_decay=0.1),
    "sgd": lambda groups: torch.optim.SGD(groups, lr=0.01, weight_decay=0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_are_those_of_pytorch_s_optimizers_to_the_last_bit(name):
    vae = small_vae()
    settings = Optimizer(name, 0.01, betas=(0.8, 0.99), weight_decay=0.1, decay="all")
    ours = make_optimizers(vae, Recipe(ELBO(), optimizer=settings))["encoder"]
    parameters = vae.parameters_of("encoder")
    copies = [torch.nn.Parameter(p.detach().clone()) for p in parameters]
    theirs = OPTIMIZERS[name](copies)
    assert isinstance(ours, type(theirs))
    steps = []
    ours.register_step_post_hook(lambda *_: steps.append(torch.is_grad_enabled()))
    for seed in range(4):
        for parameter, copy in zip(parameters, copies, strict=True):
            made = torch.Generator().manual_seed(seed)
            parameter.grad, copy.grad = (
                torch.randn(p.shape, generator=made.manual_seed(seed), dtype=p.dtype) for p in (parameter, copy)
            )
        ours.step()
        theirs.step()
        assert all(torch.equal(one, other) for one, other in zip(parameters, copies, strict=True))
    assert len(steps) == 4
    assert ours.state_dict()["state"].keys() == theirs.state_dict()["state"].keys()
    ours.zero_grad(set_to_none=True)
    assert all(p.grad is None and p.requires_grad for p in parameters)


def test_a_training_step_does_not_wait_for_a_compiler_to_be_imported(tmp_path):
    script = """
import sys, unbraid
unbraid.train("vae", "ellipses", steps=2, batch_size=4, encoder="mlp", decoder="mlp", device="cpu", out=sys.argv[1])
assert "torch._dynamo" not in sys.modules, "two seconds of every start"
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "run")], check=True)
