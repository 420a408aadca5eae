"""QLAE as a user meets it: trained, scored, reported, saved; and what is known of its optimum and of its weight decay."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from torch import nn

import unbraid
from helpers.tiny import TINY
from unbraid.cli.main import main
from unbraid.codes import CodeTable
from unbraid.config.plan import plan
from unbraid.data.dataset import Dataset, load_dataset
from unbraid.data.storage import ByteImages
from unbraid.distributions.likelihoods.gaussian import Gaussian
from unbraid.distributions.posteriors.quantized import QuantizedHead
from unbraid.distributions.priors.codebook import CodebookPrior
from unbraid.errors import UsageError
from unbraid.evaluation.bound import importance_weighted_bound
from unbraid.model import Model
from unbraid.nn.vae import VAE
from unbraid.objectives.elbo import ELBO
from unbraid.rates.quantization import Quantization
from unbraid.terms import Context, Draw
from unbraid.training.optimizers import make_optimizers, optimizer_tensors, restore_optimizers
from unbraid.training.step import train_step
from unbraid.zoo.assemble import assemble
from unbraid.zoo.recipe import Optimizer, Recipe
from unbraid.zoo.registry import models


def context(step: int = 0) -> Context:
    return Context(step, 100, 192, torch.Generator().manual_seed(0))


def small(**options: float) -> tuple[Recipe, VAE]:
    recipe = models["qlae"].factory(**options)
    return recipe, assemble(recipe, (1, 32, 32), 4, seed=0)


def images(n: int = 16) -> torch.Tensor:
    data = load_dataset(TINY)
    return torch.from_numpy(data.images.floats(np.arange(n)))


def test_the_loss_is_the_published_one_in_nats_per_image():
    """N times: mean cross-entropy over pixels, 0.01 times mean squares over latents, twice."""
    recipe, vae = small(codebook_weight=0.02, commitment_weight=0.05)
    x = images()
    (move,) = recipe.objective.moves(vae, Draw((x,)), context())
    c = vae.networks["encoder"](x)
    books = vae.networks["posterior"].values
    z = torch.stack([book[(c[:, j, None] - book).abs().argmin(1)] for j, book in enumerate(books)], 1)
    straight = c + (z - c).detach()
    entropy = nn.functional.binary_cross_entropy_with_logits(vae.decode(straight), x)
    published = entropy + 0.02 * (c.detach() - z).square().mean() + 0.05 * (c - z.detach()).square().mean()
    torch.testing.assert_close(move.loss, 1024 * published)
    parameters = vae.parameters_of("encoder", "decoder")
    ours, theirs = (torch.autograd.grad(value, parameters, retain_graph=True) for value in (move.loss, 1024 * published))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_without_the_decoder_weights_decay_and_biases_and_codebooks_do_not():
    """One step of AdamW from gradients of 0: weights shrink by lr times decay, whatever the loss; all others stay."""
    recipe, vae = small()
    optimizers = make_optimizers(vae, recipe)
    before = {name: p.detach().clone() for name, p in vae.named_parameters()}
    for optimizer in optimizers.values():
        for group in optimizer.param_groups:
            for p in group["params"]:
                p.grad = torch.zeros_like(p)
        optimizer.step()
    for name, p in vae.named_parameters():
        factor = 1 - 1e-3 * 0.1 if name.endswith("weight") else 1.0
        torch.testing.assert_close(p.detach(), factor * before[name], rtol=1e-6, atol=0)
    assert {"networks.posterior.values"} < {name for name in before if not name.endswith("weight")}
    owned = [id(p) for one in optimizers.values() for group in one.param_groups for p in group["params"]]
    assert sorted(owned) == sorted(id(p) for p in vae.parameters())


def test_steps_do_not_depend_on_the_scale_of_the_loss_with_decoupled_decay_and_do_with_an_l2_penalty():
    apart = {}
    for name in ("adamw", "adam"):
        shown = []
        for scale in (1.0, 1024.0):
            p = nn.Parameter(torch.tensor([0.5, -2.0], dtype=torch.float64))
            decoder = nn.Module()
            decoder.register_parameter("weight", p)
            vae = VAE(nn.Identity(), decoder, nn.Identity(), nn.Identity(), nn.Identity())
            settings = Optimizer(name, lr=0.01, weight_decay=0.1, decay="weights")
            (optimizer,) = make_optimizers(vae, Recipe(ELBO(), optimizer=settings)).values()
            for step in range(20):
                p.grad = scale * torch.tensor([math.sin(step), 0.3], dtype=torch.float64)
                optimizer.step()
            shown.append(p.detach())
        apart[name] = (shown[0] - shown[1]).abs().max().item()
    assert apart["adamw"] < 1e-6
    assert apart["adam"] > 1e-3


def test_the_state_of_parameters_with_and_without_decay_is_kept_apart_and_restored():
    recipe, vae = small()
    optimizers = make_optimizers(vae, recipe)
    for step in range(2):
        train_step(vae, recipe.objective, optimizers, Draw((images(),)), context(step))
    kept = {name: tensor.clone() for name, tensor in optimizer_tensors(optimizers).items()}
    assert len(kept) == 3 * sum(1 for _ in vae.parameters())
    _, twin = small()
    twin.load_state_dict(vae.state_dict())
    again = make_optimizers(twin, recipe)
    restore_optimizers(again, kept)
    for pair in ((vae, optimizers), (twin, again)):
        train_step(pair[0], recipe.objective, pair[1], Draw((images(),)), context(2))
    assert all(torch.equal(one, other) for one, other in zip(vae.parameters(), twin.parameters(), strict=True))


def test_reconstructions_teach_the_codebooks_nothing():
    recipe, vae = small(codebook_weight=0.0)
    books = vae.networks["posterior"].values.detach().clone()
    train_step(vae, recipe.objective, make_optimizers(vae, recipe), Draw((images(),)), context())
    assert torch.equal(vae.networks["posterior"].values, books)
    recipe, vae = small()
    train_step(vae, recipe.objective, make_optimizers(vae, recipe), Draw((images(),)), context())
    assert not torch.equal(vae.networks["posterior"].values, books)


def test_training_draws_no_random_numbers():
    found = []
    for seed in (1, 2):
        recipe, vae = small()
        noise = torch.Generator().manual_seed(seed)
        train_step(vae, recipe.objective, make_optimizers(vae, recipe), Draw((images(),)), Context(0, 10, 192, noise))
        found.append(vae.state_dict())
    assert all(torch.equal(value, found[1][name]) for name, value in found[0].items())


class Scale(nn.Module):
    """A number for each image, or an image for each number, times a gain."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.gain, self.shape = nn.Parameter(torch.tensor(1.0, dtype=torch.float64), requires_grad=False), shape

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.gain * x.reshape(len(x), *self.shape)


