"""Models of Dubois et al. (2019): a state dict in their layout, beside a forward pass of their layers in plain torch."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn.functional import conv2d, conv_transpose2d, linear, relu

import unbraid
from helpers.command_line import run
from unbraid.errors import CorruptFile, UsageError
from unbraid.importers.dubois2019 import TRAINED
from unbraid.importers.registry import importers
from unbraid.training.run import open_run

LATENTS = 4
SHAPES = {
    "encoder.conv1": (32, 1, 4, 4),
    "encoder.conv2": (32, 32, 4, 4),
    "encoder.conv3": (32, 32, 4, 4),
    "encoder.conv_64": (32, 32, 4, 4),
    "encoder.lin1": (256, 512),
    "encoder.lin2": (256, 256),
    "encoder.mu_logvar_gen": (2 * LATENTS, 256),
    "decoder.lin1": (256, LATENTS),
    "decoder.lin2": (256, 256),
    "decoder.lin3": (512, 256),
    "decoder.convT_64": (32, 32, 4, 4),
    "decoder.convT1": (32, 32, 4, 4),
    "decoder.convT2": (32, 32, 4, 4),
    "decoder.convT3": (32, 1, 4, 4),
}


def state_dict() -> dict[str, torch.Tensor]:
    """Random weights in their layout, in the order of names that a file sorts them into."""
    generator, found = torch.Generator().manual_seed(3), {}
    for layer, shape in sorted(SHAPES.items()):
        inputs = int(np.prod(shape[1:])) if "convT" not in layer else shape[0] * 4
        outputs = shape[1] if "convT" in layer else shape[0]
        found[f"{layer}.bias"] = 0.2 * torch.randn(outputs, generator=generator)
        found[f"{layer}.weight"] = torch.randn(shape, generator=generator) * (2 / inputs) ** 0.5
    return found


def encoded(weights: dict[str, torch.Tensor], x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and log-variance by their encoder."""
    for layer in ("conv1", "conv2", "conv3", "conv_64"):
        x = relu(conv2d(x, weights[f"encoder.{layer}.weight"], weights[f"encoder.{layer}.bias"], stride=2, padding=1))
    x = x.view(len(x), -1)
    for layer in ("lin1", "lin2"):
        x = relu(linear(x, weights[f"encoder.{layer}.weight"], weights[f"encoder.{layer}.bias"]))
    x = linear(x, weights["encoder.mu_logvar_gen.weight"], weights["encoder.mu_logvar_gen.bias"])
    return x.view(-1, LATENTS, 2).unbind(-1)


def decoded(weights: dict[str, torch.Tensor], z: torch.Tensor) -> torch.Tensor:
    """Images by their decoder."""
    for layer in ("lin1", "lin2", "lin3"):
        z = relu(linear(z, weights[f"decoder.{layer}.weight"], weights[f"decoder.{layer}.bias"]))
    z = z.view(-1, 32, 4, 4)
    for layer in ("convT_64", "convT1", "convT2", "convT3"):
        z = conv_transpose2d(z, weights[f"decoder.{layer}.weight"], weights[f"decoder.{layer}.bias"], stride=2, padding=1)
        z = z if layer == "convT3" else relu(z)
    return torch.sigmoid(z)


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "VAE_dsprites.safetensors"
    save_file(state_dict(), path)
    return path


@pytest.fixture(scope="module")
def model(file, tmp_path_factory):
    return unbraid.import_run("dubois2019", file, tmp_path_factory.mktemp("runs") / "vae", data="dsprites_reduced")


def test_codes_and_images_are_those_of_their_layers(model):
    x = torch.rand(5, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    mean, logvar = encoded(state_dict(), x)
    q = model.encode(x, distribution=True, scaled=True)
    torch.testing.assert_close(q.mean, mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(q.variance, logvar.exp(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(model.decode(mean), decoded(state_dict(), mean), rtol=1e-4, atol=1e-5)


def test_the_run_says_whose_it_is_and_how_it_was_trained(model, file):
    experiment = model.experiment
    assert (experiment.model, experiment.model_options["beta"], experiment.model_options["beta_warmup"]) == (
        "beta_vae",
        1,
        10_000,
    )
    assert (experiment.steps, model.step, experiment.n_train, experiment.seed) == (345_600, 345_600, 7_200, 1234)
    imported = open_run(model.folder).imported
    assert (imported.importer, imported.name) == ("dubois2019", "VAE_dsprites")
    assert "code of Dubois et al. (2019)" in " ".join(imported.notes)


def test_a_pickled_state_dict_gives_the_same_run_without_running_code(model, tmp_path):
    (folder := tmp_path / "VAE_dsprites").mkdir()
    for zipped in (True, False):  # the authors' files are of the older form
        torch.save(state_dict(), folder / "model.pt", _use_new_zipfile_serialization=zipped)
        other = unbraid.import_run("dubois2019", folder / "model.pt", tmp_path / f"run{zipped}", data="dsprites_reduced")
        for name, tensor in model.vae.state_dict().items():
            assert torch.equal(tensor, other.vae.state_dict()[name])


class Harmful:
    def __reduce__(self):
        return Path.touch, (Path("ran"),)


def test_a_pickle_of_other_objects_is_refused_and_does_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"encoder.conv1.weight": Harmful()}, "VAE_dsprites.pt")
    with pytest.raises(UsageError, match="more than tensors"):
        unbraid.import_run("dubois2019", "VAE_dsprites.pt", "run")
    Path("VAE_dsprites.pt").write_bytes(pickle.dumps(Harmful()))
    with pytest.raises((UsageError, CorruptFile)):
        unbraid.import_run("dubois2019", "VAE_dsprites.pt", "run")
    assert not Path("ran").exists()
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w: w.pop("encoder.lin2.bias"), "missing: encoder.lin2.bias"),
        (lambda w: w.update(extra=torch.zeros(1)), "unknown: extra"),
        (lambda w: [w.pop(f"encoder.conv_64.{part}") for part in ("weight", "bias")], "32 x 32"),
        (lambda w: w.update({"encoder.conv1.weight": torch.zeros(32, 3, 4, 4)}), r"\(32, 3, 4, 4\), not \(32, 1, 4, 4\)"),
        (lambda w: w["decoder.lin1.bias"].fill_(torch.nan), "decoder.lin1.bias does not hold finite"),
        (lambda w: w.update({"decoder.lin1.weight": torch.zeros(256, 7)}), "with 7 latents"),
    ],
)
def test_other_weights_are_refused_before_anything_is_written(tmp_path, change, words):
    weights = state_dict()
    change(weights)
    save_file(weights, tmp_path / "betaH_dsprites.safetensors")
    with pytest.raises(UsageError, match=words):
        unbraid.import_run("dubois2019", tmp_path / "betaH_dsprites.safetensors", tmp_path / "run", data="dsprites_reduced")
    assert not (tmp_path / "run").exists()


