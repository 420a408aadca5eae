"""Exported files do what the model does, without it; they hold nothing of the machine they were made on."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import unbraid
from helpers.tiny import TINY
from unbraid import api
from unbraid.cli.main import main
from unbraid.errors import DataUnavailable, UnbraidError, UsageError
from unbraid.explorer import onnx_files as module
from unbraid.explorer.export import FILES
from unbraid.training.run import METRICS

SHORT = {"steps": 2, "batch_size": 8, "latent_dim": 4, "evaluate_every": 0}


def trained(folder, model="beta_vae", **options):
    return unbraid.train(model, TINY, out=folder, device="cpu", **{**SHORT, **options})


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A run that was scored, and its export."""
    folder = tmp_path_factory.mktemp("export")
    model = trained(folder / "run")
    api.evaluate(folder / "run", metrics=["mig"], device="cpu")
    return model, api.export(folder / "run", folder / "files")


def session(folder: Path, part: str) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(folder / f"{part}.onnx", providers=["CPUExecutionProvider"])


def test_files_do_what_the_model_does_for_any_number_of_rows(exported):
    model, folder = exported
    for n in (1, 5):
        images = np.random.default_rng(n).random((n, 1, 32, 32), dtype=np.float32)
        mean, variance = session(folder, "encoder").run(["mean", "variance"], {"images": images})
        found = model.encode(images, distribution=True)
        np.testing.assert_allclose(mean, found.mean, atol=1e-5)
        np.testing.assert_allclose(variance, found.variance, rtol=1e-4)
        (decoded,) = session(folder, "decoder").run(["images"], {"codes": mean})
        np.testing.assert_allclose(decoded, model.decode(mean), atol=1e-5)


def test_the_description_says_what_is_there(exported):
    model, folder = exported
    about = json.loads((folder / "model.json").read_text())
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    for part in ("encoder", "decoder"):
        assert about[part]["sha256"] == hashlib.sha256((folder / about[part]["file"]).read_bytes()).hexdigest()
    assert (about["model"], about["image_shape"], about["latent_dim"]) == ("beta_vae", [1, 32, 32], 4)
    assert about["command"].startswith(f"unbraid train beta_vae {TINY}")
    assert about["value_range"] == {"black": 0, "white": 255}
    table = unbraid.CodeTable.load(model.folder / "codes.npz")
    assert [latent["kl"] for latent in about["latents"]] == pytest.approx(table.kl.tolist())
    spread = np.sqrt(table.mean.astype(float).var(0) + table.variance.astype(float).mean(0))
    assert [latent["sd"] for latent in about["latents"]] == pytest.approx(spread.tolist(), rel=1e-5)
    assert [latent["mean"] for latent in about["latents"]] == pytest.approx(table.mean.mean(0).tolist(), abs=1e-6)
    scored = json.loads((model.folder / METRICS).read_text())
    assert [latent["follows"] for latent in about["latents"]] == scored["follows"]


def test_nothing_of_this_machine_is_in_the_files(exported):
    _, folder = exported
    for path in folder.iterdir():
        content = path.read_bytes()
        for trace in (b"site-packages", b"Traceback", b'.py"', str(Path(module.__file__).parents[2]).encode(), b"stack_trace"):
            assert trace not in content, (path.name, trace)


def test_the_example_runs(exported):
    _, folder = exported
    done = subprocess.run([sys.executable, str(folder / "example.py")], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("(2, 1, 32, 32), from 0.")


def test_an_exported_encoder_is_scored_like_any_other(exported, capsys):
    model, folder = exported
    command = ["evaluate", "--encoder", str(folder / "encoder.onnx"), "--data", TINY, "--metrics", "mig", "--intervals", "0"]
    assert main([*command, "--out", str(folder.parent / "scores.json")]) == 0
    ours = json.loads((model.folder / METRICS).read_text())["metrics"]["mig"]["score"]
    theirs = json.loads((folder.parent / "scores.json").read_text())["metrics"]["mig"]["score"]
    assert theirs == pytest.approx(ours, abs=1e-4)


def test_files_that_are_there_stay_unless_told_otherwise(exported, monkeypatch, capsys):
    model, folder = exported
    made = {name: (folder / name).read_bytes() for name in ("encoder.onnx", "decoder.onnx")}
    monkeypatch.setattr("unbraid.explorer.export.onnx_files", lambda model: dict.fromkeys(made, b"new"))
    assert main(["export", str(model.folder), str(folder)]) == 2
    assert "holds encoder.onnx, decoder.onnx, model.json, example.py already" in capsys.readouterr().err
    assert {name: (folder / name).read_bytes() for name in made} == made
    assert main(["export", str(model.folder), str(folder / "encoder.onnx"), "--overwrite"]) == 2
    assert "encoder.onnx is a file; give the name of a folder" in capsys.readouterr().err.replace("\n", " ")
    assert main(["export", str(model.folder), str(folder), "--overwrite"]) == 0
    assert (folder / "encoder.onnx").read_bytes() == b"new"
    for name, content in made.items():
        (folder / name).write_bytes(content)


def test_what_differs_from_the_model_is_not_written(exported, monkeypatch, tmp_path):
    model, _ = exported
    monkeypatch.setattr(module, "TOLERANCE", -1.0)
    with pytest.raises(UnbraidError, match="encoder.onnx differs from PyTorch by"):
        api.export(model.folder, tmp_path / "files")
    assert not (tmp_path / "files").exists()


def test_missing_packages_are_named(exported, monkeypatch, tmp_path):
    model, _ = exported
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(DataUnavailable, match=r"onnxscript: pip install 'unbraid\[export\]'"):
        api.export(model.folder, tmp_path / "files")


def test_a_folder_without_a_run(tmp_path):
    with pytest.raises(UsageError, match="There is no folder"):
        api.export(tmp_path / "nothing", tmp_path / "files")


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("chyvae", {}),
        ("qlae", {}),
        ("soft_intro_vae", {"encoder": "soft_intro", "decoder": "soft_intro"}),
        ("sbd_vae", {"likelihood": "gaussian_learned"}),
    ],
)
def test_other_kinds_of_models(tmp_path, model, options):
    """A covariance, codebooks, normalization and resizing, and a decoder of coordinates; not scored before."""
    made = trained(tmp_path / "run", model, **options)
    folder = api.export(tmp_path / "run", tmp_path / "files")
    about = json.loads((folder / "model.json").read_text())
    images = np.random.default_rng(0).random((4, 1, 32, 32), dtype=np.float32)
    found = dict(zip(about["encoder"]["outputs"], session(folder, "encoder").run(None, {"images": images}), strict=True))
    expected = made.encode(images, distribution=True)
    np.testing.assert_allclose(found["mean"], expected.mean, atol=1e-5)
    if model == "qlae":
        assert list(found) == ["mean"]
        np.testing.assert_allclose(about["codebooks"], made.codebooks)
    else:
        np.testing.assert_allclose(found["variance"], expected.variance, rtol=1e-4)
    for n in (1, 4):
        (decoded,) = session(folder, "decoder").run(None, {"codes": found["mean"][:n]})
        np.testing.assert_allclose(decoded, made.decode(found["mean"][:n]), atol=2e-5)
    assert about["latents"] == []
