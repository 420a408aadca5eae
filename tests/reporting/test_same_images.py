"""A run is shown by the same images in its report, figures, explorer and TensorBoard, however many were scored."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest
import torch

import unbraid
from unbraid.api import view_of
from unbraid.data.examples import example_images
from unbraid.explorer.compact import Networks
from unbraid.explorer.explore import explorer_page
from unbraid.explorer.reweight import Exporter
from unbraid.files import read_json
from unbraid.reporting.gallery.registry import draw
from unbraid.reporting.page import render
from unbraid.training import board
from unbraid.training.run import METRICS


@pytest.mark.parametrize("limit", [None, 60, 7])
def test_everything_shows_the_same_image_however_many_were_scored(trained, tmp_path, monkeypatch, limit):
    folder = shutil.copytree(trained[0], tmp_path / "run")
    unbraid.evaluate(folder, metrics=["mig"], limit=limit, overwrite=True, device="cpu")
    assert limit is None or read_json(folder / METRICS, "scores")["images"] == limit
    view = view_of(folder, device="cpu")
    first = int(example_images(view.dataset, 1)[0])

    assert set(re.findall(r"image (\d+)", render(view))) == {str(first)}
    assert f"from the code of image {first}:" in draw("traversals", [view], {}).caption

    monkeypatch.setattr(Exporter, "file", lambda *given: b"model")
    monkeypatch.setattr(Networks, "add", lambda *given: None)
    names = explorer_page([view]).data.images.names
    assert names == [f"image {i}" for i in example_images(view.dataset, 40)]
    assert names[0] == f"image {first}"

    asked = []
    read = type(view.dataset.images).bytes
    monkeypatch.setattr(type(view.dataset.images), "bytes", lambda self, index: asked.append(index) or read(self, index))
    list(board.summaries(view.model.vae, view.dataset, {}, torch.device("cpu")))
    np.testing.assert_array_equal(asked[-1], example_images(view.dataset, board.IMAGES))
