"""Networks of other modules: docs/own-networks.md as it stands, in processes that know nothing of each other."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import unbraid
from unbraid.errors import IncompatibleParts, UsageError
from unbraid.nn.registry import decoders, encoders

PAGE = Path(__file__).parent.parent / "docs" / "own-networks.md"


def encoder(image_shape, n_params):
    """At the top level of a module that can be imported."""
    return nn.Sequential(nn.Flatten(), nn.Linear(torch.Size(image_shape).numel(), n_params))


def too_narrow(image_shape, n_params):
    return encoder(image_shape, n_params - 1)


def no_module(image_shape, n_params):
    return lambda images: images


def failing(image_shape, n_params):
    raise RuntimeError("no such layer")


def other_arguments(shape, n):
    return encoder(shape, n)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the files of the page, after train.py ran."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "mylab").mkdir()
    (folder / "mylab" / "__init__.py").touch()
    for name, code in re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE.read_text(), re.DOTALL):
        (folder / name).write_text(code)
    done = python(folder, "train.py")
    assert done.returncode == 0, done.stderr
    return folder


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def commands(folder: Path, *tokens: str) -> subprocess.CompletedProcess[str]:
    return python(folder, "-m", "unbraid", *tokens)


def test_the_configuration_names_module_class_and_options(site):
    config = json.loads((site / "runs" / "own" / "config.json").read_text())
    assert (config["encoder"], config["decoder"]) == ("mylab.nets:Encoder", "mylab.nets:decoder")
    assert config["encoder_options"] == {"width": 32}


def test_a_fresh_process_loads_the_run_and_the_saved_model(site):
    done = python(site, "load.py")
    assert done.returncode == 0, done.stderr
    assert "beta_vae of ellipses" in done.stdout
    both = "import unbraid; a, b = (unbraid.load(x, trust=True) for x in ('runs/own', 'saved')); " \
        "print((a.sample(2) == b.sample(2)).all())"  # fmt: skip
    assert python(site, "-c", both).stdout == "True\n"


@pytest.mark.parametrize(
    "tokens", [("evaluate", "runs/own"), ("report", "runs/own"), ("train", "--config", "runs/own/config.json")]
)
def test_no_module_is_imported_because_a_file_names_it(site, tokens):
    (site / "mylab" / "__init__.py").write_text("open('imported', 'w').close()")
    try:
        refused = commands(site, *tokens)
        assert refused.returncode == 2
        assert "mylab.nets is not imported" in refused.stderr
        assert "--trust" in refused.stderr
        assert not (site / "imported").exists()
    finally:
        (site / "mylab" / "__init__.py").write_text("")


def test_commands_that_are_told_to_trust_score_and_report(site):
    scored = commands(
        site, "evaluate", "runs/own", "--evaluate-images", "300", "--metrics", "mig", "--intervals", "0", "--trust"
    )
    assert scored.returncode == 0, scored.stderr
    assert "mig" in scored.stdout
    reported = commands(site, "report", "runs/own", "--trust")
    assert reported.returncode == 0, reported.stderr
    assert "mylab.nets:Encoder" in (site / "runs" / "own" / "report.html").read_text()


def test_the_command_line_trains_what_it_names_and_extends_it(site):
    line = (
        "train",
        "vae",
        "ellipses",
        "--encoder",
        "mylab.nets:Encoder",
        "--encoder-width",
        "8",
        "--steps",
        "2",
        "--no-report",
    )
    for more in ((), ("--extend", "3")):
        done = commands(site, *line, "--batch-size", "16", "--out", "runs/line", *more)
        assert done.returncode == 0, done.stderr
    config = json.loads((site / "runs" / "line" / "config.json").read_text())
    assert (config["encoder_options"], config["extend"]) == ({"width": 8}, 3)
    assert "--encoder-width" in commands(site, *line[:5], "--help").stdout


class Seen(nn.Module):
    """Flattens by `view` what a convolution gives, as much code does."""

    def __init__(self, image_shape, n_params):
        super().__init__()
        self.convolution = nn.Conv2d(image_shape[0], 4, 3, padding=1)
        self.linear = nn.Linear(4 * image_shape[1] * image_shape[2], n_params)

    def forward(self, images):
        return self.linear(self.convolution(images).view(len(images), -1))


def viewing(latent_dim, output_shape):
    """A decoder whose convolution is followed by `view`."""
    return nn.Sequential(nn.Linear(latent_dim, 4 * 64), nn.Unflatten(1, (4, 8, 8)), nn.Conv2d(4, 3, 1), _View(output_shape))


class _View(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.view(len(x), *self.shape)


def test_networks_of_others_see_images_in_the_usual_layout_and_may_use_view(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = np.random.default_rng(0).random((64, 3, 8, 8)).astype(np.float32)
    model = unbraid.train("vae", images, encoder=Seen, decoder=viewing, steps=2, batch_size=16, out="colors")
    assert model.encode(images).shape == (64, 10)
    assert model.vae.networks["encoder"].convolution.weight.is_contiguous()
    assert unbraid.evaluate("colors", data=images).images > 0


PRETRAINED = """
import copy, sys, warnings
import torch, unbraid
from torch import nn

