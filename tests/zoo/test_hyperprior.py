"""CHyVAE as a user meets it: trained, scored, reported, saved; and what is known of its optimum."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

import unbraid
from helpers.tiny import TINY
from unbraid.cli.main import main
from unbraid.codes import CodeTable
from unbraid.config.plan import plan
from unbraid.data.dataset import Dataset
from unbraid.data.storage import ByteImages
from unbraid.distributions.likelihoods.gaussian import Gaussian
from unbraid.distributions.posteriors.full_normal import FullNormalHead
from unbraid.distributions.priors.standard_normal import StandardNormal
from unbraid.distributions.priors.student_t import StudentT
from unbraid.errors import UsageError
from unbraid.evaluation.bound import importance_weighted_bound
from unbraid.nn.vae import VAE
from unbraid.objectives.elbo import ELBO
from unbraid.rates.inverse_wishart import InverseWishart
from unbraid.terms import Context, Draw
from unbraid.training.optimizers import make_optimizers
from unbraid.training.step import train_step
from unbraid.zoo.assemble import assemble
from unbraid.zoo.recipe import Optimizer, Recipe
from unbraid.zoo.registry import models

SIGMA, PIXELS, LATENTS = 0.3, 6, 3
WEIGHT = 0.4 * torch.randn(PIXELS, LATENTS, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
PRECISION = torch.eye(LATENTS, dtype=torch.float64) + WEIGHT.T @ WEIGHT / SIGMA**2
"""Of the true posterior of x = WEIGHT z + noise under z ~ N(0, I): latents depend on each other given x."""


class LinearEncoder(nn.Module):
    """Means linear in the image and one matrix A for all images."""

    def __init__(self, gain: torch.Tensor, a: torch.Tensor) -> None:
        super().__init__()
        self.gain, self.a = nn.Parameter(gain), nn.Parameter(a)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x.flatten(1).double() @ self.gain.T, self.a.flatten().expand(len(x), -1)], 1)


def linear_vae(encoder: LinearEncoder, prior: nn.Module) -> VAE:
    decoder = nn.utils.skip_init(nn.Linear, LATENTS, PIXELS, bias=False, dtype=torch.float64)
    with torch.no_grad():
        decoder.weight.copy_(WEIGHT)
    decoder.requires_grad_(False)
    likelihood, grid = Gaussian(SIGMA, squash="none"), nn.Unflatten(1, (1, 1, PIXELS))
    return VAE(encoder, nn.Sequential(decoder, grid), likelihood, prior, FullNormalHead(LATENTS))


def true_encoder() -> LinearEncoder:
    """The numbers that the head turns into the true posterior."""
    covariance = torch.linalg.inv(PRECISION)
    lower = torch.linalg.cholesky(covariance - 1e-4 * torch.eye(LATENTS))
    a = lower.tril(-1) + torch.diag_embed(torch.expm1(lower.diagonal() - 1e-4).log())  # softplus undone
    return LinearEncoder(covariance @ WEIGHT.T / SIGMA**2, a)


def test_with_the_true_posterior_every_draw_gives_log_p_exactly():
    pixels = np.random.default_rng(0).integers(0, 256, size=(100, 1, 1, PIXELS), dtype=np.uint8)
    found = importance_weighted_bound(
        linear_vae(true_encoder(), StandardNormal(LATENTS)),
        Dataset("pixels", ByteImages(pixels), np.arange(0)),
        index=np.arange(100),
        draws=3,
        generator=torch.Generator().manual_seed(0),
        device=torch.device("cpu"),
    )
    x = torch.from_numpy(pixels).double().flatten(1) / 255
    covariance = WEIGHT @ WEIGHT.T + SIGMA**2 * torch.eye(PIXELS)
    zero = torch.zeros(PIXELS, dtype=torch.float64)
    exact = torch.distributions.MultivariateNormal(zero, covariance).log_prob(x).mean()
    assert found.value == pytest.approx(exact.item(), abs=1e-6)


def test_training_finds_the_true_posterior_with_its_correlations():
    """A fixed decoder that mixes latents; with much freedom CHyVAE's prior is N(0, I), so that its optimum is known."""
    untrained = LinearEncoder(torch.zeros(LATENTS, PIXELS).double(), torch.zeros(LATENTS, LATENTS).double())
    vae = linear_vae(untrained, StudentT(LATENTS, 1e6))
    draw = torch.Generator().manual_seed(0)
    clean = torch.randn(512, LATENTS, generator=draw, dtype=torch.float64) @ WEIGHT.T
    x = (clean + SIGMA * torch.randn(512, PIXELS, generator=draw, dtype=torch.float64)).reshape(-1, 1, 1, PIXELS)
    objective, steps = ELBO((InverseWishart(1e6),)), 250
    optimizers = make_optimizers(vae, Recipe(objective, optimizer=Optimizer("adam", 0.05)))
    for step in range(steps):
        optimizers["encoder"].param_groups[0]["lr"] = 0.05 * (1 - step / steps)
        train_step(vae, objective, optimizers, Draw((x,)), Context(step, steps, 512, draw))
    covariance = torch.linalg.inv(PRECISION)
    deviation = covariance.diagonal().sqrt()
    assert ((covariance / deviation / deviation[:, None]).abs() > 0.3).sum() == LATENTS + 4  # two pairs are correlated
    torch.testing.assert_close(vae.encode(x[:1]).covariance[0].detach(), covariance, rtol=0.02, atol=0.01)
    mean = x.flatten(1) @ (covariance @ WEIGHT.T / SIGMA**2).T
    assert (vae.encode(x).mean - mean).square().mean() < 0.01 * mean.square().mean()


