"""The arms and measures of the study say what they claim to."""

import math

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from helpers.results import result_of
from unbraid.config.plan import plan
from unbraid.model import Model
from unbraid.records import to_json
from unbraid.studies.measures import Run
from unbraid.studies.reports import beta_grid as study
from unbraid.terms import Context


def asked(arm, budget="cpu"):
    return arm.requests(budget, 1)[0]


def test_the_loss_is_the_mean_squared_error_and_beta_norm_times_the_mean_kl():
    """N times what the report minimizes, which takes means over pixels and latents."""
    request = asked(study.GRID[0.2, 11])
    experiment, dataset = plan(request.model, request.data, request.options)
    images = torch.from_numpy(dataset.images.floats(np.arange(0, 6144, 512)))
    vae = experiment.build()
    with torch.no_grad():
        made = vae(images, torch.Generator().manual_seed(0))
        kl = vae.encode(images).kl_per_dim(vae.prior)
        error = (vae.likelihood.mean(vae.decode(made.z)) - images).square()
    (rate,) = experiment.recipe().objective.rates
    context = Context(1, 10, len(images), torch.Generator().manual_seed(1), training=True)
    weighted = sum((term.weight * term.value).mean() for term in rate(made, context).values() if term.learns)
    loss = made.nll.mean() + weighted - vae.likelihood.normalizer(784)
    assert float(loss) / 784 == pytest.approx(float(error.mean() + 0.2 * kl.mean()), rel=1e-5)


def made_run(arm, *, nll, constant, kl=7.0, loss=None, sigma=None):
    terms = {"kl": kl} | ({"sigma": sigma} if sigma else {})
    losses = {"test": {"nll": nll, "nll_constant": constant, "loss": loss or nll + kl, "terms": terms}}
    configuration = {
        "model": arm.model, "data": arm.data, "model_options": {}, "data_options": {}, "image_shape": [1, 28, 28],
        "latent_dim": 5, "steps": 1, "batch_size": 64,
    }  # fmt: skip
    told = {"losses": losses, "metrics": {}, "active": [True], "kl_per_dim": [kl], "given": {}}
    return Run(result_of(configuration, 0, told))


@pytest.mark.parametrize("sigma", [None, 0.1])
def test_squared_error_and_the_elbo_at_the_sigma_that_fits(sigma):
    """Of images that are each off by 0.2 in every pixel."""
    variance = sigma**2 if sigma else 0.5
    constant = 784 / 2 * math.log(2 * math.pi * variance)
    arm = study.HEART_SIGMAS["learned"] if sigma else study.HEARTS[1.0]
    run = made_run(arm, nll=784 * 0.04 / (2 * variance) + constant, constant=constant, sigma=sigma)
    assert study.ERROR.of(run) == pytest.approx(0.04)
    fitting = 784 * (0.04 / (2 * 0.04) + math.log(0.2) + 0.5 * math.log(2 * math.pi))
    assert study.CALIBRATED.of(run) == pytest.approx(fitting + 7)
    assert study.IMPLIED.of(run) == pytest.approx(variance / 0.5)
    assert study.SIGMA.of(run) == pytest.approx(math.sqrt(variance))
    if not sigma:
        assert study.THEIR_LOSS.of(run) == pytest.approx(0.04 + 7 / 784)
        assert study.ELBO.of(run) == pytest.approx(784 * 0.04 + constant + 7)


def test_a_learned_sigma_stands_in_the_scores():
    request = asked(study.HEART_SIGMAS["learned"])
    experiment, dataset = plan(request.model, request.data, {**request.options, "encoder": "mlp", "decoder": "mlp"})
    found = Model(experiment.build(), experiment).evaluate_with_codes(dataset, ["mig"], limit=20)[1]
    run = made_run(study.HEART_SIGMAS["learned"], nll=1.0, constant=0.0)
    told = replace(run.result, losses={"test": to_json(found.splits["test"])})
    assert study.SIGMA.of(Run(told)) == pytest.approx(1, abs=0.01)
    assert 0 < study.ERROR.of(Run(told)) < 1


def test_the_grid_is_the_reports_and_the_outlined_cells_have_beta_near_1():
    assert len(study.GRID) == 25
    assert (min(study.GRID), max(study.GRID)) == ((0.002, 5), (20.0, 125))
    marked = study._like_vae(study.GRID)
    assert [latents for _, latents in marked] == list(study.LATENTS)
    assert all(1 / math.sqrt(10) <= value * 784 / latents <= math.sqrt(10) for value, latents in marked)
    assert list(study.LINE) == sorted([*study.BETWEEN, *study.BETA_NORMS])
    assert all(one.options["latent_dim"] == study.MIDDLE for one in study.LINE.values())


def test_a_page_is_of_mnist_or_of_fashion_mnist(monkeypatch):
    monkeypatch.delenv("UNBRAID_DIGITS", raising=False)
    assert {arm.data for arm in study.beta_grid().arms} == {"shapes", "mnist"}
    assert {one.data for one in study.beta_grid().requests("quick")} == {"shapes"}, "quick needs no download"
    monkeypatch.setenv("UNBRAID_DIGITS", "fashion_mnist")
    other = study.beta_grid()
    assert {arm.data for arm in other.arms} == {"shapes", "fashion_mnist"}
    assert {one.data for one in other.requests("quick")} == {"shapes", "fashion_mnist"}
    assert not any("(MNIST" in claim.text for claim in other.claims)


def test_runs_of_quick_are_few():
    assert len(study.beta_grid().requests("quick")) <= 12