ready = nn.Sequential(nn.Flatten(), nn.Linear(1024, 20))

def encoder(image_shape, n_params):
    return copy.deepcopy(ready)

model = unbraid.train("vae", "ellipses", encoder=encoder, steps=1, lr=1e-6, batch_size=16, out="main")
weights = model.vae.networks["encoder"][1].weight
assert (weights - ready[1].weight).abs().max() < 1e-5
assert torch.equal(unbraid.load("main").vae.networks["encoder"][1].weight, weights)
"""


def test_a_script_trains_what_it_defines_from_the_weights_it_has_and_is_warned(tmp_path):
    (tmp_path / "script.py").write_text(PRETRAINED)
    done = python(tmp_path, "script.py")
    assert done.returncode == 0, done.stderr
    assert "UnbraidWarning: Encoder encoder is defined in a notebook or script" in done.stderr
    refused = commands(tmp_path, "evaluate", "main", "--trust")
    assert refused.returncode == 2
    assert "The encoder 'encoder' was defined in a notebook or script" in refused.stderr


def train(**options):
    return unbraid.train("vae", "ellipses", steps=2, batch_size=16, out="runs/x", **options)


def local_encoder():
    def made(image_shape, n_params):
        return encoder(image_shape, n_params)

    return made


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda image_shape, n_params: None, "mylab/nets.py"),
        (local_encoder(), "cannot be imported by its name"),
        (nn.Linear(2, 2), "encoder=Linear"),
        (nn.Linear(2, 2), "a function (image_shape, n_params) that returns a copy of it"),
        (nn.Linear, "image_shape and n_params"),
        (other_arguments, "image_shape and n_params"),
        (encoder.__get__(1), "an instance of method"),
        ("torch.nn:Missing", "has no class or function 'Missing'"),
        ("no_such_module_here:Encoder", "cannot be imported"),
        ("subprocess:run", "subclass of torch.nn.Module"),
        ("os:__import__('os')", "MODULE:NAME"),
        (":", "MODULE:NAME"),
    ],
)
def test_what_cannot_be_built_again_is_refused_with_a_remedy(tmp_path, monkeypatch, given, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=re.escape(words)):
        train(encoder=given)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (too_narrow, r"gives \(2, 19\); it must give a tensor of shape \(2, 20\)"),
        (no_module, "returned a function"),
        (failing, "raised RuntimeError: no such layer"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(tmp_path, monkeypatch, given, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(IncompatibleParts, match=words):
        train(encoder=given, latent_dim=10)
    assert not list(tmp_path.iterdir())


def test_the_same_call_resumes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = train(encoder=encoder)
    assert torch.equal(train(encoder=encoder).vae.networks["encoder"][1].weight, first.vae.networks["encoder"][1].weight)
    assert first.experiment.encoder == f"{__name__}:encoder"


def test_names_of_modules_that_are_not_imported_are_not_in_the_registry():
    assert "no_such_module_here:Encoder" not in encoders
    assert "subprocess:run" not in decoders
    assert f"{__name__}:encoder" in encoders
