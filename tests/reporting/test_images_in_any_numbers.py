"""Whatever numbers images were given in, pages, figures and exports of a run on them show the same model."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

import unbraid
from helpers.small_runs import SMALL
from unbraid.api import view_of
from unbraid.codes import CodeTable
from unbraid.data.examples import example_images
from unbraid.explorer.measured import measure, take_sample
from unbraid.reporting.gallery.registry import draw
from unbraid.studies.evidence import RECONSTRUCTIONS, SPECTRUM
from unbraid.studies.generation import RANDOM_VECTORS

SHAPES = np.random.default_rng(0).integers(0, 2, (60, 28, 28))
GIVEN = {
    "bytes of 0 and 255": (SHAPES * 255).astype(np.uint8),
    "bytes of 0 and 1": SHAPES.astype(np.uint8),
    "whole numbers to 15": (SHAPES * 15).astype(np.int64),
    "floats of -1 and 1": (SHAPES * 2 - 1).astype(np.float32),
    "booleans": SHAPES > 0,
}


@pytest.fixture(scope="module", params=GIVEN)
def run(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("numbers")
    np.savez(folder / "images.npz", images=GIVEN[request.param])
    scale = {"scale": "minmax"} if request.param in ("whole numbers to 15", "floats of -1 and 1") else {}
    unbraid.train("vae", f"npz:{folder / 'images.npz'}", out=folder / "run", device="cpu", **SMALL, **scale)
    unbraid.evaluate(folder / "run", device="cpu")
    return folder / "run"


def test_the_report_shows_the_codes_that_were_scored(run):
    view, table = view_of(run, device="cpu"), CodeTable.load(run / "codes.npz")
    rows = np.array([3, 0, 17])
    np.testing.assert_allclose(view.encoded(rows), table.mean[[list(table.index).index(row) for row in rows]], atol=1e-6)
    assert '<section id="reconstructions">' in unbraid.report(run).read_text()


def test_studies_keep_what_the_model_makes_of_them(run):
    view = view_of(run, device="cpu")
    for evidence in (SPECTRUM, RECONSTRUCTIONS, RANDOM_VECTORS):
        assert evidence.make(view), evidence.name


@pytest.mark.parametrize("name", ["reconstructions", "interpolation", "traversals", "spectrum", "samples"])
def test_figures_are_drawn(run, name):
    assert draw(name, [view_of(run, device="cpu")], {}).content is not None


def test_the_explorer_takes_them(run):
    model, view = unbraid.load(run, "cpu"), view_of(run, device="cpu")
    sample = take_sample(view.dataset, 5)
    found = measure(model, sample, sample.pixels)
    shown = example_images(view.dataset, 5)
    codes = np.frombuffer(base64.b64decode(found.posteriors.mean), np.float32).reshape(len(shown), -1)
    np.testing.assert_allclose(codes, view.encoded(shown), atol=1e-6)


@pytest.mark.parametrize("run", ["whole numbers to 15", "floats of -1 and 1"], indirect=True)
def test_an_exported_model_says_which_numbers_they_were(run, tmp_path):
    unbraid.export(run, tmp_path / "onnx")
    about = json.loads((tmp_path / "onnx" / "model.json").read_text())
    assert about["value_range"] in ({"black": 0, "white": 15}, {"black": -1, "white": 1})
