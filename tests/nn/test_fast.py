"""Fast forms of layers: the plain layers' outputs and gradients, used only where those are enough."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from unbraid.nn.decoders import spatial_broadcast
from unbraid.nn.decoders.spatial_broadcast import SpatialBroadcast
from unbraid.nn.fast import stack
from unbraid.nn.fast.allowed import allow_fast_kernels, fast_kernels_allowed
from unbraid.nn.fast.convolutions import form_of
from unbraid.nn.fast.stack import Stack
from unbraid.nn.fast.tiled import covered
from unbraid.nn.registry import decoders, encoders
from unbraid.torch_private import convolution_gradients


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fast forms everywhere, in float64 too, where agreement tells right from nearly right."""
    monkeypatch.setattr(stack, "fast_kernels_allowed", lambda network, x: True)
    monkeypatch.setattr(spatial_broadcast, "fast_kernels_allowed", lambda network, x: True)


@pytest.fixture
def masks(monkeypatch: pytest.MonkeyPatch) -> list[list[bool]]:
    """Which gradients, of data, weights and bias, convolutions are asked for from now on."""
    found: list[list[bool]] = []
    original = convolution_gradients
    monkeypatch.setattr(
        "unbraid.nn.fast.convolutions.convolution_gradients",
        lambda *arguments: found.append(list(arguments[-1])) or original(*arguments),
    )
    return found


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """Weights and inputs of each test; the global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def values_and_gradients(network: nn.Module, x: Tensor, weights: Tensor) -> list[Tensor]:
    """Output, and gradients of a weighted sum of it."""
    output = network(x)
    return [
        output,
        *torch.autograd.grad((output * weights[: output.numel()].view_as(output)).sum(), [x, *network.parameters()]),
    ]


def assert_same(plain: nn.Module, fast: nn.Module, shape: tuple[int, ...]) -> None:
    """The same output, and the same gradients of input and parameters."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(shape, dtype=torch.float64, generator=generator, requires_grad=True)
    weights = torch.randn(100_000, dtype=torch.float64, generator=generator)
    for expected, found in zip(values_and_gradients(plain, x, weights), values_and_gradients(fast, x, weights), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


LAYERS = {
    "halving": lambda n, bias: [nn.Conv2d(3, n, 4, 2, 1, bias=bias), nn.ReLU()],
    "oblong": lambda n, bias: [nn.Conv2d(3, n, (4, 3), padding=(1, 2), bias=bias), nn.ReLU()],
    "odd sides": lambda n, bias: [nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(3, n, 4, bias=bias), nn.ReLU()],
    "kernel five": lambda n, bias: [nn.Conv2d(3, n, 5, padding=2, bias=bias)],
    "without padding": lambda n, bias: [nn.Conv2d(3, n, 3, bias=bias)],
    "doubling": lambda n, bias: [nn.ConvTranspose2d(3, n, 4, 2, 1, bias=bias)],
    "doubling, rectified": lambda n, bias: [nn.ConvTranspose2d(3, n, 4, 2, 1, bias=bias), nn.ReLU()],
    "enlarging": lambda n, bias: [nn.ConvTranspose2d(3, n, 3, 2, 1, output_padding=(1, 0), bias=bias), nn.ReLU()],
    "same size": lambda n, bias: [nn.ConvTranspose2d(3, n, 3, padding=1, bias=bias)],
    "leaky": lambda n, bias: [nn.Conv2d(3, n, 3, padding=1, bias=bias), nn.LeakyReLU(0.2)],
    "twice rectified": lambda n, bias: [nn.Conv2d(3, n, 3, padding=1, bias=bias), nn.ReLU(), nn.ReLU()],
    "grouped": lambda n, bias: [nn.Conv2d(3, 3 * n, 3, groups=3, padding="same", bias=bias)],
    "row": lambda n, bias: [
        nn.Conv2d(3, 6, 4, 2, 1, bias=bias),
        nn.ReLU(),
        nn.ConvTranspose2d(6, 5, 4, 2, 1, bias=bias),
        nn.ReLU(),
        nn.Conv2d(5, n, 3, padding=1, bias=bias),
    ],
}


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(("size", "bias"), [((8, 8), True), ((7, 4), False)])
@pytest.mark.parametrize("outputs", [1, 3, 5])
@pytest.mark.parametrize("kind", LAYERS)
def test_every_form_computes_its_layer(kind: str, outputs: int, bias: bool, size: tuple[int, int]) -> None:
    layers = [layer.double() for layer in LAYERS[kind](outputs, bias)]
    assert_same(nn.Sequential(*layers), Stack(*layers), (2, 3, *size))


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("kernel", "size", "layers", "channels"), [(4, (8, 8), 2, 1), (3, (7, 9), 1, 3), (5, (12, 12), 3, 1), (4, (3, 3), 2, 1)]
)
def test_latents_need_not_be_tiled(kernel: int, size: tuple[int, int], layers: int, channels: int) -> None:
    decoder = SpatialBroadcast(4, (channels, *size), kernel=kernel, channels=6, layers=layers).double()
    tiled = nn.Sequential(decoder.broadcast, nn.Sequential(*decoder.convolutions))
    assert_same(tiled, decoder, (3, 4))


@pytest.mark.usefixtures("at_once")
def test_a_broadcast_decoder_draws_other_sizes_untiled() -> None:
    decoder = SpatialBroadcast(4, (1, 8, 8), channels=6)
    z = torch.randn(3, 4)
    tiled = nn.Sequential(*decoder.convolutions)(decoder.broadcast(z, (12, 20)))
    torch.testing.assert_close(decoder(z, (12, 20)), tiled)


