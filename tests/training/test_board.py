"""What TensorBoard is shown of a run: numbers, images and histograms, all true; no images that may not be passed on."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing import plugin_event_multiplexer
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.plugins.hparams.metadata import SESSION_START_INFO_TAG
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard_data_server import server_binary

import unbraid
from helpers.resuming import StopAt
from helpers.tiny import TINY
from unbraid.config.plan import plan
from unbraid.data.dataset import load_dataset
from unbraid.data.examples import example_images
from unbraid.errors import Interrupted
from unbraid.figures.grids import strip, to_bytes
from unbraid.training.board import COLUMNS, IMAGES, summaries

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def dataset():
    return load_dataset(TINY)


def shown(vae, dataset, values=()):
    return {value.tag: value for value in summaries(vae, dataset, dict(values), CPU)}


def pixels(summary):
    return np.asarray(Image.open(io.BytesIO(summary.image.encoded_image_string)))


def test_images_are_reconstructions_and_traversals_of_the_model_as_it_is(dataset):
    experiment, _ = plan("beta_vae", TINY, {"latent_dim": 3, "batch_size": 16})
    model = unbraid.Model(experiment.build(), experiment)
    found = shown(model.vae.train(), dataset)
    assert model.vae.training, "the model is left as it was"
    model.vae.eval()
    index = example_images(dataset, IMAGES)
    images = dataset.images.bytes(index)
    above, below = pixels(found["images/reconstructions"])[:32], pixels(found["images/reconstructions"])[33:]
    np.testing.assert_array_equal(above, strip(images))
    np.testing.assert_allclose(below.astype(int), strip(to_bytes(model.reconstruct(images))).astype(int), atol=1)
    code = model.encode(images)[0]
    for j in range(3):
        codes = np.tile(code, (COLUMNS, 1))
        codes[:, j] = np.linspace(-2, 2, COLUMNS)
        row = pixels(found["images/traversals"])[33 * j : 33 * j + 32]
        np.testing.assert_allclose(row.astype(int), strip(to_bytes(model.decode(codes))).astype(int), atol=1)


def test_histograms_count_every_weight_and_every_latent(dataset):
    experiment, _ = plan("beta_vae", TINY, {"latent_dim": 3, "batch_size": 16})
    vae = experiment.build()
    found = shown(vae, dataset, {"kl_per_dim": [0.0, 1.0, 3.0]})
    for player in ("encoder", "decoder"):
        weights = torch.cat([p.detach().flatten() for p in vae.parameters_of(player) if p.ndim > 1]).double()
        histogram = found[f"weights/{player}"].histo
        assert (histogram.num, sum(histogram.bucket)) == (len(weights), len(weights))
        assert histogram.min == pytest.approx(float(weights.min()))
        assert histogram.sum_squares == pytest.approx(float((weights**2).sum()), rel=1e-6)
        below = histogram.bucket_limit[10]
        assert sum(histogram.bucket[:11]) == pytest.approx(int((weights < below).sum()), abs=1)
    kl = found["latents/kl_per_dim"].histo
    assert (kl.num, kl.min, kl.max, kl.sum) == (3, 0, 3, 4)


def test_images_that_may_not_be_passed_on_are_not_shown(dataset):
    experiment, _ = plan("beta_vae", TINY, {"latent_dim": 3, "batch_size": 16})
    found = shown(experiment.build(), replace(dataset, redistributable=False))
    assert not [tag for tag in found if tag.startswith("images/")]
    assert "weights/encoder" in found


@pytest.mark.parametrize("model", ["qlae", "chyvae", "factor_vae", "soft_intro_vae"])
def test_models_of_all_kinds(dataset, model):
    experiment, _ = plan(model, TINY, {"latent_dim": 3, "batch_size": 16})
    found = shown(experiment.build(), dataset)
    assert {"images/reconstructions", "images/traversals", "weights/encoder", "weights/decoder"} <= set(found)


def multiplexed(folder):
    """TensorBoard's own reading of a run."""
    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    multiplexer.AddRun(str(folder / "tensorboard"), "run").Reload()
    return multiplexer


