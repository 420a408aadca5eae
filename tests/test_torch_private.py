"""Every private part of PyTorch taken away in turn: results stay the same within rounding."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from unbraid import torch_private
from unbraid.nn.decoders.spatial_broadcast import SpatialBroadcast
from unbraid.nn.fast.allowed import allow_fast_kernels, fast_kernels_allowed
from unbraid.nn.fast.stack import Stack
from unbraid.randomness import seeded_construction

SOURCES = Path(torch_private.__file__).parent


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with seeded_construction(0):
        yield


def without_operator(name: str) -> Callable[[pytest.MonkeyPatch], None]:
    known = torch_private._operator
    return lambda patch: patch.setattr(torch_private, "_operator", lambda asked: None if asked == name else known(asked))


def without_in_place(patch: pytest.MonkeyPatch) -> None:
    known = torch_private._operator
    patch.setattr(torch_private, "_operator", lambda asked: partial(known(asked)))  # which has no `grad_input`


def without_engine(patch: pytest.MonkeyPatch) -> None:
    patch.delattr(torch._C, "_will_engine_execute_node")


AWAY = {
    "convolution_backward": without_operator("convolution_backward"),
    "threshold_backward": without_operator("threshold_backward"),
    "threshold_backward in place": without_in_place,
    "_will_engine_execute_node": without_engine,
}


def gradients() -> list[Tensor]:
    """The output of a small model, and the gradients that two players' moves through one pass leave."""
    torch.manual_seed(0)
    encoder = Stack(nn.Conv2d(1, 8, 4, 2, 1), nn.ReLU(), nn.Conv2d(8, 4, 3, padding=1), nn.ReLU(), nn.Flatten())
    middle = nn.Linear(64, 5)
    decoder = SpatialBroadcast(5, (1, 8, 8), channels=6, layers=2)
    last = Stack(nn.ConvTranspose2d(1, 6, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(6, 1, 4, 2, 1))
    images = torch.rand(3, 1, 8, 8)
    players = [[*encoder.parameters(), *middle.parameters()], [*decoder.parameters(), *last.parameters()]]
    with allow_fast_kernels():
        made = last(decoder(middle(encoder(images))))
    loss = made.square().mean()
    for parameters in players:
        torch.autograd.backward(loss, inputs=parameters, retain_graph=True)
    return [made.detach(), *(parameter.grad for player in players for parameter in player)]


@pytest.mark.parametrize("take_away", AWAY.values(), ids=AWAY)
def test_gradients_do_not_need_it(take_away, monkeypatch):
    expected = gradients()
    take_away(monkeypatch)
    for found, known in zip(gradients(), expected, strict=True):
        torch.testing.assert_close(found, known, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("take_away", AWAY.values(), ids=AWAY)
def test_a_rectifier_passes_the_gradient_where_its_output_is_above_zero(take_away, in_place, monkeypatch):
    take_away(monkeypatch)
    gradient, output = torch.tensor([1.0, -2.0, 3.0]), torch.tensor([0.0, 0.5, 0.0])
    found = torch_private.rectifier_gradient(gradient, output, in_place=in_place)
    assert found.tolist() == [0.0, -2.0, 0.0]
    assert (found.data_ptr() == gradient.data_ptr()) == in_place
    assert in_place or gradient.tolist() == [1.0, -2.0, 3.0]


@pytest.mark.parametrize("kind", ["_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"])
def test_layers_whose_hooks_cannot_be_told_run_plainly(kind):
    network = Stack(nn.Conv2d(1, 4, 3), nn.ReLU())
    x = torch.rand(1, 1, 5, 5)
    with torch.no_grad():
        assert fast_kernels_allowed(network, x)
        delattr(network[0], kind)
        assert not fast_kernels_allowed(network, x)


def test_backward_hooks_are_called():
    network, called = Stack(nn.Conv2d(1, 4, 3), nn.ReLU()), []
    network[0].register_full_backward_hook(lambda *given: called.append(given))
    with allow_fast_kernels():
        network(torch.rand(1, 1, 5, 5, requires_grad=True)).sum().backward()
    assert called


@pytest.mark.parametrize(
    "kind", [torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD, torch.optim.RMSprop, torch.optim.Adagrad]
)
def test_optimizers_step_as_pytorch_s_do_and_without_the_compiler_s_decorators_are_pytorch_s(kind, monkeypatch):
    class Undecorated(kind):
        def zero_grad(self, set_to_none=True):
            super().zero_grad(set_to_none)

    assert torch_private.eager(Undecorated) is Undecorated
    learned = []
    for make in (kind, torch_private.eager(kind)):
        weight = nn.Parameter(torch.tensor([1.0, -2.0]))
        optimizer = make([weight], lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            weight.square().sum().backward()
            optimizer.step()
        learned.append(weight.detach().clone())
    assert torch.equal(*learned)


def test_nothing_else_reaches_into_pytorch():
    """Names that begin with an underscore, of torch itself, in no other module."""
    for path in SOURCES.rglob("*.py"):
        if path.name == "torch_private.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            dotted = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
            assert not re.match(r"torch\.([a-z]+\.)*(_|ops\.)", dotted), f"{path}:{node.lineno} {dotted}"
            assert not dotted.endswith("_hooks"), f"{path}:{node.lineno} {dotted}"
