"""What a page says of a run: measured on fixed images, at several times, of models of the same data alone."""

from __future__ import annotations

import base64
import json
import shutil
import sys
from dataclasses import replace

import msgspec
import numpy as np
import pytest
import torch

import unbraid
from helpers.tiny import TINY
from unbraid import api
from unbraid.data.dataset import Dataset
from unbraid.errors import CorruptFile, DataUnavailable, UsageError
from unbraid.explorer import reweight
from unbraid.explorer.compact import Networks
from unbraid.explorer.content import Latent
from unbraid.explorer.explore import explorer_page
from unbraid.explorer.measured import measure, order, take_sample
from unbraid.explorer.onnx_files import Decoder, Preview, exported
from unbraid.explorer.reweight import Exporter, with_weights
from unbraid.explorer.times import every_time
from unbraid.figures.heatmaps import means_over_positions
from unbraid.records import to_json
from unbraid.reporting.view import RunView, need_same_data
from unbraid.training.run import open_run


def numbers(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<f4")


@pytest.fixture(scope="module")
def data() -> Dataset:
    return unbraid.load_dataset(TINY)


def test_what_is_measured_of_latents(runs, data):
    sample = take_sample(data, 12)
    assert np.array_equal(sample.rows, np.arange(240)), "few images are all taken"
    found = measure(runs.first, sample, sample.pixels)
    q = runs.first.encode(data.images.floats(np.arange(240)), distribution=True)
    mean, spread = q.mean.astype(float).mean(0), np.sqrt(q.mean.astype(float).var(0) + q.variance.astype(float).mean(0))
    latents = found.latents
    for name, expected in (
        ("mean", mean),
        ("sd", spread),
        ("low", mean - 3 * spread),
        ("high", mean + 3 * spread),
        ("kl", q.kl.mean(0)),
    ):
        np.testing.assert_allclose([getattr(latent, name) for latent in latents], expected, rtol=1e-4, atol=1e-6)
    maps = numbers(found.positions).reshape(4, 4, 4)
    np.testing.assert_allclose(maps, means_over_positions(q.mean, data.factors[:, 0], data.factors[:, 1], (4, 4)), atol=1e-5)
    shown = runs.first.encode(data.images.bytes(sample.shown), distribution=True)
    for name in ("mean", "variance", "kl"):
        np.testing.assert_allclose(
            numbers(getattr(found.posteriors, name)).reshape(-1, 4), getattr(shown, name), rtol=1e-4, atol=1e-5
        )
    assert set(sample.shown) <= set(data.test)


def test_a_grid_is_sampled_evenly_over_positions():
    data = unbraid.load_dataset("ellipses", size=32)
    rows = take_sample(data, 0).rows
    places = data.factors[rows][:, :2]
    _, counts = np.unique(places, axis=0, return_counts=True)
    assert (len(counts), set(counts)) == (256, {11})
    scale = np.bincount(data.factors[rows, 2]) / len(rows)
    np.testing.assert_allclose(scale, 1 / 6, atol=0.04)


def test_images_that_may_not_be_passed_on_stay_out(runs, data, monkeypatch):
    guarded = replace(data, redistributable=False)
    sample = take_sample(guarded, 40)
    assert len(sample.shown) == 0
    assert measure(runs.first, sample, sample.pixels).posteriors is None
    monkeypatch.setattr(Networks, "add", lambda *given: None)
    monkeypatch.setattr(Exporter, "file", lambda *given: b"model")
    run = open_run(runs.first.folder)
    content = explorer_page([RunView(run, guarded, "cpu")])
    assert content.data.images is None
    assert "data:image" not in json.dumps(to_json(content.data))
    open_to_all = explorer_page([RunView(run, data, "cpu")])
    assert "data:image" in json.dumps(to_json(open_to_all.data))


def test_order_has_the_informative_first_and_the_dead_last():
    made = [
        Latent(low=-3, high=3, mean=0, sd=sd, kl=kl, follows="", active=active)
        for kl, sd, active in ((1.0, 9.0, True), (2.0, 1.0, True), (5.0, 2.0, False))
    ]
    assert order(made) == [1, 0, 2]
    made[0] = msgspec.structs.replace(made[0], kl=None)
    assert order(made) == [0, 1, 2]


def test_codes_that_are_not_finite_are_told_apart_from_nothing(runs, data):
    spoilt = api.load(runs.first.folder, "cpu")
    with torch.no_grad():
        next(iter(spoilt.vae.networks["encoder"].parameters())).fill_(1e38)
    found = measure(spoilt, take_sample(data, 4), data.images.floats(np.arange(240)))
    assert found.shares is None
    assert all(latent.kl is None for latent in found.latents)
    assert all(np.isfinite([latent.low, latent.high]).all() for latent in found.latents)


def test_sliders_of_quantized_latents_span_their_codebooks(tmp_path, data):
    model = unbraid.train("qlae", TINY, out=tmp_path / "run", steps=2, batch_size=8, latent_dim=3, device="cpu")
    latents = measure(model, take_sample(data, 4), data.images.floats(np.arange(240))).latents
    np.testing.assert_allclose([latent.low for latent in latents], model.codebooks[:, 0], atol=2e-3)
    np.testing.assert_allclose([latent.high for latent in latents], model.codebooks[:, -1], atol=2e-3)


def test_times_are_spread_from_before_training_to_now(runs):
    assert [model.step for model in every_time(runs.first, 12)] == [0, 50, 100, 150]
    assert [model.step for model in every_time(runs.first, 2)] == [0, 150]
    assert [model.step for model in every_time(runs.first, 1)] == [150]
    assert [model.step for model in every_time(runs.second, 12)] == [2]
    with pytest.raises(UsageError, match="--times is 0"):
        every_time(runs.first, 0)


def test_a_damaged_checkpoint_is_named(runs, tmp_path):
    shutil.copytree(runs.first.folder, tmp_path / "run")
    spoilt = tmp_path / "run" / "checkpoints" / "step_000000100" / "model.safetensors"
    spoilt.write_bytes(spoilt.read_bytes()[:-1])
    with pytest.raises(CorruptFile, match=r"step_000000100.*--times 1"):
        every_time(api.load(tmp_path / "run", "cpu"), 12)


def test_weights_are_put_into_a_graph_and_checked(runs, monkeypatch):
    codes = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    exports = []
    monkeypatch.setattr(reweight, "exported", lambda *given: exports.append(given[0]) or exported(*given))
    other = every_time(runs.first, 2)[0]
    exporter = Exporter()
    first = exporter.file("decoder.onnx", Decoder(runs.first), "codes", codes)
    second = exporter.file("decoder.onnx", Decoder(other), "codes", codes)
    assert exports == ["decoder.onnx"]
    import onnxruntime

    (images,) = onnxruntime.InferenceSession(second).run(None, {"codes": codes})
    np.testing.assert_allclose(images, other.decode(codes), atol=1e-5)
    assert second != first
    # a graph that computes something else is found out
    import onnx

    graph = onnx.load_from_string(first)
    next(node for node in graph.graph.node if node.op_type == "Relu").op_type = "Softplus"
    again = with_weights(graph.SerializeToString(), "decoder.onnx", Decoder(other), "codes", codes)
    assert len(exports) == 2
    (images,) = onnxruntime.InferenceSession(again).run(None, {"codes": codes})
    np.testing.assert_allclose(images, other.decode(codes), atol=1e-5)


def test_a_broadcast_decoder_has_a_smaller_one(tmp_path):
    import onnxruntime

    made = unbraid.train("sbd_vae", TINY, out=tmp_path / "run", steps=2, batch_size=8, latent_dim=3, device="cpu")
    codes = np.random.default_rng(0).normal(size=(3, 3)).astype(np.float32)
    content = exported("preview.onnx", Preview(made, (16, 16)), "codes", codes)
    (images,) = onnxruntime.InferenceSession(content).run(None, {"codes": codes[:2]})
    decoder = made.vae.networks["decoder"]
    with torch.no_grad():
        expected = made.vae.likelihood.mean(decoder(torch.from_numpy(codes[:2]), (16, 16)))
    np.testing.assert_allclose(images, expected.numpy(), atol=1e-5)


def test_runs_on_different_images_are_refused(runs, tmp_path):
    options = {"steps": 2, "batch_size": 8, "latent_dim": 3, "device": "cpu"}
    unbraid.train("vae", TINY, out=tmp_path / "fewer", test_share=0.3, **options)
    with pytest.raises(UsageError, match=r"first.* and .*fewer were trained on different data"):
        explorer_page([api.view_of(runs.first.folder), api.view_of(tmp_path / "fewer")])


def test_the_order_of_presentation_makes_no_other_images(runs, tmp_path):
    options = {"steps": 2, "batch_size": 8, "latent_dim": 3, "device": "cpu"}
    unbraid.train("vae", TINY, out=tmp_path / "walk", order="one_factor", **options)
    need_same_data([api.view_of(runs.first.folder), api.view_of(tmp_path / "walk")])


def test_refusals_before_anything_is_written(runs, tmp_path, monkeypatch):
    (tmp_path / "page.html").write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        api.explore(runs.first.folder, tmp_path / "page.html")
    with pytest.raises(UsageError, match="Give a run folder"):
        api.explore([], tmp_path / "other.html")
    with pytest.raises(UsageError, match="There is no folder"):
        api.explore(tmp_path / "nothing", tmp_path / "other.html")
    shutil.copytree(runs.second.folder, tmp_path / "begun")
    shutil.rmtree(tmp_path / "begun" / "checkpoints")
    (tmp_path / "begun" / "checkpoints").mkdir()
    with pytest.raises(UsageError, match="no checkpoint yet"):
        api.explore(tmp_path / "begun", tmp_path / "other.html")
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(DataUnavailable, match=r"unbraid\[export\]"):
        api.explore(runs.second.folder, tmp_path / "other.html")
    assert not (tmp_path / "other.html").exists()
    assert (tmp_path / "page.html").read_text() == "mine"
