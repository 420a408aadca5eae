"""The Python face: arrays in, arrays out, errors in words."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import unbraid
from helpers.tiny import TINY, tiny_ellipses
from unbraid.errors import CorruptFile, UnknownName, UsageError
from unbraid.metrics.registry import metrics


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    return unbraid.train("beta_vae", TINY, out=folder, device="cpu", steps=30, batch_size=16, latent_dim=4)


@pytest.fixture(scope="module")
def images():
    return tiny_ellipses().images.bytes(np.arange(7))


def test_every_kind_of_image_gives_the_same_codes_in_its_own_kind(model, images):
    codes = model.encode(images)
    assert isinstance(codes, np.ndarray)
    assert codes.shape == (7, 4)
    assert codes.dtype == np.float32
    floats = images.astype(np.float32) / 255
    for same in (floats, floats.astype(np.float64), floats[:, 0], images[:, 0], images > 0):
        np.testing.assert_array_equal(model.encode(same), codes)
    for tensor in (torch.from_numpy(images), torch.from_numpy(floats), torch.from_numpy(floats[:, 0])):
        encoded = model.encode(tensor)
        assert isinstance(encoded, torch.Tensor)
        assert not encoded.requires_grad
        np.testing.assert_array_equal(encoded.numpy(), codes)


def test_encode_cuts_large_batches(model, images):
    many = np.tile(images, (90, 1, 1, 1))  # more than one piece
    np.testing.assert_allclose(model.encode(many), np.tile(model.encode(images), (90, 1)), atol=1e-5)


def test_the_whole_posterior_on_request(model, images):
    q = model.encode(images, distribution=True)
    np.testing.assert_array_equal(q.mean, model.encode(images))
    assert q.variance.shape == (7, 4)
    assert (q.variance > 0).all()
    expected = 0.5 * (q.mean**2 + q.variance - 1 - np.log(q.variance))
    np.testing.assert_allclose(q.kl, expected, atol=1e-5)
    np.testing.assert_array_equal(q.sample(rng=3), q.sample(rng=3))
    assert np.abs(q.sample(3) - q.sample(4)).max() > 0
    assert isinstance(model.encode(torch.from_numpy(images), distribution=True).kl, torch.Tensor)


def test_decode_reconstruct_sample(model, images):
    codes = model.encode(images)
    decoded = model.decode(codes)
    assert decoded.shape == (7, 1, 32, 32)
    assert 0 <= decoded.min() <= decoded.max() <= 1
    np.testing.assert_array_equal(model.reconstruct(images), decoded)
    np.testing.assert_allclose(model.decode(codes[0]), decoded[:1], atol=1e-6)
    assert isinstance(model.decode(torch.from_numpy(codes)), torch.Tensor)
    np.testing.assert_array_equal(model.sample(5, rng=1), model.sample(5, rng=1))
    assert model.sample(5, rng=1).shape == (5, 1, 32, 32)


def test_traverse_moves_one_latent(model, images):
    frames = model.traverse(images[0], dims=[0, 3], span=(-2, 2), n=5)
    assert frames.shape == (2, 5, 1, 32, 32)
    code = model.encode(images[:1])[0]
    for row, dim in enumerate((0, 3)):
        for column, value in enumerate((-2, -1, 0, 1, 2)):
            moved = code.copy()
            moved[dim] = value
            np.testing.assert_allclose(frames[row, column], model.decode(moved)[0], atol=1e-6)
    prior = model.traverse(n=3)
    np.testing.assert_allclose(prior[0, 1], model.decode(np.zeros(4, np.float32))[0], atol=1e-6)
    assert prior.shape == (4, 3, 1, 32, 32)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (np.zeros((2, 32, 32, 1)), r"\(2, 32, 32, 1\); this model takes \(n, 1, 32, 32\) or \(n, 32, 32\)"),
        (np.zeros((2, 1, 28, 28)), "Channels come first"),
        (np.zeros((0, 1, 32, 32)), "this model takes"),
        (np.zeros(32), "this model takes"),
        (np.full((1, 1, 32, 32), 255.0), r"from 255 to 255.*They must be finite and lie in \[0, 1\]"),
        (np.full((1, 1, 32, 32), -1.0), "lie in"),
        (np.full((1, 1, 32, 32), np.nan), "finite"),
        (np.full((1, 1, 32, 32), np.inf), "finite"),
        (np.full((1, 1, 32, 32), 256, np.int64), "int64 from 256 to 256"),
        (np.full((1, 1, 32, 32), -1, np.int8), "int8 from -1 to -1"),
    ],
)
def test_bad_images_are_refused_in_words(model, bad, says):
    with pytest.raises(UsageError, match=says):
        model.encode(bad)
    with pytest.raises(UsageError, match=says):
        model.encode(torch.from_numpy(bad))


@pytest.mark.parametrize("bad", [np.zeros((2, 5)), np.zeros((0, 4)), np.zeros((1, 2, 4)), np.full((1, 4), np.nan)])
def test_bad_codes_are_refused_in_words(model, bad):
    with pytest.raises(UsageError, match="Codes"):
        model.decode(bad)


def test_bad_requests_are_refused_in_words(model, images):
    for call in (
        lambda: model.traverse(images[0], dims=[4]),
        lambda: model.traverse(images[0], dims=[]),
        lambda: model.traverse(images[0], n=0),
        lambda: model.traverse(images[0], span=(0, float("nan"))),
        lambda: model.sample(0),
        lambda: model.evaluate("ellipses", limit=1),
        lambda: model.evaluate(TINY, metrics=["mgi"]),
    ):
        with pytest.raises(UsageError):
            call()
    with pytest.raises(UnknownName, match="Did you mean 'mig'"):
        model.evaluate(metrics=["mgi"])


def test_save_and_load(model, images, tmp_path):
    folder = model.save(tmp_path / "saved")
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    for loaded in (unbraid.load(folder, device="cpu"), unbraid.load(model.folder, device="cpu")):
        np.testing.assert_array_equal(loaded.encode(images), model.encode(images))
        assert (loaded.step, loaded.latent_dim, loaded.image_shape) == (30, 4, (1, 32, 32))
        assert loaded.experiment == model.experiment
    with pytest.raises(UsageError, match="not empty"):
        model.save(folder)


def test_load_says_what_is_wrong(model, tmp_path):
    with pytest.raises(UsageError, match="There is no folder"):
        unbraid.load(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="not a run folder"):
        unbraid.load(tmp_path / "empty")
    saved = model.save(tmp_path / "saved")
    weights = (saved / "model.safetensors").read_bytes()
    (saved / "model.safetensors").write_bytes(weights[:100])
    with pytest.raises(CorruptFile, match="truncated or was altered"):
        unbraid.load(saved)
    for broken in ("{", "[]", "{}", '{"format": 99}'):
        (saved / "config.json").write_text(broken)
        with pytest.raises(CorruptFile, match=r"config.json"):
            unbraid.load(saved)


def test_evaluate(model):
    scored = model.evaluate()
    assert scored.images == scored.of_images == 240
    assert set(scored.metrics) == {entry.name for entry in metrics if not entry.details.get("downstream")}
    assert list(scored.metrics["mig"]["per_factor"]) == ["x", "y", "scale", "orientation"]
    assert scored.splits["train"].images == 192
    assert scored.splits["test"].images == 48
    assert len(scored.kl_per_dim) == 4
    assert model.evaluate() == scored  # its randomness is its own


def test_evaluate_by_named_metrics_gives_just_those(model):
    table = model.evaluate(metrics=["mig"], limit=100)
    assert (list(table), table.samples) == (["mig"], 100)
    assert table["mig"]["score"] == pytest.approx(model.evaluate_with_codes(limit=100)[1].metrics["mig"]["score"], abs=1e-9)
    voted = model.evaluate(metrics={"mig": {"definition": "locatello2019"}}, limit=100)
    assert voted["mig"]["score"] != pytest.approx(table["mig"]["score"], abs=1e-9)


def test_losses_are_those_of_the_whole_split_by_hand(model):
    """Every image counts once, the last, short batch included, and nats are sums over pixels."""
    _, scored = model.evaluate_with_codes(metrics=["mig"])
    data = tiny_ellipses()
    for split in ("train", "test"):
        rows = data.split(split)
        x = torch.from_numpy(data.images.floats(rows)).double()
        vae = unbraid.load(model.folder, device="cpu").vae.double()
        with torch.no_grad():
            q = vae.encode(x)
            p = torch.sigmoid(vae.decode(q.mean))
            nll = -(x * p.log() + (1 - x) * (1 - p).log()).sum((1, 2, 3)).mean()
            kl = 0.5 * (q.mean**2 + q.variance - 1 - q.logvar).sum(1).mean()
        found = scored.splits[split]
        assert found.nll_at_mean == pytest.approx(nll.item(), rel=1e-5)
        assert found.terms["kl"] == pytest.approx(kl.item(), rel=1e-4)
        assert found.loss == pytest.approx(found.terms["nll"] + 4 * found.terms["kl"], rel=1e-6)


def test_beta_zero_survives_everything(tmp_path):
    """Without a KL the posterior collapses to points; scores, traversals and the report must hold."""
    model = unbraid.train("beta_vae", TINY, beta=0.0, out=tmp_path / "zero", device="cpu", steps=60, lr=5e-3, latent_dim=3)
    scored = unbraid.evaluate(tmp_path / "zero", device="cpu")
    assert np.isfinite(scored.kl_per_dim).all()
    assert np.isfinite([scores["score"] for scores in scored.metrics.values()]).all()
    assert np.isfinite(model.traverse()).all()
    assert unbraid.report(tmp_path / "zero").stat().st_size > 10_000


def test_unknown_names_and_options_suggest_the_nearest():
    with pytest.raises(UnknownName, match="Unknown model 'betavae'. Did you mean 'beta_vae'"):
        unbraid.train("betavae", "ellipses")
    with pytest.raises(UnknownName, match="Unknown data set 'elipses'. Did you mean 'ellipses'"):
        unbraid.train("beta_vae", "elipses")
    with pytest.raises(UnknownName, match="'bta' of model 'beta_vae' on data set 'ellipses'. Did you mean 'beta'"):
        unbraid.train("beta_vae", "ellipses", bta=3)
    with pytest.raises(UnknownName, match="option"):
        unbraid.train("vae", "ellipses", beta=3)  # a VAE has no beta


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"latent_dim": 0}, "--latent-dim of unbraid train is 0; allowed: a whole number at least 1"),
        ({"beta": -1.0}, "--beta of model 'beta_vae' is -1.0; allowed: a finite number at least 0"),
        ({"beta": float("nan")}, "finite"),
        ({"lr": 0.0}, "above 0"),
        ({"steps": 2.5}, "whole number"),
        ({"steps": True}, "whole number"),
        ({"size": 48}, "allowed: 28, 32, 64"),
        ({"optimizer": "adamm"}, "adam, adamw"),
        ({"steps": 5, "epochs": 1.0}, "not both"),
        ({"batch_size": 10**9}, "more than the 55296 training images"),
        ({"device": "tpu"}, "--device 'tpu'"),
        ({"normalized": 1}, "true or false"),
        ({"test_share": 1.0}, "below 1"),
    ],
)
def test_values_out_of_range_are_refused_before_anything_is_written(options, says, tmp_path):
    with pytest.raises(UsageError, match=says):
        unbraid.train("beta_vae", "ellipses", out=tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_a_data_set_that_does_not_fit_an_architecture(tmp_path):
    with pytest.raises(
        UsageError, match=r"'burgess' encoder takes images of 32 x 32 or 64 x 64 pixels, the data set has 28 x 28"
    ):
        unbraid.train("beta_vae", "fashion_mnist", size=28, encoder="burgess", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("given", ["the option", "the images alone"])
def test_images_of_28_pixels_get_networks_that_take_them_unless_others_are_asked_for(tmp_path, given):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 28, 28), dtype=np.uint8)
    data, options = ("ellipses", {"size": 28}) if given == "the option" else (pixels, {})
    settings = {"steps": 1, "batch_size": 4, "device": "cpu", **options}
    chosen = unbraid.train("vae", data, out=tmp_path / "own", **settings).experiment
    assert (chosen.encoder, chosen.decoder) == ("koller", "koller")
    asked = unbraid.train("vae", data, out=tmp_path / "asked", encoder="mlp", **settings).experiment
    assert (asked.encoder, asked.decoder) == ("mlp", "koller")