def test_a_kernel_covers_the_same_part_over_ranges() -> None:
    ranges, parts = covered(6, 4, (1, 2))
    assert ranges == [(0, 1), (1, 4), (4, 5), (5, 6)]
    assert parts.int().tolist() == [[0, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 0, 0]]


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("held", ["weights", "input"])
def test_gradients_that_nobody_wants_are_not_computed(held: str, masks: list[list[bool]]) -> None:
    network = Stack(nn.Conv2d(3, 8, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(8, 8, 4, 2, 1))
    network.requires_grad_(held != "weights")
    x = torch.randn(2, 3, 8, 8, requires_grad=held != "input")
    network(x).sum().backward()
    assert masks == ([[True, False, False]] if held == "weights" else [[False, True, False], [False, True, True]])


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("bias", [True, False])
def test_players_go_back_through_one_pass_each_for_what_is_theirs(bias: bool, masks: list[list[bool]]) -> None:
    """The networks of two players after each other: each learns what it would alone, and nothing else is computed."""
    layers = [nn.Conv2d(3, 8, 4, 2, 1, bias=bias), nn.Conv2d(8, 8, 3, padding=1, bias=bias), nn.Conv2d(8, 8, 3, bias=bias)]
    first, second = Stack(layers[0], nn.ReLU(), layers[1]), Stack(layers[2], nn.ReLU())
    x = torch.randn(2, 3, 8, 8)
    loss = second(first(x)).square().sum()
    torch.autograd.backward(loss, inputs=list(second.parameters()), retain_graph=True)
    assert masks == [[False, True, bias]]
    masks.clear()
    torch.autograd.backward(loss, inputs=list(first.parameters()), retain_graph=True)
    assert masks == [[True, False, False], [True, True, bias], [False, True, bias]]
    masks.clear()
    torch.autograd.backward(loss, inputs=[layers[1].weight], retain_graph=True)
    assert masks[1:] == [[False, True, False]]
    found = [layer.grad for layer in (*first.parameters(), *second.parameters())]
    found[2 if bias else 1] /= 2  # it was asked for twice
    plain = nn.Sequential(layers[0], nn.ReLU(), layers[1], layers[2], nn.ReLU())
    for one, other in zip(found, torch.autograd.grad(plain(x).square().sum(), list(plain.parameters())), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_rectifiers_do_not_write_over_what_others_see() -> None:
    network = Stack(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU())
    x = torch.randn(2, 1, 8, 8, requires_grad=True)
    with allow_fast_kernels():
        output = network(x)
    gradient = torch.randn_like(output)
    before = gradient.clone()
    torch.autograd.grad(output, x, gradient)
    assert torch.equal(gradient, before)


def test_only_passes_that_need_no_more_are_rewritten() -> None:
    x, layer = torch.zeros(1), nn.Sequential(nn.Linear(1, 1))
    assert not fast_kernels_allowed(layer, x), "a second derivative may be asked for"
    with torch.no_grad():
        assert fast_kernels_allowed(layer, x)
    with allow_fast_kernels():
        assert fast_kernels_allowed(layer, x)
        assert not fast_kernels_allowed(layer, x.double())
        assert not fast_kernels_allowed(nn.Linear(1, 1).double(), x)
        assert not fast_kernels_allowed(layer, torch.zeros(1, device="meta"))
        with torch.autocast("cpu", torch.bfloat16):
            assert not fast_kernels_allowed(layer, x)
        with torch._subclasses.FakeTensorMode() as mode:
            assert not fast_kernels_allowed(layer, mode.from_tensor(x))
        seen = layer[0].register_forward_hook(lambda *arguments: None)
        assert not fast_kernels_allowed(layer, x), "somebody looks at a layer"
        seen.remove()
        assert fast_kernels_allowed(layer, x)
    assert not fast_kernels_allowed(layer, x)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # of torch's own forward mode
def test_a_decoder_has_second_derivatives_and_jacobians() -> None:
    decoder = decoders["burgess"].factory(3, (1, 32, 32))
    z = torch.randn(3)
    reverse = torch.func.jacrev(lambda z: decoder(z[None])[0])(z)
    forward = torch.func.jacfwd(lambda z: decoder(z[None])[0])(z)
    torch.testing.assert_close(reverse, forward, rtol=1e-4, atol=1e-6)
    assert torch.func.hessian(lambda z: decoder(z[None]).square().sum())(z).isfinite().all()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("registry", "name"), [(r, e.name) for r in (encoders, decoders) for e in r])
def test_networks_are_the_same_in_training(registry: object, name: str, channels: int) -> None:
    is_encoder = registry is encoders
    network = encoders[name].factory((channels, 32, 32), 6) if is_encoder else decoders[name].factory(6, (channels, 32, 32))
    network.to(memory_format=torch.channels_last)
    x = torch.rand(4, channels, 32, 32) if is_encoder else torch.randn(4, 6)
    weights = torch.randn(100_000)
    plain = values_and_gradients(network, x.requires_grad_(), weights)
    with allow_fast_kernels():
        fast = values_and_gradients(network, x, weights)
    for expected, found in zip(plain, fast, strict=True):
        scale = expected.abs().max()
        torch.testing.assert_close(found / scale, expected / scale, rtol=0, atol=2e-5)


def test_the_last_layers_of_decoders_have_a_form_of_their_own() -> None:
    names = {
        name: type(form_of(list(decoders[name].factory(4, (1, 32, 32)).modules())[-1])).__name__
        for name in ("burgess", "higgins", "locatello", "wang", "watters", "spatial_broadcast")
    }
    assert names == {**dict.fromkeys(names, "_TransposedInBlocks"), "spatial_broadcast": "_ConvolutionInBlocks"}
