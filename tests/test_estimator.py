"""The estimator among scikit-learn's: its own checks, pipelines, searches, pickles."""

from __future__ import annotations

import json
import os
import pickle
import pickletools
import re
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from unbraid.errors import UnknownName, UsageError
from unbraid.estimator import DisentangledVAE, MetricScorer
from unbraid.metrics import dci, mig

SMALL = {"latent_dim": 2, "steps": 8, "encoder_width": 8, "decoder_width": 8, "random_state": 0, "device": "cpu"}
ROWS = np.random.default_rng(0).normal(size=(60, 4)) * [1, 10, 100, 1000] + 5
IMAGES = (np.random.default_rng(1).random((40, 8, 8)) * 255).astype(np.uint8)


CHECKS = """
import warnings
warnings.simplefilter("ignore")
from sklearn.utils.estimator_checks import check_estimator
from unbraid.estimator import DisentangledVAE, MetricScorer
from unbraid.metrics import dci, mig
estimator = DisentangledVAE(latent_dim=2, steps=2, random_state=0, device="cpu")
results = check_estimator(estimator, on_fail=None, on_skip=None)
for found in results:
    print(found["status"], found["check_name"], repr(found["exception"]))
"""


def test_checks_of_scikit_learn():
    """In a process of their own: they draw from global generators, and set parameters to what they cannot be."""
    # scikit-learn 1.6 asks for this variable where array-api-compat is installed
    environment = os.environ | {"SCIPY_ARRAY_API": "1"}
    done = subprocess.run([sys.executable, "-c", CHECKS], capture_output=True, text=True, check=True, env=environment)
    lines = done.stdout.splitlines()
    assert len(lines) > 40
    assert not [line for line in lines if not line.startswith(("passed", "skipped check_array_api"))]


def test_options_of_the_model_are_parameters():
    model = DisentangledVAE("beta_vae", beta=3.0, **SMALL)
    assert model.get_params()["beta"] == 3.0
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(beta=5.0, beta_warmup=0).get_params()["beta_warmup"] == 0
    assert model.fit(ROWS).model_.experiment.model_options["beta"] == 5.0
    assert clone(model).get_params() == model.get_params()


def test_what_is_no_option_is_refused_by_fit():
    with pytest.raises((UsageError, UnknownName), match="betta"):
        DisentangledVAE(betta=4, **SMALL).fit(ROWS)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((3, 3), r"image_shape \(3, 3\) has 9 values, and a row of X {}; give the shape of one image"),
        (6, r"image_shape is 6; allowed: \(height, width\) or \(channel, height, width\)"),
        ((2, 0), r"image_shape is \(2, 0\); allowed"),
    ],
)
def test_shapes_that_rows_do_not_have_are_refused_before_training(shape, words):
    with pytest.raises(UsageError, match=words.format(ROWS.shape[1])):
        DisentangledVAE(**SMALL).set_params(image_shape=shape).fit(ROWS)


def test_a_search_over_an_option_within_a_pipeline():
    pipeline = make_pipeline(DisentangledVAE(**SMALL), LinearRegression())
    search = GridSearchCV(pipeline, {"disentangledvae__beta": [1.0, 50.0]}, cv=2).fit(ROWS, ROWS[:, 3])
    assert set(search.best_params_) == {"disentangledvae__beta"}
    assert search.best_estimator_[0].model_.experiment.model_options["beta"] == search.best_params_["disentangledvae__beta"]
    alone = GridSearchCV(DisentangledVAE(**SMALL), {"beta": [1.0, 2.0]}, cv=2).fit(ROWS)
    assert np.isfinite(alone.cv_results_["mean_test_score"]).all()


def test_rows_of_a_table_come_back_in_its_numbers():
    wide = {"steps": 600, "latent_dim": 4, "encoder_width": 32, "decoder_width": 32, "lr": 3e-3}
    rows = ROWS[:, :1] * [1, -10, 100, 1000] + 3  # one quantity in four columns
    model = DisentangledVAE("vae", **SMALL | wide, sigma=0.05)
    codes = model.fit_transform(rows)
    assert codes.shape == (60, 4)
    assert (np.abs(model.inverse_transform(codes) - rows).mean(0) < 0.2 * rows.std(0)).all()
    beyond = model.inverse_transform(100 * np.eye(4))
    assert (beyond >= rows.min(0) - 1e-3).all()
    assert (beyond <= rows.max(0) + 1e-3).all()
    assert model.sample(5).shape == (5, 4)
    assert list(model.get_feature_names_out()) == [f"disentangledvae{k}" for k in range(4)]


@pytest.mark.parametrize("given", [IMAGES, IMAGES[:, None], IMAGES.reshape(40, 64)], ids=["3 axes", "4 axes", "rows"])
def test_images_in_any_form(given):
    shape = (8, 8) if given.ndim == 2 else None
    networks = {"encoder": "mlp", "decoder": "mlp"}
    model = DisentangledVAE("vae", image_shape=shape, **SMALL, **networks).fit(given)
    codes = model.transform(given)
    np.testing.assert_array_equal(codes, model.model_.encode(IMAGES).astype(codes.dtype))
    assert model.inverse_transform(codes).shape == given.shape
    assert model.model_.experiment.n_train == 40


