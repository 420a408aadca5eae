"""Runs on data of the user's own: from files, folders and Python, resumed, moved, altered."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset

import unbraid
from helpers.resuming import StopAt
from unbraid.config.experiment import Experiment
from unbraid.config.plan import plan
from unbraid.errors import ConfigMismatch, UnbraidError, UsageError
from unbraid.reporting.command import command_line
from unbraid.training.checkpoint import list_checkpoints

FAST = {"steps": 6, "batch_size": 8, "latent_dim": 3, "checkpoint_every": 2, "log_every": 2, "device": "cpu"}
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (60, 32, 32), np.uint8)
KNOWN = {"x": np.arange(60) % 5, "y": np.arange(60) // 5 % 3}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("digits.npz", images=IMAGES)
    return tmp_path


def weights(folder):
    return (list_checkpoints(folder / "checkpoints")[-1] / "model.safetensors").read_bytes()


def test_the_same_images_train_the_same_model_wherever_they_come_from(here):
    torch_data = TensorDataset(torch.from_numpy(IMAGES)[:, None])
    (here / "photos").mkdir()
    for i, image in enumerate(IMAGES):
        Image.fromarray(image).save(here / "photos" / f"{i:02}.png")
    given = {
        "e": torch_data,
        "a": IMAGES,
        "b": IMAGES[:, None] / 255,
        "c": "npz:digits.npz",
        "d": "folder:photos",
        "f": unbraid.dataset(IMAGES),
    }
    made = {name: unbraid.train("beta_vae", data, out=here / name, **FAST) for name, data in given.items()}
    first = weights(here / "a")
    assert all(weights(here / name) == first for name in made)
    digests = {model.experiment.data_digest for model in made.values()}
    assert len(digests) == 1


def test_a_run_on_arrays_resumes_bit_for_bit_with_the_same_arrays_alone(here):
    data = unbraid.dataset(IMAGES, factors=KNOWN, name="mine")
    unbraid.train("vae", data, out=here / "whole", **FAST)
    with pytest.raises(KeyboardInterrupt):
        unbraid.train("vae", data, out=here / "parts", monitor=StopAt(2), **FAST)
    altered = IMAGES.copy()
    altered[0, 0, 0] ^= 1
    with pytest.raises(ConfigMismatch, match="other data"):
        unbraid.train("vae", unbraid.dataset(altered, factors=KNOWN, name="mine"), out=here / "parts", **FAST)
    model = unbraid.train("vae", unbraid.dataset(IMAGES.copy(), factors=KNOWN, name="mine"), out=here / "parts", **FAST)
    assert weights(here / "whole") == weights(here / "parts")
    assert set(model.evaluate().metrics) >= {"mig", "aam"}
    for score in (unbraid.evaluate, unbraid.report):
        with pytest.raises(UsageError, match=r"'mine' were given in Python.*unbraid.evaluate\(RUN, data=images\)"):
            score(here / "parts")
        with pytest.raises(UsageError, match="not the data the run was trained on"):
            score(here / "parts", data=IMAGES)
    assert unbraid.evaluate(here / "parts", data=data).metrics["mig"]["per_factor"].keys() == KNOWN.keys()
    page = unbraid.report(here / "parts", data=data).read_text()
    assert "unbraid.train(" in page
    assert model.experiment.data_digest in page


def test_arrays_of_other_content_get_a_folder_of_their_own(here):
    first, second, third = (unbraid.train("vae", x, **FAST).folder for x in (IMAGES, 255 - IMAGES, IMAGES))
    assert first == third != second


def test_a_file_that_changes_is_noticed_by_every_stage(here):
    with pytest.raises(KeyboardInterrupt):
        unbraid.train("vae", "npz:digits.npz", monitor=StopAt(2), **FAST)
    (run,) = (here / "runs").iterdir()
    np.savez("digits.npz", images=255 - IMAGES)
    with pytest.raises(ConfigMismatch, match=r"content of 'npz:.*digits.npz' has changed"):
        unbraid.train("vae", "npz:digits.npz", **FAST)
    for stage in (unbraid.evaluate, unbraid.report):
        with pytest.raises(UsageError, match="not the data"):
            stage(run)
    np.savez_compressed("digits.npz", x=IMAGES / 255)  # the same images in another dress
    unbraid.train("vae", "npz:digits.npz", **FAST)
    assert unbraid.report(run).is_file()


def test_an_option_that_differs_is_named_before_the_content(here):
    unbraid.train("vae", "npz:digits.npz", out=here / "run", **FAST)
    with pytest.raises(ConfigMismatch, match=r"test_share: 0.1 there, 0.5 now"):
        unbraid.train("vae", "npz:digits.npz", out=here / "run", test_share=0.5, **FAST)


def test_a_run_finds_its_data_from_any_folder_and_after_a_move(here, monkeypatch):
    run = unbraid.train("vae", "npz:digits.npz", out=here / "run", **FAST).folder
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    unbraid.evaluate(run)
    (here / "digits.npz").rename(here / "elsewhere" / "moved.npz")
    with pytest.raises(UnbraidError, match=r"There is no file .*digits\.npz.*--data npz:PATH"):
        unbraid.evaluate(run)
    before = (run / "config.json").read_text()
    unbraid.evaluate(run, data="npz:moved.npz")
    unbraid.report(run, data="npz:moved.npz")
    assert unbraid.train("vae", "npz:moved.npz", out=run, **FAST).step == 6
    assert json.loads(before)["data_digest"] == json.loads((run / "config.json").read_text())["data_digest"]
    with pytest.raises(UsageError, match="trained on 'npz', not on 'ellipses'"):
        unbraid.evaluate(run, data="ellipses")


def test_the_configuration_round_trips_and_reports_show_no_folders(here):
    for folder in ("data", "tables"):
        (here / folder).mkdir()
    (here / "digits.npz").rename(here / "data" / "digits.npz")
    (here / "tables" / "t.csv").write_text("x\n" + "\n".join(map(str, KNOWN["x"])) + "\n")
    experiment, data = plan("vae", "npz:data/digits.npz", {"table": "tables/t.csv", "batch_size": 8, "scale": "255"})
    assert Experiment.from_dict(json.loads(json.dumps(experiment.to_dict()))) == experiment
    assert experiment.data_options["path"] == str(here / "data" / "digits.npz")
    assert data.space.names == ("x",)
    command = command_line(experiment)
    assert command == "unbraid train vae npz:data/digits.npz --batch-size 8 --table tables/t.csv --scale 255"
    again, _ = plan("vae", "npz:data/digits.npz", {"table": "tables/t.csv", "batch_size": 8, "scale": "255"})
    assert again == experiment
    model = unbraid.train("vae", "npz:data/digits.npz", table="tables/t.csv", out=here / "run", **FAST)
    model.save(here / "saved")
    assert str(here) not in (here / "saved" / "config.json").read_text()
    assert str(here) not in unbraid.report(here / "run").read_text()
    saved = unbraid.load(here / "saved")
    assert saved.experiment.data_options["table"] == str(Path("tables", "t.csv"))
    assert saved.evaluate() == model.evaluate("npz:data/digits.npz") == model.evaluate()
    saved.save(here / "again")
    assert (here / "again" / "config.json").read_text() == (here / "saved" / "config.json").read_text()


def test_models_are_evaluated_on_any_images_of_their_shape(here):
    (here / "photos").mkdir()
    for i, image in enumerate(IMAGES[:20]):
        Image.fromarray(image).resize((40, 50)).save(here / "photos" / f"{i:02}.png")
    model = unbraid.train("vae", "folder:photos", size=32, out=here / "run", **FAST)
    assert model.evaluate("folder:photos") == model.evaluate()
    (here / "photos").rename(here / "others")
    assert model.evaluate("folder:others").of_images == 20  # brought to 32 pixels as in training
    assert model.evaluate("npz:digits.npz").of_images == 60
    assert model.evaluate(IMAGES[:30]).of_images == 30
    assert "mig" in model.evaluate(unbraid.dataset(IMAGES, factors=KNOWN)).metrics
    with pytest.raises(UsageError, match="takes"):
        model.evaluate(IMAGES[:, :16])


def test_changed_files_are_read_anew_within_one_session(here):
    first, _ = plan("vae", "npz:digits.npz", {"batch_size": 8})
    np.savez("digits.npz", images=255 - IMAGES)
    second, data = plan("vae", "npz:digits.npz", {"batch_size": 8})
    assert first.data_digest != second.data_digest
    np.testing.assert_array_equal(data.images.bytes(np.arange(60))[:, 0], 255 - IMAGES)


@pytest.mark.parametrize("data", ["ellipses:x", "npz:", "nzp:digits.npz", "npz", "arrays"])
def test_names_that_stand_for_nothing(here, data):
    with pytest.raises(UsageError):
        unbraid.train("vae", data, **FAST)
    assert sorted(path.name for path in here.iterdir()) == ["digits.npz"]


def test_two_places_are_one_too_many(here):
    with pytest.raises(UsageError, match="two places"):
        unbraid.train("vae", "npz:digits.npz", path="other.npz", **FAST)


QUICK = {**FAST, "encoder": "mlp", "encoder_width": 8, "decoder": "mlp", "decoder_width": 8}
BITS = (RNG.random((60, 32, 32)) > 0.7).astype(np.uint8)
NUMBERS = {
    "bytes of 0 and 1": (BITS, "auto"),
    "booleans": (BITS.astype(bool), "auto"),
    "bytes to 255": (IMAGES, "auto"),
    "bytes to 15": (IMAGES >> 4, "minmax"),
    "12 bits": (IMAGES.astype(np.uint16) << 4, "0,4095"),
    "signed": (IMAGES.astype(np.int16) - 100, "minmax"),
    "floats to 1": (IMAGES / 255, "auto"),
    "floats to 255": (IMAGES.astype(np.float32), "255"),
    "floats around 0": (IMAGES / 127.5 - 1, "minmax"),
}


@pytest.mark.parametrize("source", ["file", "array"])
@pytest.mark.parametrize("numbers", NUMBERS)
def test_a_loaded_run_encodes_the_images_it_was_trained_on_to_the_codes_it_had_for_them(here, numbers, source):
    images, scale = NUMBERS[numbers]
    np.savez("own.npz", images=images)
    if source == "file":
        unbraid.train("vae", "npz:own.npz", scale=scale, out=here / "run", **QUICK)
        unbraid.evaluate(here / "run")
    else:
        data = unbraid.dataset(images, scale=scale)
        unbraid.train("vae", data, out=here / "run", **QUICK)
        unbraid.evaluate(here / "run", data=data)
    codes = np.load(here / "run" / "codes.npz")["mean"]
    for model in (unbraid.load(here / "run"), unbraid.load(unbraid.load(here / "run").save(here / "saved"))):
        np.testing.assert_allclose(model.encode(images), codes, atol=1e-6)
        np.testing.assert_allclose(model.encode(images[:, None]), codes, atol=1e-6)
        if images.dtype.kind in "iu":
            np.testing.assert_allclose(model.encode(torch.from_numpy(images.astype(np.int64))).numpy(), codes, atol=1e-6)
            np.testing.assert_allclose(model.encode(images.tolist()), codes, atol=1e-6)
        np.testing.assert_array_equal(model.reconstruct(images[:3]), model.decode(model.encode(images[:3])))
        middle = model.traverse(images[5], dims=[0], span=(float(codes[5, 0]), float(codes[5, 0])), n=1)
        np.testing.assert_allclose(middle[0], model.decode(codes[5:6]), atol=1e-6)
        shares = unbraid.dataset(images, scale=scale).images.floats(np.arange(60))
        np.testing.assert_allclose(model.encode(shares, scaled=True), codes, atol=1e-6)
        assert model.evaluate(images).splits == model.evaluate("npz:own.npz").splits


def test_images_in_numbers_that_may_be_two_things_are_refused(here):
    def trained(images, **options):
        return unbraid.train("vae", unbraid.dataset(images, **options), **QUICK)

    bits, usual = trained(BITS), trained(IMAGES)
    with pytest.raises(UsageError, match="from 0 to 255, and this model was trained on whole numbers from 0 to 1"):
        bits.encode(255 * BITS)
    np.testing.assert_allclose(bits.encode(BITS.astype(bool)), bits.encode(BITS))
    for ask in (usual.encode, usual.reconstruct, usual.evaluate, lambda images: usual.traverse(images[0])):
        with pytest.raises(UsageError, match=r"255 \* images"):
            ask(BITS)
    around = trained(IMAGES / 127.5 - 1, scale="minmax")
    halves = np.clip(IMAGES / 127.5 - 1, 0, 1)
    with pytest.raises(UsageError, match="scaled=False"):
        around.encode(halves)
    black_is_middle = around.encode(np.concatenate([halves, [np.full((32, 32), -1.0)]]))[:-1]
    np.testing.assert_allclose(around.encode(halves, scaled=False), black_is_middle, atol=1e-6)
    assert np.abs(around.encode(halves, scaled=True) - black_is_middle).max() > 1e-3
    with pytest.raises(UsageError, match="Give the same numbers"):
        around.encode(3 * halves, scaled=False)
    with pytest.raises(UsageError, match="lie in"):
        around.encode(3 * halves)


def test_the_smallest_and_largest_values_of_other_images_are_not_black_and_white(here):
    model = unbraid.train("vae", unbraid.dataset(IMAGES >> 4, scale="minmax"), **QUICK)
    darker = np.minimum(IMAGES >> 4, 9)
    with pytest.raises(UsageError, match=r"scale=\(0, 15\)"):
        model.evaluate(unbraid.dataset(darker, scale="minmax"))
    same = model.evaluate(unbraid.dataset(darker, scale=(0, 15)))
    assert same == model.evaluate(darker)
    np.savez("digits.npz", images=IMAGES >> 4)
    model = unbraid.train("vae", "npz:digits.npz", scale="minmax", **QUICK)
    np.savez("darker.npz", images=darker)
    assert model.evaluate("npz:darker.npz").splits == model.evaluate(darker).splits