def test_the_configuration_is_shown_once_however_often_a_run_resumes(train_small, tmp_path):
    for step in (3, 13):
        with pytest.raises(Interrupted):
            train_small(monitor=StopAt(step), beta=2.5)
    run = train_small(beta=2.5)
    read = multiplexed(tmp_path / "run")
    (event,) = read.Tensors("run", "configuration")
    (text,) = event.tensor_proto.string_val
    assert event.step == 0
    assert read.SummaryMetadata("run", "configuration").plugin_data.plugin_name == "text"
    rows = dict(re.fullmatch(r"\| (\S+) \| (.*) \|", row).groups() for row in text.decode().split("\n"))
    assert rows["model"] == r"beta\_vae"
    assert (rows["beta"], rows["steps"], rows["option"]) == ("2.5", "24", "value")
    assert set(rows) - {"option", "---"} == set(run.experiment.flat_options())
    start = HParamsPluginData.FromString(read.SummaryMetadata("run", SESSION_START_INFO_TAG).plugin_data.content)
    assert start.session_start_info.group_name == "run"
    assert start.session_start_info.hparams["beta"].number_value == 2.5
    assert start.session_start_info.hparams["model"].string_value == "beta_vae"


def test_numbers_say_their_units(train_small, tmp_path):
    train_small(model="factor_vae")
    read = multiplexed(tmp_path / "run")
    said = {tag: read.SummaryMetadata("run", tag).summary_description for tag in read.Runs()["run"]["tensors"]}
    assert said["train/kl"] == "kl, nats per image"
    assert said["train_kl_per_dim/2"] == "kl_per_dim, nats per image, latent 2"
    assert said["train/discriminator/accuracy"].endswith("a share from 0 to 1")
    assert said["evaluation/train/nll"] == "train/nll, nats per image"
    assert said["evaluation/mig"] == "mig, a plain number"
    assert said["schedule/weight/kl"] == "weight of the term in the loss at this step"
    rates = [tag for tag in said if tag.startswith("schedule/lr")]
    assert rates
    assert {said[tag] for tag in rates} == {"learning rate at this step"}
    assert all(said[tag] for tag in said if not tag.startswith(("images/", "weights/", "latents/", "_hparams_")))


ASK_THE_DEFAULT_SERVER = """
import json, sys, time
from tensorboard.context import RequestContext
from tensorboard.data.server_ingester import SubprocessServerDataIngester, get_server_binary
from tensorboard.util.grpc_util import ChannelCredsType

server = SubprocessServerDataIngester(
    get_server_binary(), sys.argv[1], reload_interval=1, channel_creds_type=ChannelCredsType.LOCAL
)
server.start()
found = {}
while not found:
    time.sleep(0.05)
    found = server.data_provider.list_scalars(RequestContext(), experiment_id="", plugin_name="scalars")
(run,) = found.values()
print(json.dumps({tag: series.description for tag, series in run.items()}))
"""


@pytest.mark.skipif(server_binary() is None, reason="TensorBoard has no such server for this platform")
def test_the_default_server_shows_the_units_too(train_small, tmp_path):
    train_small()
    asked = [sys.executable, "-W", "ignore", "-c", ASK_THE_DEFAULT_SERVER, str(tmp_path)]
    said = json.loads(subprocess.run(asked, capture_output=True, check=True, timeout=100, text=True).stdout)
    assert said["train/kl"] == "kl, nats per image"
    assert all(said.values())


def test_a_run_shows_numbers_at_every_entry_and_images_five_times(tmp_path):
    options = {"batch_size": 16, "latent_dim": 3, "log_every": 2, "device": "cpu"}
    unbraid.train("beta_vae", TINY, out=tmp_path / "run", steps=20, **options)
    (file,) = (tmp_path / "run" / "tensorboard").rglob("*tfevents*")
    events = [Event.FromString(raw) for raw in RawEventFileLoader(str(file)).Load()]
    steps = {"tensor": set(), "simple_value": set(), "image": set(), "histo": set()}
    for event in events:
        for value in event.summary.value:
            steps[value.WhichOneof("value")].add(event.step)
    assert steps["tensor"] == {0}
    assert steps["simple_value"] == set(range(2, 21, 2))
    assert steps["image"] == steps["histo"] == {4, 8, 12, 16, 20}
