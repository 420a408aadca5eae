"""Models on a Hub: what is uploaded, what comes back, what is refused in words."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

import unbraid
from helpers.hub_server import TOKEN, Hub, hub
from helpers.tiny import TINY
from unbraid.errors import CorruptFile, DataUnavailable, UsageError
from unbraid.hub import from_pretrained, push_to_hub, save_pretrained
from unbraid.reporting.numbers import decimal

OPTIONS = {"encoder": "mlp", "decoder": "mlp", "encoder_width": 8, "decoder_width": 8, "latent_dim": 3, "batch_size": 16}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "scored"
    unbraid.train("beta_vae", TINY, steps=30, device="cpu", out=folder, **OPTIONS)
    unbraid.evaluate(folder, metrics=["mig", "modularity"])
    return folder


@pytest.fixture
def server(monkeypatch, tmp_path):
    from huggingface_hub import constants

    with hub() as one:
        monkeypatch.setattr(constants, "ENDPOINT", one.address)
        files = f"{one.address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        yield one


def images() -> np.ndarray:
    return unbraid.load_dataset(TINY).images[:20]


def metadata(card: str) -> dict:
    return yaml.safe_load(card.split("---\n")[1])


def test_a_model_comes_back_as_it_went(run, server: Hub):
    address = push_to_hub(run, "me/ellipses", token=TOKEN)
    assert address.startswith(f"{server.address}/me/ellipses/commit/")
    files = server.repositories["me/ellipses"]
    assert set(files) == {"config.json", "model.safetensors", "README.md", "traversals.png"}
    again = from_pretrained("me/ellipses", device="cpu")
    model = unbraid.load(run, device="cpu")
    np.testing.assert_array_equal(again.encode(images()), model.encode(images()))
    assert again.step == 30
    push_to_hub(again, "me/ellipses", token=TOKEN)  # what came back can go again, without scores
    assert "model-index" not in metadata(server.repositories["me/ellipses"]["README.md"].decode())


def test_the_card_has_the_scores_of_the_run_and_nothing_of_this_machine(run, server: Hub):
    from huggingface_hub import ModelCard

    push_to_hub(run, "me/ellipses", token=TOKEN)
    card = server.repositories["me/ellipses"]["README.md"].decode()
    scores = unbraid.evaluate(run, metrics=["mig", "modularity"])
    told = metadata(card)
    assert told["library_name"] == "unbraid"
    assert {"beta_vae", TINY} <= set(told["tags"])
    (result,) = told["model-index"][0]["results"]
    values = {one["type"]: one["value"] for one in result["metrics"]}
    assert values == {name: round(scores[name]["score"], 4) for name in ("mig", "modularity")}
    known = ModelCard(card).data.eval_results  # as the Hub's own library reads it
    assert {one.metric_type: one.metric_value for one in known} == values
    assert f"| MIG | {decimal(scores['mig']['score'], 3)} |" in card
    assert f"unbraid train beta_vae {TINY}" in card
    assert 'from_pretrained("me/ellipses")' in card
    assert str(run.parent) not in card
    assert str(run.parent) not in server.repositories["me/ellipses"]["config.json"].decode()


def test_images_that_may_not_be_passed_on_are_not_on_the_card(tmp_path):
    mine = unbraid.dataset(images()[:, 0], redistributable=False, name="mine")
    unbraid.train("vae", mine, steps=3, device="cpu", out=tmp_path / "run", **OPTIONS | {"batch_size": 8})
    unbraid.evaluate(tmp_path / "run", data=mine)
    folder = save_pretrained(tmp_path / "run", tmp_path / "saved", data=mine)
    assert {path.name for path in folder.iterdir()} == {"config.json", "model.safetensors", "README.md"}
    assert from_pretrained(folder, device="cpu").latent_dim == 3


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("me/nothing", DataUnavailable, "did not serve me/nothing"),
        ("me/hidden", DataUnavailable, "hf auth login"),
        ("me/other", DataUnavailable, "no config.json and no model.safetensors"),
        ("no such name", UsageError, "USER/NAME"),
    ],
)
def test_what_is_no_model_is_told(server: Hub, name, error, words):
    server.repositories |= {"me/hidden": {}, "me/other": {"a.txt": b"hello"}}
    server.hidden.add("me/hidden")
    with pytest.raises(error, match=words):
        from_pretrained(name)


def test_a_file_and_a_folder_without_weights_are_told(run, tmp_path, monkeypatch):
    monkeypatch.setattr("unbraid.hub._api", None)  # nobody is asked
    folder = unbraid.load(run).save(tmp_path / "saved")
    with pytest.raises(UsageError, match=r"config.json is a file; give the folder of a model, or USER/NAME"):
        from_pretrained(folder / "config.json")
    (folder / "model.safetensors").unlink()
    with pytest.raises(CorruptFile, match=r"holds no model.safetensors, which its config.json goes with"):
        from_pretrained(folder)


def test_a_private_model_is_for_who_may_read_it(run, server: Hub):
    push_to_hub(run, "me/mine", private=True, token=TOKEN)
    assert server.hidden == {"me/mine"}
    with pytest.raises(DataUnavailable):
        from_pretrained("me/mine")
    assert from_pretrained("me/mine", token=TOKEN, device="cpu").step == 30


def test_uploads_that_are_refused_are_told(run, server: Hub):
    with pytest.raises(DataUnavailable, match="401"):
        push_to_hub(run, "me/ellipses", token="hf_unknown")


def test_no_server_is_told(run, monkeypatch, server: Hub):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DataUnavailable, match="network"):
        push_to_hub(run, "me/ellipses", token=TOKEN)


def test_the_library_that_is_missing_is_named(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UsageError, match=r"unbraid\[hub\]"):
        push_to_hub(run, "me/ellipses")