def one_pixel(values: int = 2) -> VAE:
    head, prior = QuantizedHead(1, values).double(), CodebookPrior(1)
    prior.follow(head)
    return VAE(Scale((1,)), Scale((1, 1, 1)), Gaussian(1.0, squash="none"), prior, head)


def test_codebooks_come_to_rest_at_the_means_of_the_numbers_that_choose_them():
    """Lloyd's algorithm: with fixed networks the codebook ends as k-means of the codes."""
    vae = one_pixel()
    x = torch.tensor([-2.0, -1.0, -0.3, 0.8, 1.0, 3.0], dtype=torch.float64).reshape(-1, 1, 1, 1)
    objective = ELBO((Quantization(0.5, 0.5),))
    optimizers = make_optimizers(vae, Recipe(objective, optimizer=Optimizer("sgd", lr=0.5)))
    for step in range(60):
        train_step(vae, objective, optimizers, Draw((x,)), context(step))
    torch.testing.assert_close(vae.networks["posterior"].codebooks, torch.tensor([[-1.1, 1.6]]).double())


def test_the_bound_on_log_p_is_that_of_a_code_of_equally_probable_words():
    """log p(x) >= log p(x|z) - D log V, with no noise in either; z is the value nearest to each image."""
    pixels = np.arange(0, 256, 5, dtype=np.uint8).reshape(-1, 1, 1, 1)
    index, cpu = np.arange(len(pixels)), torch.device("cpu")
    found = importance_weighted_bound(
        one_pixel(3),
        Dataset("pixels", ByteImages(pixels), np.arange(0)),
        index=index,
        draws=3,
        generator=torch.Generator().manual_seed(0),
        device=cpu,
    )
    x = pixels.flatten() / 255
    z = np.where(x < 0.25, 0.0, 0.5)
    expected = (-0.5 * (x - z) ** 2 - 0.5 * math.log(2 * math.pi) - math.log(3)).mean()
    assert found.value == pytest.approx(expected, abs=1e-6)


def test_options_reach_their_parts_and_what_makes_no_sense_is_refused():
    assert small(codebook_size=3)[1].networks["posterior"].codebooks.shape == (4, 3)
    experiment = plan("qlae", TINY, {"batch_size": 16})[0]
    assert (experiment.optimizer, experiment.lr, experiment.weight_decay) == ("adamw", 1e-3, 0.1)
    assert plan("qlae", TINY, {"batch_size": 16, "weight_decay": 0.0})[0].weight_decay == 0
    assert experiment.recipe().optimizer == models["qlae"].factory().optimizer
    with pytest.raises(UsageError, match="--codebook-size of model 'qlae' is 1; allowed: .* at least 2"):
        plan("qlae", TINY, {"codebook_size": 1})
    with pytest.raises(UsageError, match="--codebook-weight of model 'qlae' is -1"):
        plan("qlae", TINY, {"codebook_weight": -1})


