"""The arms of the study say what they claim to; the sentence about MIG is refuted by a computed number."""

import numpy as np
import pytest
import torch

from helpers.study_results import made_result
from unbraid.config.plan import plan
from unbraid.metrics.mig import mig
from unbraid.rates.decomposed import Decomposed
from unbraid.studies.measures import Run
from unbraid.studies.reports import soft_intro_tc as study
from unbraid.terms import Context


class NoRuns:
    """Values of a study without runs."""

    def values(self, arm, measure):
        return {}


def made_pass(experiment, images):
    with torch.no_grad():
        return experiment.build()(images, torch.Generator().manual_seed(0))


def context(n):
    return Context(1, 10, n, torch.Generator().manual_seed(1), training=True)


def test_beta_tcvae_as_coded_is_its_loss_divided_by_8():
    """The code's loss: 8 L + MI + 8 TC + dimension-wise KL, each from draws."""
    (request,) = study.TCVAE.requests("quick", 1)
    experiment, dataset = plan(request.model, request.data, request.options)
    images = torch.from_numpy(dataset.images.floats(np.arange(0, 7200, 300)))
    made = made_pass(experiment, images)
    (rate,) = experiment.recipe().objective.rates
    assert isinstance(rate, Decomposed)
    ours = sum((term.weight * term.value).mean() for term in rate(made, context(len(images))).values() if term.learns)
    parts = Decomposed(1, 1, 1, "plain", "sampled")(made, context(len(images)))
    mi, tc, rest = (parts[f"{name}_plain"].value.mean() for name in ("mi", "tc", "dimension_wise_kl"))
    assert 8 * float(made.nll.mean() + ours) == pytest.approx(float(8 * made.nll.mean() + mi + 8 * tc + rest), rel=1e-5)


@pytest.mark.parametrize(
    ("arm", "outside", "inside"),
    [
        (study.INTRO, (8, 8, 0), (8, 256, 0)),
        (study.INTRO_TC, (8, 1, 7), (8, 1, 255)),
        (study.MEANT_INTRO, (1, 8, 0), (1, 8, 0)),
        (study.MEANT_INTRO_TC, (1, 1, 7), (1, 1, 7)),
        (study.TUNED_INTRO_TC, (1, 1, 7), (1, 256, 0)),
        (study.WRITTEN_INTRO, (8, 8, 0), (8, 8, 0)),
        (study.WRITTEN_INTRO_TC, (8, 1, 7), (8, 1, 7)),
    ],
)
def test_weights_of_reconstruction_kl_and_tc_outside_and_inside_the_exponentials(arm, outside, inside):
    (request,) = arm.requests("quick", 1)
    game = plan(request.model, request.data, request.options)[0].recipe().objective
    for rates, scale, wanted in ((game.rates, game.beta_kl, outside), (game.inside, game.beta_neg, inside)):
        kl, *tc = rates
        found = (game.beta_rec, scale * kl.beta, scale * tc[0].weight if tc else 0)
        assert found == pytest.approx(wanted)
    coded = arm in study.AS_CODED
    assert game.target == ("reference" if coded else "detached")
    assert game.gamma_r == (1 if arm in (*study.AS_MEANT, *study.AS_WRITTEN) else 1e-8)


def test_the_best_mig_is_1_with_twice_as_many_latents_as_factors_and_the_rule_sees_a_lower_bound():
    assert study.MostOfPerfectCode(0.5, 10).decide(NoRuns()).outcome == "reversed"
    assert study.MostOfPerfectCode(1.0, 10).decide(NoRuns()).outcome == "confirmed"
    factors = np.stack(np.meshgrid(*map(np.arange, (3, 6, 4, 10, 10)), indexing="ij"), -1).reshape(-1, 5)
    twice = np.concatenate([factors, factors], axis=1)  # what does lower MIG: each factor in two latents
    assert mig(twice, factors)["score"] == pytest.approx(0, abs=1e-9)


def test_fine_detail_is_like_the_images_where_there_is_neither_less_nor_more_of_it():
    found = [
        study.LIKE.of(Run(made_result(study.VAE, 0, 0.1), {"spectrum": {"fine": fine}})) for fine in (0.0, 0.5, 1.0, 2.0, None)
    ]
    assert found == [0, 0.5, 1, 0.5, pytest.approx(np.nan, nan_ok=True)]
    noise = {"spectrum": {"fine": 1.0}, "mean_image": {"energy": 40.0}}  # the reconstruction of 50 nats is worse than the mean
    noisy = Run(made_result(study.VAE, 0, 0.1), noise)
    assert study.LIKE.of(noisy) == 0
    assert np.isnan(study.SOUND_FINE.of(noisy))
    assert study.SOUND_FINE.of(Run(made_result(study.VAE, 0, 0.1), {**noise, "mean_image": {"energy": 60.0}})) == 1


def test_faces_of_the_user_take_the_place_of_the_stand_in(monkeypatch):
    monkeypatch.delenv("UNBRAID_UKIYOE", raising=False)
    stand_in = study.soft_intro_tc()
    monkeypatch.setenv("UNBRAID_UKIYOE", "/faces")
    own = study.soft_intro_tc()
    assert {arm.data for arm in stand_in.arms} == {"dsprites_reduced", "olivetti"}
    assert {arm.data for arm in own.arms} == {"dsprites_reduced", "folder"}
    assert all(arm.options["horizontal_flip"] and arm.options["latent_dim"] == 48 for arm in own.arms if arm.data == "folder")
    assert any(claim.text == "all of this on Ukiyo-E" for claim in stand_in.claims)
    assert not any(claim.text == "all of this on Ukiyo-E" for claim in own.claims)


def test_quick_needs_no_download():
    assert {request.data for request in study.soft_intro_tc().requests("quick")} == {"dsprites_reduced"}


def test_runs_of_quick_are_too_short_for_a_verdict_and_those_of_cpu_are_not():
    for arm in study.soft_intro_tc().arms:
        assert (
            arm.steps("quick") * arm.options["batch_size"] < study.LEAST_IMAGES <= arm.steps("cpu") * arm.options["batch_size"]
        )