def test_a_pickle_gives_the_same_codes_and_holds_no_code_of_the_model():
    model = DisentangledVAE(**SMALL).fit(ROWS)
    content = pickle.dumps(model)
    again = pickle.loads(content)
    np.testing.assert_array_equal(again.transform(ROWS), model.transform(ROWS))
    np.testing.assert_array_equal(again.inverse_transform([[0.0, 1.0]]), model.inverse_transform([[0.0, 1.0]]))
    texts = [str(argument) for _, argument, _ in pickletools.genops(content) if isinstance(argument, str)]
    modules = {text for text in texts if text.partition(".")[0] in ("torch", "unbraid")}
    assert modules == {"unbraid.estimator"}
    assert not hasattr(pickle.loads(pickle.dumps(clone(model))), "model_")


def test_a_pipeline_is_written_by_joblib_and_read_by_a_process_that_knows_nothing_of_it(tmp_path):
    pipeline = make_pipeline(DisentangledVAE(**SMALL), LinearRegression()).fit(ROWS, ROWS[:, 3])
    joblib.dump(pipeline, tmp_path / "pipeline.joblib", compress=3)
    np.save(tmp_path / "rows.npy", ROWS)
    code = "import joblib, numpy as np; print(joblib.load('pipeline.joblib').predict(np.load('rows.npy')).tolist())"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    np.testing.assert_allclose(json.loads(done.stdout), pipeline.predict(ROWS), rtol=1e-6)


class TestScorer:
    factors = np.random.default_rng(2).integers(0, 4, (200, 2))
    codes = np.c_[factors + 0.01 * np.random.default_rng(3).normal(size=(200, 2)), np.zeros(200)]

    def test_scores_what_the_transformer_makes_of_the_rows(self):
        rotated = PCA(2).fit(self.codes)
        expected = mig(rotated.transform(self.codes), self.factors)["score"]
        assert MetricScorer("mig")(rotated, self.codes, self.factors) == expected
        other = mig(rotated.transform(self.codes), self.factors, definition="locatello2019")["score"]
        assert MetricScorer("mig", {"definition": "locatello2019"})(rotated, self.codes, self.factors) == other
        parts = dci(rotated.transform(self.codes), self.factors)
        assert MetricScorer("dci.completeness")(rotated, self.codes, self.factors) == parts["completeness"]["score"]

    def test_prefers_axes_to_a_rotation_of_them(self):
        found = GridSearchCV(_Turned(), {"angle": [0.0, np.pi / 4]}, scoring=MetricScorer("mig"), cv=2)
        assert found.fit(self.codes, self.factors).best_params_ == {"angle": 0.0}
        scores = cross_val_score(_Turned(), self.codes, self.factors[:, 0], scoring=MetricScorer("mig"), cv=2)
        assert (scores > 0.8).all()  # a single factor, in one axis of y

    def test_sparse_codes_are_scored_like_dense_ones(self):
        scale = MaxAbsScaler().fit(csr_matrix(self.codes))
        assert MetricScorer("mig")(scale, csr_matrix(self.codes), self.factors) == pytest.approx(
            MetricScorer("mig")(scale, self.codes, self.factors)
        )

    def test_is_pickled_and_refuses_names_in_words(self):
        assert pickle.loads(pickle.dumps(MetricScorer("mig"))) == MetricScorer("mig")
        with pytest.raises(UnknownName, match="Did you mean 'mig'"):
            MetricScorer("migg")
        with pytest.raises(UsageError, match=r"There is no y, .* give y, whole numbers \(n, factors\)"):
            MetricScorer("mig")(_Turned().fit(self.codes), self.codes, None)
        with pytest.raises(UnknownName, match=r"part 'completness' of metric 'dci'.*'completeness'"):
            MetricScorer("dci.completness")(_Turned().fit(self.codes), self.codes, self.factors)


class _Turned(TransformerMixin, BaseEstimator):
    """Two axes, turned by an angle."""

    def __init__(self, angle=0.0):
        self.angle = angle

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        sine, cosine = np.sin(self.angle), np.cos(self.angle)
        return np.asarray(X)[:, :2] @ [[cosine, -sine], [sine, cosine]]


def test_the_score_is_the_mean_bound_and_grows_with_training():
    short, long = (DisentangledVAE("vae", **SMALL | {"steps": steps}, sigma=0.1).fit(ROWS) for steps in (2, 300))
    assert long.score(ROWS) > short.score(ROWS) + 0.1
    images = torch.rand(7, 1, 1, 4, generator=torch.Generator().manual_seed(0))
    model = long.model_
    passed = model.vae(images, torch.Generator().manual_seed(3))
    expected = -(passed.nll + passed.posterior.kl(model.vae.prior))
    torch.testing.assert_close(model.elbo(images, rng=3), expected.detach())


def test_the_seed_decides():
    codes = [DisentangledVAE(**SMALL | {"random_state": seed}).fit_transform(ROWS) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(codes[0], codes[1])
    assert not np.allclose(codes[0], codes[2])
    seeds = {DisentangledVAE(**SMALL | {"random_state": None}).fit(ROWS).model_.experiment.seed for _ in range(2)}
    assert len(seeds) == 2


def test_the_examples_of_the_documentation_run():
    page = (Path(__file__).parents[1] / "docs" / "scikit-learn.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(block, names)
    assert names["codes"].shape == (200, 3)
    assert names["again"].shape == (200, 6)
    assert set(names["search"].best_params_) == {"beta"}
