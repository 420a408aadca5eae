"""An encoder in an ONNX file gives what NumPy computes by the same weights."""

from __future__ import annotations

import resource
import sys

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx import TensorProto

from helpers.onnx_models import encoder, weights
from helpers.tiny import TINY
from unbraid.data.dataset import Dataset, load_dataset
from unbraid.data.storage import ByteImages
from unbraid.errors import DataUnavailable, UnbraidWarning, UsageError
from unbraid.evaluation.onnx_encoder import OnnxEncoder

INDEX = np.arange(0, 240, 7)


@pytest.fixture(scope="module")
def data():
    return load_dataset(TINY)


@pytest.fixture(scope="module")
def rng_images():
    pixels = np.random.default_rng(0).integers(0, 256, (12, 3, 8, 8), dtype=np.uint8)
    return Dataset("noise", ByteImages(pixels), np.arange(0))


def expected(data, index=INDEX, latents=3):
    images = data.images.floats(index).reshape(len(index), -1).astype(np.float64)
    return images @ weights(images.shape[1], latents).astype(np.float64)


@pytest.mark.parametrize("batch", ["n", 1, 16, 64])
def test_means_and_variances_whatever_the_size_of_a_batch(tmp_path, data, batch):
    told = []
    found = OnnxEncoder(encoder(tmp_path / "e.onnx", shape=(batch, 1, 32, 32)))
    mean, variance = found.encode(data, INDEX, lambda *count: told.append(count))
    np.testing.assert_allclose(mean, expected(data), rtol=1e-4)
    np.testing.assert_allclose(variance, np.exp(expected(data) / 2 - 1), rtol=1e-4)
    assert told[-1] == (len(INDEX), len(INDEX))


def test_the_name_of_an_output_says_what_it_is(tmp_path, data):
    at_half = expected(data) / 2 - 1
    for name, made in {"z_log_var": np.exp(at_half), "LogSigma": np.exp(2 * at_half)}.items():
        found = OnnxEncoder(encoder(tmp_path / "e.onnx", outputs=("out", name)))
        assert (found.mean, found.spread, found.left_out) == ("out", name, ())
        np.testing.assert_allclose(found.encode(data, INDEX)[1], made, rtol=1e-4)
    found = OnnxEncoder(encoder(tmp_path / "e.onnx", outputs=("z", "mu", "hidden")))  # drawn codes first
    assert (found.mean, found.spread, found.left_out) == ("mu", None, ("z", "hidden"))
    mean, variance = found.encode(data, INDEX)
    np.testing.assert_allclose(mean, at_half, rtol=1e-4)
    assert variance is None


def test_a_variance_that_is_none_is_refused(tmp_path, data):
    for name in ("var", "std"):  # about -0.9
        with pytest.raises(UsageError, match=rf"Output '{name}' .* above 0"):
            OnnxEncoder(encoder(tmp_path / "e.onnx", outputs=("mean", name))).encode(data, INDEX)


def test_images_of_another_size_are_refused_before_any_is_encoded(tmp_path, data):
    with pytest.raises(UsageError, match="1 x 64 x 64, and tiny_ellipses has 1 x 32 x 32"):
        OnnxEncoder(encoder(tmp_path / "e.onnx", shape=("n", 1, 64, 64))).encode(data, INDEX)


@pytest.mark.parametrize("kind", [TensorProto.DOUBLE, TensorProto.FLOAT16])
def test_other_kinds_of_floats_are_taken(tmp_path, data, kind):
    mean, _ = OnnxEncoder(encoder(tmp_path / "e.onnx", kind=kind)).encode(data, INDEX)
    np.testing.assert_allclose(mean, expected(data), rtol=1e-3)


@pytest.mark.parametrize("shape", [("n", 32, 32, 1), (8, 32, 32, 1), ("n", "h", "w", 1)])
def test_images_are_given_with_channels_last_where_the_encoder_has_them_so(tmp_path, data, shape):
    mean, _ = OnnxEncoder(encoder(tmp_path / "e.onnx", shape=shape, last=True, pixels=1024)).encode(data, INDEX)
    np.testing.assert_allclose(mean, expected(data), rtol=1e-4)


def test_where_a_file_says_no_sizes_the_layout_that_works_is_taken(tmp_path, rng_images):
    names = ("n", "a", "b", "c")
    for last in (False, True):
        path = encoder(tmp_path / "e.onnx", shape=names, last=last, pixels=3 * 8 * 8, wanted=(3, 8, 8))
        mean, _ = OnnxEncoder(path).encode(rng_images, np.arange(12))
        np.testing.assert_allclose(mean, expected(rng_images, np.arange(12)), rtol=1e-4)


def test_an_encoder_that_draws_noise_is_told_of(tmp_path, data):
    with pytest.warns(UnbraidWarning, match=r"other codes of the same images.*'mean' holds noise.*encoder\.eval\(\)"):
        OnnxEncoder(encoder(tmp_path / "e.onnx", spoil="noise")).encode(data, INDEX)


def test_endless_and_huge_models_are_stopped(tmp_path, data, monkeypatch):
    monkeypatch.setattr("unbraid.onnx_session.MOST_SECONDS", 1.0)
    for spoil, says in (("endless", "stopped after 1 s"), ("huge", "more than 4 GiB of memory")):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(UsageError, match=says):
            OnnxEncoder(encoder(tmp_path / "e.onnx", spoil=spoil)).encode(data, INDEX)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 20  # KiB


def test_without_onnxruntime_it_says_what_to_install(tmp_path, monkeypatch):
    path = encoder(tmp_path / "e.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(DataUnavailable, match=r"pip install 'unbraid\[onnx\]'"):
        OnnxEncoder(path)


def test_nan_names_image_and_latent(tmp_path, data):
    with pytest.raises(UsageError, match=r"'mean' is nan for image 7, latent 0"):
        OnnxEncoder(encoder(tmp_path / "e.onnx", spoil="nan")).encode(data, INDEX[1:])