def test_files_of_other_kinds_and_names_are_refused(file, tmp_path):
    other = tmp_path / "weights.safetensors"
    other.write_bytes(file.read_bytes())
    with pytest.raises(UsageError, match="give --name"):
        importers["dubois2019"].factory(other)
    assert importers["dubois2019"].factory(other, name="betaB_dsprites").model == "beta_vae_capacity"
    with pytest.raises(UsageError, match="no file"):
        importers["dubois2019"].factory(tmp_path / "VAE_dsprites.pt")
    (tmp_path / "VAE_dsprites.onnx").touch()
    with pytest.raises(UsageError, match="allowed: .safetensors, .pt, .pth"):
        importers["dubois2019"].factory(tmp_path / "VAE_dsprites.onnx")
    for name in ("VAE_dsprites.pt", "VAE_dsprites.safetensors"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
        with pytest.raises((CorruptFile, UsageError)):
            importers["dubois2019"].factory(tmp_path / name)


def test_a_folder_that_holds_a_run_is_replaced_only_when_asked(model, file, tmp_path):
    folder = tmp_path / "run"
    unbraid.import_run("dubois2019", file, folder, data="dsprites_reduced")
    with pytest.raises(UsageError, match="holds a run already"):
        unbraid.import_run("dubois2019", file, folder, data="dsprites_reduced")
    again = unbraid.import_run("dubois2019", file, folder, name="betaH_dsprites", data="dsprites_reduced", overwrite=True)
    assert again.experiment.model_options["beta"] == 4
    assert open_run(folder).imported.name == "betaH_dsprites"


@pytest.mark.parametrize("name", TRAINED)
def test_every_published_model_has_settings_that_can_be_built(file, name):
    found = importers["dubois2019"].factory(file, name=name, data="dsprites_reduced")
    from unbraid.config.plan import experiment_for

    experiment = experiment_for(found.model, found.data, found.options)
    assert set(found.weights) <= set(experiment.outline().state_dict())
    assert experiment.latent_dim == LATENTS


def test_commands_serve_an_imported_factor_vae(capsys, file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run(capsys, "import", "dubois2019", file, "--name", "factor_dsprites", "--data", "dsprites_reduced")
    folder = Path("runs/dubois2019-factor_dsprites")
    assert code == 0
    assert "discriminator was not published" in out
    code, *_ = run(capsys, "evaluate", folder, "--evaluate-images", 300, "--metrics", "mig,aam", "--intervals", 0)
    assert code == 0
    scores = json.loads((folder / "metrics.json").read_text())
    assert scores["splits"]["train"]["terms"]["tc_discriminator"] == 0
    assert list(scores["splits"]) == ["train"]
    assert run(capsys, "report", folder)[0] == 0
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Trained by others" in page
    assert "YannDubs" in page
    assert "discriminator sees little" not in page
    assert run(capsys, "figure", "traversals", folder, "-o", "traversals.png", "--dims", 2, "--columns", 3)[0] == 0
    assert run(capsys, "explore", folder, "-o", "page.html")[0] == 0
    assert run(capsys, "compare", folder, "-o", "compared.md", "--no-nulls")[0] == 0


def test_an_imported_run_can_be_trained_further(file, tmp_path):
    folder = tmp_path / "run"
    before = unbraid.import_run("dubois2019", file, folder, name="factor_dsprites", data="dsprites_reduced")
    e = before.experiment
    options = {**e.flat_options(), "data": None, "model": None}
    given = {name: value for name, value in options.items() if name not in ("data", "model")}
    after = unbraid.train(e.model, "dsprites_reduced", out=folder, extend=e.steps + 2, device="cpu", **given)
    assert after.step == e.steps + 2
    moved = [name for name, tensor in after.vae.state_dict().items() if not torch.equal(tensor, before.vae.state_dict()[name])]
    assert any("discriminator" in name for name in moved)
    assert any("encoder" in name for name in moved)