def test_the_bound_is_at_least_the_exact_kl_of_the_same_model():
    recipes = {kl: models["chyvae"].factory(nu=12.0, kl=kl) for kl in ("bound", "exact")}
    vae = assemble(recipes["bound"], (1, 32, 32), 4, seed=0)
    images = torch.rand(256, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    terms = {}
    for kl, recipe in recipes.items():
        (move,) = recipe.objective.moves(vae, Draw((images,)), Context(0, 1, 256, torch.Generator().manual_seed(1), False))
        terms[kl] = {name: term.mean.item() for name, term in move.terms.items()}
    exact = terms["exact"]["kl"]
    assert exact == pytest.approx(vae.encode(images).kl(vae.prior).mean().item(), rel=1e-6)
    assert terms["bound"]["kl_bound"] > exact + 0.1
    assert terms["bound"]["kl"] == pytest.approx(exact, abs=0.5)  # one draw for each of 256 images
    assert vae.prior.nu == 12.0


def test_too_little_freedom_is_refused_before_anything_is_done():
    with pytest.raises(UsageError, match="--nu is 33; .* covariance of 40 latents needs more than 39"):
        plan("chyvae", TINY, {"latent_dim": 40})
    with pytest.raises(UsageError, match="--nu is 9; .* needs more than 9. Give a larger --nu or a smaller --latent-dim"):
        plan("chyvae", TINY, {"nu": 9})
    assert plan("chyvae", TINY, {"nu": 9.5})[0].model_options["nu"] == 9.5


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chyvae") / "run"
    unbraid.train("chyvae", TINY, out=folder, device="cpu", steps=20, batch_size=32, latent_dim=4, evaluate_every=20)
    return folder


def test_scores_know_that_latents_have_no_kl_each(run, capsys, monkeypatch):
    monkeypatch.setattr("unbraid.evaluation.evaluate.BOUND_DRAWS", 4)
    assert main(["evaluate", str(run)]) == 0
    shown = capsys.readouterr().out
    assert "Latents, which have no KL each" in shown or "4 of 4 latents tell nothing" in shown
    scored = json.loads((run / "metrics.json").read_text())
    assert scored["kl_per_dim"] == []
    assert "kl_parts" not in scored  # which would take latents for independent given an image
    terms = scored["splits"]["test"]["terms"]
    assert {"kl_bound", "kl", "nll"} <= set(terms)
    assert scored["splits"]["test"]["loss"] == pytest.approx(terms["nll"] + terms["kl_bound"], rel=1e-6)
    bound = scored["splits"]["train"]["log_p_bound"]
    assert np.isfinite([bound["value"], bound["error"]]).all()
    assert -bound["value"] < scored["splits"]["train"]["loss"]


def test_the_report_sorts_by_variance_and_says_so(run):
    page = unbraid.report(run).read_text(encoding="utf-8")
    table = CodeTable.load(run / "codes.npz")
    assert (np.diff(table.mean.var(0)[table.order()]) <= 0).all()
    assert "sorted by the variance of their means" in page
    assert "KL to the prior, at most" in page
    assert "Student's t" in page.replace("&#39;", "'")


def test_a_saved_model_is_the_same_model(run, tmp_path):
    model = unbraid.load(run)
    again = unbraid.load(model.save(tmp_path / "saved"))
    images = np.random.default_rng(0).random((5, 1, 32, 32), dtype=np.float32)
    q, other = (one.encode(images, distribution=True) for one in (model, again))
    np.testing.assert_array_equal(q.sample(3), other.sample(3))
    np.testing.assert_array_equal(q.kl, other.kl)
    assert q.kl.shape == (5, 1)
    assert (q.kl > 0).all()
    np.testing.assert_array_equal(model.sample(3, 1), again.sample(3, 1))
    assert np.isfinite(model.traverse(images[0])).all()
