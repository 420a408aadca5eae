"""What a run folder survives, and what `--overwrite` leaves alone."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

import unbraid
from helpers.resuming import StopAt, assert_same_run, damage, final
from unbraid.cli.main import main
from unbraid.errors import Interrupted, NonFiniteLoss, UnbraidWarning, UsageError
from unbraid.nn.registry import encoders
from unbraid.training import run as run_module
from unbraid.training.checkpoint import list_checkpoints, read_checkpoint
from unbraid.training.log import RunLog, read_log
from unbraid.training.meter import Meter
from unbraid.training.step import Outcome


@pytest.mark.parametrize("content", ['{"name": "my web app"}', "{", "[]"])
def test_overwrite_spares_folders_that_are_not_runs_though_they_hold_a_config(train_small, tmp_path, content):
    folder = tmp_path / "app"
    (folder / "src").mkdir(parents=True)
    (folder / "config.json").write_text(content)
    (folder / "src" / "thesis.tex").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(UsageError, match="not a run folder"):
            train_small("app", overwrite=overwrite)
    assert (folder / "src" / "thesis.tex").is_file()
    assert (folder / "config.json").read_text() == content
    assert not (folder / ".lock").exists()


def test_overwrite_leaves_what_runs_did_not_write(train_small, tmp_path):
    train_small()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    train_small(beta=2.0, overwrite=True)
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"


def test_a_damaged_configuration_beside_checkpoints_can_be_overwritten(train_small, tmp_path):
    train_small()
    (tmp_path / "run" / "config.json").write_text("{")
    assert train_small(overwrite=True).step == 24


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_kill_while_the_folder_is_made_leaves_one_that_can_be_used(train_small, tmp_path, monkeypatch, overwrite):
    if overwrite:
        train_small()

    class Killed(BaseException):
        pass

    def kill(*args):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(run_module, "write_json", kill)
        with pytest.raises(Killed):
            train_small(beta=3.0, overwrite=overwrite)
    assert train_small(beta=3.0, overwrite=overwrite).step == 24
    assert json.loads((tmp_path / "run" / "config.json").read_text())["model_options"]["beta"] == 3.0


def test_a_damaged_last_checkpoint_is_made_anew(train_small, tmp_path):
    train_small("whole")
    train_small("hurt")
    newest = list_checkpoints(tmp_path / "hurt" / "checkpoints")[-1]
    damage(newest / "model.safetensors", "truncated")
    with pytest.warns(UnbraidWarning, match="A newer checkpoint was passed over; step 21 is used"):
        assert train_small("hurt").step == 24
    assert read_checkpoint(newest).state.step == 24
    assert unbraid.load(tmp_path / "hurt").step == 24
    assert_same_run(tmp_path / "whole", tmp_path / "hurt")


def test_leftovers_of_killed_writers_are_swept(train_small, tmp_path):
    with pytest.raises(Interrupted):
        train_small(monitor=StopAt(9))
    leftover = tmp_path / "run" / "checkpoints" / ".step_000000010.4242"
    leftover.mkdir()
    train_small()
    assert not leftover.exists()


def test_a_lost_log_or_environment_does_not_block_a_run(train_small, tmp_path):
    train_small("whole")
    with pytest.raises(Interrupted):
        train_small(monitor=StopAt(16))
    (tmp_path / "run" / "log.jsonl").unlink()
    (tmp_path / "run" / "environment.json").write_text("{")
    with pytest.warns(UnbraidWarning, match="log.jsonl is missing; training continues without the earlier entries"):
        train_small()
    assert final(tmp_path / "whole") == final(tmp_path / "run")
    assert [entry.step for entry in read_log(tmp_path / "run" / "log.jsonl")][-1] == 24


def test_log_lines_of_a_resumed_run_name_their_values_in_the_same_order(train_small, tmp_path):
    train_small("whole")
    with pytest.raises(Interrupted):
        train_small("parts", monitor=StopAt(11))
    train_small("parts")
    orders = [[list(entry.values) for entry in read_log(tmp_path / name / "log.jsonl")] for name in ("whole", "parts")]
    assert orders[0] == orders[1]


def test_closing_a_log_on_a_full_disk_hides_no_other_error(tmp_path):
    log = RunLog(tmp_path / "log.jsonl", tmp_path / "tensorboard")
    log._handle.close()
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device that is always full
        log._handle = full
        full.write("x")
        log.close()


def test_weights_that_diverge_are_named_before_an_evaluation_trips_over_them(train_small):
    with pytest.raises(NonFiniteLoss, match="player"):
        train_small(optimizer="sgd", lr=1e12, evaluate_every=3, log_every=24, checkpoint_every=24)


def test_means_count_every_value_once_and_only_where_there_was_one():
    meter = Meter()
    for step in range(10):
        moves = [Outcome(("encoder",), {"nll": torch.tensor(1.0)}), Outcome(("encoder",), {"nll": torch.tensor(3.0)})]
        late = [Outcome(("discriminator",), {"discriminator/score": torch.tensor(100.0)})] if step >= 5 else []
        meter.add(moves + late, step)
    assert meter.read() == {"nll": 2.0, "discriminator/score": 100.0}


def test_non_finite_terms_are_named_with_step_and_player():
    meter = Meter()
    for step, value in enumerate((1.0, 2.0, float("nan"), float("inf"))):
        values = {"loss": torch.tensor(value), "kl": torch.tensor(value), "nll": torch.tensor(1.0)}
        meter.add([Outcome(("encoder", "decoder"), values)], step)
    with pytest.raises(NonFiniteLoss, match="step 3: player encoder and decoder, term kl"):
        meter.check_finite()


@encoders.register("dropping", source="the tests")
def dropping(image_shape, n_params):
    """An encoder with dropout, which draws from the global generator."""
    return nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(image_shape[0] * image_shape[1] * image_shape[2], n_params))


def test_dropout_repeats_and_resumes(train_small, tmp_path):
    state = torch.get_rng_state()
    train_small("whole", encoder="dropping")
    with pytest.raises(Interrupted):
        train_small("parts", encoder="dropping", monitor=StopAt(10))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(99)
        train_small("parts", encoder="dropping")
    assert final(tmp_path / "whole") == final(tmp_path / "parts")
    assert torch.equal(state, torch.get_rng_state())


def test_half_precision_trains_with_losses_in_full(train_small, tmp_path):
    train_small("half", precision="bfloat16")
    train_small("full")
    last = [read_log(tmp_path / name / "log.jsonl")[-1].values for name in ("half", "full")]
    assert last[0] != last[1]
    assert last[0]["train/nll"] == pytest.approx(last[1]["train/nll"], rel=0.05)


def test_a_saved_model_s_configuration_can_be_given_back(train_small, tmp_path):
    saved = train_small().save(tmp_path / "saved")
    again = [
        "train",
        "--config",
        str(saved / "config.json"),
        "--out",
        str(tmp_path / "again"),
        "--no-report",
        "--device",
        "cpu",
    ]
    assert main(again) == 0
    assert final(tmp_path / "again") == final(tmp_path / "run")