def test_published_weights_are_said_in_our_unit_too():
    notes = [row.note for row in models["qlae"].details["published"]]
    assert f"{0.01 * 3 * 64**2 / 12:.2f} in nats" in notes[0]
    assert f"{0.001 * 64**2 / 10:.2f} in nats" in notes[1]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("qlae") / "run"
    unbraid.train("qlae", TINY, out=folder, device="cpu", steps=20, batch_size=32, latent_dim=4, evaluate_every=20)
    return folder


def test_scores_know_that_codes_have_no_noise_and_no_kl_each(run, capsys, monkeypatch):
    monkeypatch.setattr("unbraid.evaluation.evaluate.BOUND_DRAWS", 2)
    assert main(["evaluate", str(run)]) == 0
    assert "Codebooks to codes, squared (number)" in capsys.readouterr().out
    table = CodeTable.load(run / "codes.npz")
    assert not table.variance.any()
    assert (table.nll_mean == table.nll_sample).all()
    books = unbraid.load(run).codebooks
    assert all(np.isin(column, book).all() for column, book in zip(table.mean.T, books, strict=True))
    scored = json.loads((run / "metrics.json").read_text())
    assert scored["kl_per_dim"] == []
    assert "kl_parts" not in scored
    found = scored["splits"]["test"]
    weight = 0.01 * 1024 / 4
    squares = found["terms"]["quantization_codebook"]
    assert squares == found["terms"]["quantization_commitment"] > 0
    assert found["loss"] == pytest.approx(found["nll"] + 2 * weight * squares, rel=1e-6)
    assert scored["active"] == [len(set(column)) > 1 for column in table.mean.T.tolist()]


def test_the_report_says_that_latents_take_the_values_of_codebooks(run):
    page = unbraid.report(run).read_text(encoding="utf-8")
    table = CodeTable.load(run / "codes.npz")
    assert (np.diff(table.mean.var(0)[table.order()]) <= 0).all()
    assert "sorted by the variance of their means" in page
    assert "to the nearest value of its codebook" in " ".join(page.split())
    assert "stay at the values nearest to 0" in page


def test_a_saved_model_is_the_same_model(run, tmp_path):
    model = unbraid.load(run)
    again = unbraid.load(model.save(tmp_path / "saved"))
    pictures = np.random.default_rng(0).random((5, 1, 32, 32), dtype=np.float32)
    q, other = (one.encode(pictures, distribution=True) for one in (model, again))
    np.testing.assert_array_equal(q.mean, other.mean)
    np.testing.assert_array_equal(q.sample(3), q.mean)
    np.testing.assert_allclose(q.kl, np.full((5, 1), 4 * math.log(10)), rtol=1e-6)
    np.testing.assert_array_equal(model.codebooks, again.codebooks)
    np.testing.assert_array_equal(model.sample(3, 1), again.sample(3, 1))


def test_traversals_run_over_the_values_of_the_codebook(run):
    model = unbraid.load(run)
    books, image = model.codebooks, np.zeros((1, 32, 32), np.float32)
    assert books.shape == (4, 10)
    assert (np.diff(books) > 0).all()
    base = model.encode(image[None])[0]
    frames = model.traverse(image, dims=[2], n=10)
    codes = np.tile(base, (10, 1))
    wanted = np.linspace(books[2, 0], books[2, -1], 10)
    codes[:, 2] = [min(books[2], key=lambda value: abs(value - x)) for x in wanted]
    np.testing.assert_allclose(frames[0], model.decode(codes), atol=1e-6)
    np.testing.assert_array_equal(model.nearest_codes(codes), codes)
    np.testing.assert_array_equal(model.traverse(image, dims=[2], n=10, span=(float(wanted[0]), float(wanted[-1]))), frames)
    with pytest.raises(UsageError, match="this model decodes"):
        model.nearest_codes(np.zeros((1, 3)))
    middle = np.array([min(book, key=abs) for book in books], np.float32)
    at_least = middle.copy()
    at_least[0] = books[0, 0]
    np.testing.assert_allclose(model.traverse(dims=[0], n=2)[0, 0], model.decode(at_least)[0], atol=1e-6)
    np.testing.assert_allclose(model.traverse(dims=[0], span=(-9, 9), n=2)[0, 0], model.decode(at_least)[0], atol=1e-6)


def test_models_of_other_posteriors_have_no_codebooks():
    experiment, _ = plan("vae", TINY, {"batch_size": 16})
    model = Model(experiment.build(), experiment)
    assert model.codebooks is None
    codes = np.float32([[0.123] * 10])
    np.testing.assert_array_equal(model.nearest_codes(codes), codes)
