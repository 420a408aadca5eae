import numpy as np
import pytest
import torch

import unbraid
from helpers.tiny import TINY, tiny_ellipses
from unbraid.data.dataset import Dataset
from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.storage import ByteImages
from unbraid.evaluation.encoding import encode_posteriors
from unbraid.evaluation.scores import posterior_samples, reference_arguments
from unbraid.metrics import mig, sap


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return unbraid.train(
        "vae", TINY, out=tmp_path_factory.mktemp("run") / "r", device="cpu", steps=5, batch_size=16, latent_dim=4
    )


def test_scores_are_shown_beside_chance_ceiling_and_the_model_before_its_first_step(model):
    scored = model.evaluate(metrics=["sap", "factor_vae_score"], intervals=4)
    for node in scored.scores.values():
        assert {"chance", "ceiling", "untrained"} <= set(node)
        assert node["no_interval"] == "all samples that there are have been scored"

    dataset = tiny_ellipses()
    mean, _ = encode_posteriors(model.experiment.build(), dataset, index=np.arange(240), device=torch.device("cpu"))
    fresh = sap(mean, dataset.factors)["score"]
    assert scored["sap"]["untrained"] == pytest.approx(fresh, abs=1e-5)
    assert scored["sap"]["score"] != pytest.approx(fresh, abs=1e-7)


def test_a_part_of_the_grid_has_intervals(model):
    scored = model.evaluate(metrics=["sap"], intervals=4, limit=100)
    assert scored["sap"]["interval"][0] < scored["sap"]["score"] < scored["sap"]["interval"][1]


def test_the_ceiling_falls_where_images_look_alike():
    """Two factors of 4 values; of the second no image shows more than its parity."""
    factors = np.array([(a, b) for a in range(4) for b in range(4)] * 30, dtype=np.int16)
    pixels = np.zeros((480, 1, 2, 2), np.uint8)
    pixels[:, 0, 0, 0], pixels[:, 0, 1, 1] = factors[:, 0], factors[:, 1] % 2
    space = FactorSpace((Factor("a", tuple(range(4))), Factor("b", tuple(range(4)))))
    dataset = Dataset("parity", ByteImages(pixels), test=np.arange(0), space=space, factors=factors)
    known = reference_arguments(dataset, np.arange(480))
    best = mig(known["perfect"].astype(float), factors)["per_factor"]
    assert best["0"] == pytest.approx(1.0, abs=1e-9)
    assert best["1"] == pytest.approx(0.5, abs=0.01)  # log 2 of log 4
    assert known["population"] is None  # the grid 30 times is not the grid


def test_posteriors_that_are_points_are_scored_by_their_means():
    factors = np.arange(40)[:, None] % 4
    mean = factors.astype(np.float32)
    assert posterior_samples(mean, np.zeros_like(mean), factors, ["a"]).variance is None
    assert posterior_samples(mean, np.full_like(mean, 0.1), factors, ["a"]).variance is not None
